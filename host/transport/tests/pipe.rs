//! What a node is asked over a pipe, and what becomes of it when the wire breaks.

use silver_agent::protocol::{Channel, ErrorCode, Hello, Refusal, Request, Response, accept};
use silver_core::node::{Node, NodeError};
use silver_plugin_api::{
    Digest,
    plan::{NodeFacts, Progress, ProgressKind},
};
use silver_transport::{
    RemoteNode,
    pipe::{Cut, Pipe},
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::io::{DuplexStream, ReadHalf, WriteHalf};

type AgentSide = Channel<ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;

/// An agent with one blob, whose application `held` is locked.
async fn serve(stream: DuplexStream, received: Arc<AtomicUsize>) {
    let (reader, writer) = tokio::io::split(stream);
    let Ok((mut channel, _)): Result<(AgentSide, Hello), _> = accept(reader, writer, &Hello::new("agent")).await else { return };
    while let Ok(Some(request)) = channel.receive::<Request>().await {
        let answer = match request {
            Request::Facts => Response::Facts(Box::new(NodeFacts { name: "pipe".into(), ..NodeFacts::default() })),
            Request::Lock { app } if app == "held" => Response::Busy { by: "ann@home".into() },
            Request::PutBlobs { blobs } => {
                let (mut got, size) = (0, blobs.iter().map(|(_, size)| size).sum::<u64>());
                while got < size {
                    let Ok(piece) = channel.receive_data().await else { return };
                    got += piece.len() as u64;
                }
                received.fetch_add(1, Ordering::SeqCst);
                Response::Ok
            }
            Request::Watch { .. } => {
                let progress = Progress { step: "migrate".into(), kind: ProgressKind::Done, at_ms: 1 };
                channel.send(&Response::Progress(progress)).await.ok();
                Response::Idle { last: None }
            }
            Request::Status => Response::Error(Refusal {
                code: ErrorCode::Ending,
                message: "the agent ends".into(),
                causes: vec!["it was asked to".into()],
                hint: Some("later".into()),
                log: Vec::new(),
            }),
            // what was not asked for
            Request::Apps => Response::Exit { code: 0 },
            _ => Response::Ok,
        };
        if channel.send(&answer).await.is_err() {
            return;
        }
    }
}

fn node(cut: &Arc<Cut>) -> (RemoteNode, Arc<AtomicUsize>) {
    let received = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&received);
    let pipe = Pipe::new(Box::new(move |stream| drop(tokio::spawn(serve(stream, Arc::clone(&counter))))), Arc::clone(cut));
    (RemoteNode::new(pipe), received)
}

#[tokio::test]
async fn answers_become_values_and_refusals_become_errors() {
    let (node, _) = node(&Cut::never());
    assert_eq!(node.facts().await.unwrap().name, "pipe");
    assert!(matches!(node.lock("held").await, Err(NodeError::Busy { by, .. }) if by == "ann@home"));
    let error = node.status().await.unwrap_err();
    assert_eq!((error.to_string(), error.hint()), ("the agent ends".into(), Some("later".into())));
    let error = node.apps().await.unwrap_err();
    assert_eq!(error.to_string(), "node `pipe` answered `Exit` where `Apps` was expected");
    let mut heard = Vec::new();
    let mut listener = |progress: Progress| heard.push(progress.step);
    node.watch("a", &mut listener).await.unwrap();
    assert_eq!(heard, ["migrate"]);
}

#[tokio::test]
async fn a_body_arrives_whole_or_not_at_all() {
    // bytes that do not compress, so that the wire carries them
    let body: Vec<u8> =
        (0..100_000_u64).flat_map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (n << 17)).to_le_bytes()).collect();
    let digest = Digest::from_bytes([1; 32]);
    for (cut, whole) in [(Cut::never(), true), (Cut::after(200), false), (Cut::after(1000), false), (Cut::after(100_000), false)]
    {
        let (node, received) = node(&cut);
        let Ok(mut session) = node.lock("a").await else {
            assert!(!whole, "the wire broke before the lock");
            continue;
        };
        let sent = session.put_blobs(&[(digest, body.len() as u64)], &mut body.as_slice(), &mut |_| {}).await;
        assert_eq!(sent.is_ok(), whole);
        assert_eq!(received.load(Ordering::SeqCst) == 1, whole);
        if let Err(error) = sent {
            assert!(matches!(error, NodeError::Broken { .. }), "{error}");
            assert!(cut.is_cut());
        }
    }
}

#[tokio::test]
async fn a_file_that_is_shorter_than_announced_is_named() {
    let (node, received) = node(&Cut::never());
    let mut session = node.lock("a").await.unwrap();
    let error =
        session.put_blobs(&[(Digest::from_bytes([1; 32]), 10)], &mut [1_u8; 3].as_slice(), &mut |_| {}).await.unwrap_err();
    assert!(matches!(error, NodeError::Read { .. }), "{error}");
    assert_eq!(received.load(Ordering::SeqCst), 0);
}
