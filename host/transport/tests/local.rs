//! This machine's agent: found, started, replaced.

use silver_agent::{
    dirs::Dirs,
    protocol::{Channel, Hello, PROTOCOL, Request, Response, accept},
};
use silver_core::node::{Node, NodeError};
use silver_plugin_api::plan::{AppReport, AppState, NodeFacts};
use silver_transport::{
    RemoteNode,
    local::{Local, Start},
};
use std::{
    os::fd::AsRawFd,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::net::UnixListener;

/// An agent of some version in this process. It ends when it is told to; `running` is the
/// transition that it carries out.
fn agent(dirs: &Dirs, silver: &str, running: Option<&str>) {
    std::fs::create_dir_all(&dirs.run).unwrap();
    let socket = dirs.agent_socket();
    if socket.exists() {
        std::fs::remove_file(&socket).unwrap();
    }
    // the path is longer than a socket's may be, as for the real agent
    let directory = std::fs::File::open(&dirs.run).unwrap();
    let short = Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join("agent.sock");
    let listener = UnixListener::bind(short).unwrap();
    let hello = Hello { silver: silver.into(), protocol: PROTOCOL, who: "agent".into() };
    let running = running.map(str::to_owned);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (reader, writer) = stream.into_split();
            let (mut channel, _): (Channel<_, _>, _) = accept(reader, writer, &hello).await.unwrap();
            let Ok(Some(request)) = channel.receive::<Request>().await else { continue };
            let answer = match request {
                Request::Facts => Response::Facts(Box::new(NodeFacts { silver: hello.silver.clone(), ..NodeFacts::default() })),
                Request::Apps => Response::Apps(vec![app(running.clone())]),
                _ => Response::Ok,
            };
            channel.send(&answer).await.unwrap();
            if let Ok(Some(Request::Shutdown)) = channel.receive().await {
                channel.send(&Response::Ok).await.unwrap();
                drop(listener);
                return std::fs::remove_file(&socket).unwrap();
            }
        }
    });
}

fn app(running: Option<String>) -> AppReport {
    AppReport {
        app: "wiki".into(),
        state: AppState::Active,
        current: None,
        release: None,
        created: None,
        locations: Vec::new(),
        processes: Vec::new(),
        samples: Vec::new(),
        publisher: None,
        running,
        step: None,
        left: false,
    }
}

/// Directories whose socket has a path of more than 108 bytes.
fn dirs(home: &tempfile::TempDir) -> Dirs {
    Dirs::below(&home.path().join("a-home-with-a-rather-long-name".repeat(6)))
}

/// Starts the agent in this process, and a program that ends at once in its place.
fn start(dirs: &Dirs, program: &'static str, silver: Option<&'static str>) -> (Start, Arc<AtomicUsize>) {
    let (dirs, count) = (dirs.clone(), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&count);
    let start: Start = Box::new(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        if let Some(silver) = silver {
            agent(&dirs, silver, None);
        }
        Command::new(program).spawn()
    });
    (start, count)
}

const OURS: &str = env!("CARGO_PKG_VERSION");

#[tokio::test]
async fn an_agent_that_runs_is_used() {
    let home = tempfile::tempdir().unwrap();
    let dirs = dirs(&home);
    agent(&dirs, OURS, None);
    let (start, count) = start(&dirs, "true", None);
    let node = RemoteNode::new(Local::new(dirs, "me@here", Some(start)));
    assert_eq!(node.facts().await.unwrap().silver, OURS);
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn one_that_does_not_run_is_started_once() {
    let home = tempfile::tempdir().unwrap();
    let dirs = dirs(&home);
    let (start, count) = start(&dirs, "true", Some(OURS));
    let node = RemoteNode::new(Local::new(dirs, "me@here", Some(start)));
    let (one, two) = tokio::join!(node.facts(), node.apps());
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn one_that_cannot_be_started_is_told_with_its_log() {
    let home = tempfile::tempdir().unwrap();
    let dirs = dirs(&home);
    std::fs::create_dir_all(&dirs.state).unwrap();
    std::fs::write(dirs.agent_log(), "port 8484 is in use\n").unwrap();
    let (start, _) = start(&dirs, "false", None);
    let node = RemoteNode::new(Local::new(dirs.clone(), "me@here", Some(start)));
    let error = node.facts().await.unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, NodeError::Unreachable { .. }), "{said}");
    assert!(said.contains("port 8484 is in use") && said.contains("agent.log"), "{said}");

    let absent = Local::new(dirs, "me@here", None);
    assert!(!absent.runs().await);
    assert!(matches!(RemoteNode::new(absent).facts().await, Err(NodeError::Unreachable { .. })));
}

#[tokio::test]
async fn one_of_another_version_is_replaced_unless_it_is_busy() {
    let home = tempfile::tempdir().unwrap();
    let dirs = dirs(&home);
    agent(&dirs, "0.0.1", None);
    let (begin, count) = start(&dirs, "true", Some(OURS));
    let node = RemoteNode::new(Local::new(dirs, "me@here", Some(begin)));
    assert_eq!(node.facts().await.unwrap().silver, OURS);
    assert_eq!(count.load(Ordering::SeqCst), 1);

    let home = tempfile::tempdir().unwrap();
    let dirs = self::dirs(&home);
    agent(&dirs, "0.0.1", Some("20261122t180000z-1"));
    let (begin, count) = start(&dirs, "true", Some(OURS));
    let error = RemoteNode::new(Local::new(dirs, "me@here", Some(begin))).facts().await.unwrap_err();
    assert!(matches!(&error, NodeError::Version { theirs, .. } if theirs == "0.0.1") && error.hint().is_some());
    assert_eq!(count.load(Ordering::SeqCst), 0);
}
