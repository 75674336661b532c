//! A program on the node: bytes both ways until it ends.

use crate::{
    answer::{broken, refused, unexpected},
    connection::Connection,
};
use silver_agent::protocol::{CHUNK, Frame, ProtocolError, Request, Response};
use silver_core::node::NodeError;
use silver_plugin_api::plan::{RunInput, RunOutput, RunRequest};
use tokio::sync::mpsc;

pub(crate) async fn run(
    mut connection: Connection,
    request: RunRequest,
    mut input: mpsc::Receiver<RunInput>,
    output: mpsc::Sender<RunOutput>,
) -> Result<i32, NodeError> {
    connection.order(&Request::Run(request)).await?;
    let Connection { node, listen: mut from_node, talk: to_node } = connection;
    let send = async move {
        while let Some(message) = input.recv().await {
            match message {
                RunInput::Data(bytes) => {
                    for piece in bytes.chunks(CHUNK) {
                        to_node.lock().await.send_frame(&Frame::Data(piece.to_vec())).await?;
                    }
                }
                message => to_node.lock().await.send(&message).await?,
            }
        }
        // nobody has anything to say any more; the program may still have
        std::future::pending::<Result<(), ProtocolError>>().await
    };
    let receive = async {
        loop {
            let frame = from_node.frame().await.map_err(|error| broken(&node, &error))?;
            let piece = match frame {
                Some(Frame::Data(bytes)) => RunOutput::Out(bytes),
                Some(Frame::Error(bytes)) => RunOutput::Err(bytes),
                Some(Frame::Message(body)) => {
                    let answer = serde_json::from_slice(&body).map_err(|error| broken(&node, &error.into()))?;
                    return match answer {
                        Response::Exit { code } => Ok(code),
                        Response::Error(refusal) => Err(refused(refusal)),
                        other => Err(unexpected(&node, &other, "`Exit`")),
                    };
                }
                Some(Frame::Alive) => continue,
                None => return Err(broken(&node, &ProtocolError::Ended)),
            };
            // whoever does not listen any more still wants the exit code
            output.send(piece).await.ok();
        }
    };
    tokio::pin!(receive);
    tokio::select! {
        code = &mut receive => code,
        // what cannot be sent any more was not wanted any more: the program has ended, its code follows
        Err(_) = send => receive.await,
    }
}
