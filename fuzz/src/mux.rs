//! Many connections over one pair of streams, either side of it: a node that says anything at all, and a client that does.

use crate::protocol::{ask, hello};
use async_trait::async_trait;
use silver_agent::protocol::{
    self, Hello, MARKER, Request, Response,
    mux::{Mux, Served},
};
use silver_core::node::NodeError;
use silver_transport::{
    RemoteNode,
    dial::{Channel, Dial},
};
use std::{future::Future, time::Duration};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split};

/// Longer than anything takes that has ended.
const PATIENCE: Duration = Duration::from_secs(20);

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("it ends") })
}

/// Dials over one pair of streams.
struct Muxed(Mux);

#[async_trait]
impl Dial for Muxed {
    fn node(&self) -> &'static str {
        "mux"
    }

    async fn dial(&self) -> Result<Channel, NodeError> {
        let broken = |reason: String| NodeError::Broken { node: self.node().into(), reason };
        let stream = self.0.open().await.map_err(|error| broken(error.to_string()))?;
        let (reader, writer) = split(stream);
        let opened = protocol::open(Box::new(reader) as _, Box::new(writer) as _, &Hello::new("fuzz")).await;
        opened.map_err(|error| broken(error.to_string()))
    }
}

/// A node that waits for the first question, says all of the data and goes.
pub(crate) fn node(data: &[u8]) {
    let said = data.to_vec();
    block_on(async move {
        let (ours, theirs) = duplex(1 << 16);
        let (mut hears, mut says) = split(theirs);
        let node = tokio::spawn(async move {
            hears.read_exact(&mut [0; MARKER.len() + 1]).await.ok();
            says.write_all(&said).await.ok();
            says.shutdown().await.ok();
            while hears.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {}
        });
        let (reader, writer) = split(ours);
        if let Ok(mux) = Mux::client(reader, writer).await {
            ask(&RemoteNode::new(Muxed(mux))).await;
        }
        node.await.expect("it only talks");
    });
}

/// A client that says all of the data and goes. What it asks is answered with what was asked for first, if it can be.
pub(crate) fn client(data: &[u8]) {
    let said = data.to_vec();
    block_on(async move {
        let (ours, theirs) = duplex(1 << 16);
        let (mut hears, mut says) = split(theirs);
        let client = tokio::spawn(async move {
            says.write_all(&said).await.ok();
            says.shutdown().await.ok();
            while hears.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {}
        });
        serve(ours).await;
        client.await.expect("it only talks");
    });
}

/// An agent that knows nothing, and says so to whoever asks.
async fn serve(stream: DuplexStream) {
    let (reader, writer) = split(stream);
    let Ok(mut served) = Served::new(reader, writer).await else { return };
    let mut connections = tokio::task::JoinSet::new();
    while let Some(Ok(stream)) = served.next().await {
        connections.spawn(async move {
            let (reader, writer) = split(stream);
            let Ok((mut channel, _)) = protocol::accept(reader, writer, &Hello::new("agent")).await else { return };
            while let Ok(Some(request)) = channel.receive::<Request>().await {
                if let Request::PutTree { .. } | Request::PutBlobs { .. } = request {
                    channel.receive_data().await.ok();
                }
                if channel.send(&Response::Ok).await.is_err() {
                    return;
                }
            }
        });
    }
    drop(served);
    while connections.join_next().await.is_some() {}
}

/// What one side says in a conversation of both, and its end.
async fn overheard(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWriteExt + Unpin)) -> Vec<u8> {
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        all.extend_from_slice(&piece[..read]);
        if to.write_all(&piece[..read]).await.is_err() {
            break;
        }
    }
    to.shutdown().await.ok();
    all
}

/// A real conversation about these requests, each over a connection of its own: what the client says, and the node.
fn conversation(requests: &[Request]) -> (Vec<u8>, Vec<u8>) {
    block_on(async {
        let ((ours, client), (agent, theirs)) = (duplex(1 << 16), duplex(1 << 16));
        tokio::spawn(serve(theirs));
        let ((mut from_client, mut to_client), (mut from_agent, mut to_agent)) = (split(client), split(agent));
        let listening = tokio::spawn(async move {
            tokio::join!(overheard(&mut from_client, &mut to_agent), overheard(&mut from_agent, &mut to_client))
        });
        let (reader, writer) = split(ours);
        let mux = Mux::client(reader, writer).await.expect("a pipe");
        for request in requests {
            let (reader, writer) = split(mux.open().await.expect("a connection"));
            let mut channel = protocol::open(reader, writer, &Hello::new("seed")).await.expect("a pipe");
            channel.send(request).await.expect("a pipe");
            if let Request::PutBlobs { blobs } = request {
                let size = blobs.iter().map(|(_, size)| size).sum();
                channel.send_data(&mut tokio::io::repeat(7), size, |_| {}).await.expect("a pipe");
            }
            channel.receive::<Response>().await.expect("an answer");
        }
        drop(mux);
        listening.await.expect("both have ended")
    })
}

fn conversations() -> Vec<(Vec<u8>, Vec<u8>)> {
    let digest = silver_plugin_api::Digest::from_bytes([7; 32]);
    vec![
        conversation(&[Request::Facts]),
        conversation(&[Request::Lock { app: "app".into() }, Request::Status, Request::Apps]),
        conversation(&[Request::PutBlobs { blobs: vec![(digest, 10), (digest, 300)] }]),
    ]
}

pub(crate) fn nodes() -> Vec<Vec<u8>> {
    let noise = [b"Welcome!\r\n".to_vec(), [MARKER, &[0; 12]].concat(), [MARKER, &hello()].concat()];
    noise.into_iter().chain(conversations().into_iter().map(|(_, node)| node)).collect()
}

pub(crate) fn clients() -> Vec<Vec<u8>> {
    conversations().into_iter().map(|(client, _)| client).collect()
}
