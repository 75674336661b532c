//! A program that is run for a client, with input and output over the connection.

use super::{Connection, Stop, Writer};
use crate::{
    apps::Placed,
    protocol::{Frame, ProtocolError, Response},
    server::log_error,
};
use silver_plugin_api::plan::{RunInput, RunOutput, RunRequest, RunSpec};
use silver_registry::statement::Session;
use std::{convert::Infallible, sync::Arc};
use tokio::sync::mpsc;

impl Connection {
    /// Runs a program of the client's; it ends when the client goes.
    pub(super) async fn program(&mut self, request: RunRequest) -> Result<Response, Stop> {
        let RunRequest { app, spec, operator, reason } = request;
        let placed = self.placed(&app).await?;
        let began = jiff::Timestamp::now().as_millisecond();
        let (input, inputs) = mpsc::channel(16);
        let (output, mut outputs) = mpsc::channel::<RunOutput>(16);
        self.writer.send(&Response::Ok).await?;
        let agent = Arc::clone(&self.agent);
        let Self { reader, writer, .. } = &mut *self;
        // Each direction is a future of its own: a frame that was half read must not be dropped, and
        // whoever waits for the program to take its input must not keep its output waiting.
        let taking = async {
            while let Some(frame) = reader.frame().await? {
                let _ = input.send(run_input(frame)?).await; // the program may have just ended
            }
            Err::<Infallible, _>(ProtocolError::Ended)
        };
        let giving = async {
            while let Some(said) = outputs.recv().await {
                match said {
                    RunOutput::Out(bytes) => send_chunks(writer, bytes, Frame::Data).await?,
                    RunOutput::Err(bytes) => send_chunks(writer, bytes, Frame::Error).await?,
                }
            }
            Ok::<(), ProtocolError>(())
        };
        let work = async { tokio::join!(agent.apps.run(&placed, &spec, inputs, output), giving) };
        let (ended, gone) = tokio::select! {
            (code, given) = work => (Some(code), given.err()),
            Err(gone) = taking => (None, Some(gone)), // the program is killed: nobody is there any more
        };
        let code = ended.as_ref().and_then(|ended| ended.as_ref().ok().copied());
        self.record(&placed, &spec, &operator, reason.as_deref(), code, began).await;
        match (ended, gone) {
            (_, Some(gone)) => Err(gone.into()),
            (Some(ended), None) => Ok(Response::Exit { code: ended? }),
            (None, None) => Err(ProtocolError::Ended.into()),
        }
    }

    async fn record(&self, placed: &Placed, spec: &RunSpec, operator: &str, reason: Option<&str>, exit: Option<i32>, began: i64) {
        let session = Session {
            release: Some(placed.label.clone()),
            tree: Some(placed.release.tree),
            argv: spec.argv.clone(),
            exit,
            tty: spec.tty.is_some(),
        };
        if let Err(error) = self.agent.recorder.session(placed.app(), operator, reason, session, began).await {
            log_error("a session could not be recorded", &error);
        }
    }
}

async fn send_chunks(writer: &mut Writer, bytes: Vec<u8>, frame: fn(Vec<u8>) -> Frame) -> Result<(), ProtocolError> {
    for chunk in bytes.chunks(crate::protocol::CHUNK) {
        writer.send_frame(&frame(chunk.to_vec())).await?;
    }
    Ok(())
}

fn run_input(frame: Frame) -> Result<RunInput, ProtocolError> {
    Ok(match frame {
        Frame::Data(bytes) => RunInput::Data(bytes),
        Frame::Message(body) => serde_json::from_slice(&body)?,
        Frame::Error(_) | Frame::Alive => return Err(ProtocolError::Unexpected("error data came from a client")),
    })
}
