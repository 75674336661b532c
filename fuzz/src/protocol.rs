//! The client's side of the agent protocol: a node that says anything at all.

use silver_agent::protocol::{Channel, Frame, Hello, MARKER, Response};
use silver_core::{node::Node, progress::Listener};
use silver_plugin_api::{
    Digest,
    plan::{LogQuery, Progress, ProgressKind, RunRequest, RunSpec},
};
use silver_transport::{
    RemoteNode,
    pipe::{Cut, Pipe},
};
use std::{future::Future, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::mpsc,
};

/// Longer than any answer takes that has ended.
const PATIENCE: Duration = Duration::from_secs(20);

struct Deaf;

impl Listener for Deaf {
    fn progress(&mut self, _: Progress) {}
}

/// Each question is answered with all of the data, after which the node is gone.
pub(crate) fn run(data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(ask_all(data));
}

async fn ends<T>(what: &str, question: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, question).await.unwrap_or_else(|_| panic!("`{what}` does not end"))
}

async fn ask_all(data: &[u8]) {
    let said = data.to_vec();
    let serve = move |stream: DuplexStream| {
        let said = said.clone();
        tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(stream);
            let listening = tokio::spawn(async move { while reader.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {} });
            let _ = writer.write_all(&said).await;
            let _ = writer.shutdown().await;
            let _ = listening.await;
        });
    };
    ask(&RemoteNode::new(Pipe::new(Box::new(serve), Cut::never()))).await;
}

/// Everything that a node can be asked: each question ends, whatever it says.
pub(crate) async fn ask(node: &RemoteNode) {
    let digest = Digest::from_bytes([7; 32]);
    let _ = ends("facts", node.facts()).await;
    let _ = ends("apps", node.apps()).await;
    let _ = ends("observe", node.observe("app")).await;
    let _ = ends("status", node.status()).await;
    let _ = ends("missing", node.missing(Some(digest), vec![digest])).await;
    let _ = ends("environment", node.environment("app")).await;
    let _ = ends("watch", node.watch("app", &mut Deaf)).await;
    if let Ok(lines) = ends("tree", node.tree(&digest)).await {
        let _ = silver_pack::listing::Listing::parse(&lines);
    }
    let (lines, mut received) = mpsc::channel(1);
    let drain = async { while received.recv().await.is_some() {} };
    let query = LogQuery { app: "app".into(), process: None, lines: 9, follow: true };
    let _ = ends("logs", async { tokio::join!(node.logs(query, lines), drain) }).await;
    let ((output, mut printed), (typed, input)) = (mpsc::channel(1), mpsc::channel(1));
    drop(typed);
    let drain = async { while printed.recv().await.is_some() {} };
    let request = RunRequest {
        app: "app".into(),
        spec: RunSpec { argv: Vec::new(), tty: None, phase: "shell".into() },
        operator: "ann@home".into(),
        reason: None,
    };
    let _ = ends("run", async { tokio::join!(node.run(request, input, output), drain) }).await;
    if let Ok(mut session) = ends("lock", node.lock("app")).await {
        let _ = ends("put", session.put_blobs(&[(digest, 3)], &mut &b"abc"[..], &mut |_| {})).await;
        let _ = ends("put tree", session.put_tree(digest, "")).await;
        let _ = ends("outcome", session.outcome(&mut Deaf)).await;
    }
}

/// What an agent says that gives these answers.
fn said(frames: &[Frame]) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let (reader, writer) = tokio::io::split(ours);
        // only the hand-shake makes a channel: the other side says what it has to
        theirs.write_all(&hello()).await.expect("memory takes it");
        let (mut channel, _): (Channel<_, _>, _) =
            silver_agent::protocol::connect(reader, writer, &Hello::new("seed")).await.expect("a hand-shake");
        for frame in frames {
            channel.send_frame(frame).await.expect("memory takes it");
        }
        drop(channel);
        let mut said = Vec::new();
        theirs.read_to_end(&mut said).await.expect("memory gives it");
        said
    })
}

/// The first thing that an agent says.
pub(crate) fn hello() -> Vec<u8> {
    let body = serde_json::to_vec(&Hello::new("seed")).expect("plain data");
    let length = u32::try_from(body.len()).expect("it is short");
    [MARKER, &length.to_be_bytes(), &[0], &body].concat()
}

/// What compressing does not make smaller, and so travels as it is.
fn dense() -> Vec<u8> {
    let next = |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
    std::iter::successors(Some(1), next).flat_map(|state: u64| state.to_be_bytes().into_iter().take(4)).take(20_000).collect()
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let message = |response: &Response| Frame::Message(serde_json::to_vec(response).expect("plain data"));
    let progress = Progress { step: "stage".into(), kind: ProgressKind::Done, at_ms: 1 };
    let ok = message(&Response::Ok);
    vec![
        b"Welcome!\r\n".to_vec(),
        said(&[message(&Response::Facts(Box::default()))]),
        said(&[message(&Response::Apps(Vec::new()))]),
        said(&[message(&Response::Progress(progress)), ok.clone(), ok.clone(), ok]),
        said(&[message(&Response::Tree { size: 5 }), Frame::Data(b"lines".to_vec())]),
        said(&[message(&Response::Tree { size: 5 }), Frame::Data(Vec::new()), Frame::Data(Vec::new())]),
        said(&[message(&Response::Tree { size: 20_000 }), Frame::Data(dense())]),
        said(&[Frame::Data(b"out".to_vec()), Frame::Error(b"err".to_vec()), message(&Response::Exit { code: 3 })]),
        said(&[message(&Response::Idle { last: None })]),
    ]
}
