//! On a node: a client of `silver agent stdio`, as a command at the other end of ssh is one. The test program copies
//! itself there.

use silver_agent::protocol::{self, Channel, Hello, Request, Response, mux};
use silver_pack::{
    hash,
    listing::{Kind, Listing, Node},
};
use silver_plugin_api::{
    Digest,
    plan::{Action, DataClass, Deployment, Hook, HookTarget, Progress, ProgressKind, Release, Step, Transition, TransitionKind},
};
use std::{
    io::{Write, stdout},
    process::{ExitCode, Stdio},
};
use tokio::{
    io::{ReadHalf, WriteHalf, split},
    process::Command,
};

/// As the first argument: this is a client on a node.
pub(crate) const CLIENT: &str = "client-on-a-node";
/// Where silver is on a node.
pub(super) const SILVER: &str = "/usr/local/lib/silver/current";
/// The release that is deployed.
pub(super) const LABEL: &str = "shop.20261122_1";

type Side = Channel<ReadHalf<mux::Stream>, WriteHalf<mux::Stream>>;

/// `submit SCRIPT` deploys a release whose migration is that script, `watch` looks on at what is under way, `lock` takes the
/// lock. All print a line for each answer.
pub(crate) fn run() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut agent = Command::new(SILVER);
        let mut agent = agent.args(["agent", "stdio"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mux = mux::Mux::client(agent.stdout.take().unwrap(), agent.stdin.take().unwrap()).await.unwrap();
        let (reader, writer) = split(mux.open().await.unwrap());
        let mut channel = protocol::connect(reader, writer, &Hello::new("ann@desk")).await.unwrap().0;
        match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["submit", script] => submit(&mut channel, script).await,
            ["lock"] => say(&ask(&mut channel, &Request::Lock { app: "shop".into() }).await),
            ["watch"] => say(&ask(&mut channel, &Request::Watch { app: "shop".into() }).await),
            other => panic!("{other:?}"),
        }
    });
    ExitCode::SUCCESS
}

async fn submit(channel: &mut Side, script: &str) {
    let content = b"shop";
    let digest = hash::sha256(content);
    let mut listing = Listing::new();
    listing.insert("env/name".parse().unwrap(), Node { kind: Kind::File, size: 4, digest }).unwrap();
    put(channel, &Request::PutBlobs { blobs: vec![(digest, 4)] }, content).await;
    let lines = listing.to_lines();
    let tree = listing.digest();
    put(channel, &Request::PutTree { digest: tree, size: lines.len() as u64 }, lines.as_bytes()).await;
    expect_ok(&ask(channel, &Request::Lock { app: "shop".into() }).await);
    let release = release(tree);
    expect_ok(&ask(channel, &Request::Stage { label: LABEL.into(), release: Box::new(release.clone()), secrets: vec![] }).await);
    let transition = Box::new(transition(release, script));
    say(&ask(channel, &Request::Submit { transition }).await);
}

async fn put(channel: &mut Side, request: &Request, bytes: &[u8]) {
    channel.send(request).await.unwrap();
    channel.send_data(&mut &*bytes, bytes.len() as u64, |_| {}).await.unwrap();
    expect_ok(&channel.receive().await.unwrap().unwrap());
}

fn expect_ok(response: &Response) {
    assert_eq!(*response, Response::Ok);
}

/// The last answer; what comes before is printed.
async fn ask(channel: &mut Side, request: &Request) -> Response {
    channel.send(request).await.unwrap();
    loop {
        let response: Response = channel.receive().await.unwrap().expect("the agent ended");
        if response.is_last() {
            return response;
        }
        if let Response::Progress(Progress { step, kind: ProgressKind::Begin(_), .. }) = response {
            let _ = writeln!(stdout(), "begin {step}"); // a test that does not listen has ended
        }
    }
}

fn say(response: &Response) {
    let _ = writeln!(stdout(), "{}", serde_json::to_string(response).unwrap()); // as above
}

fn release(tree: Digest) -> Release {
    let state = vec![crate::apps::state("db", silver_plugin_api::plan::StateNature::Data)];
    let bare = crate::apps::release("shop", "none");
    Release { tree, state, secrets: vec![], env: vec![], rendered: vec![], processes: vec![], ..bare }
}

/// A deployment that no visitor sees: what it brings does not become current.
fn transition(release: Release, script: &str) -> Transition {
    let step = |id: &str, action, undo| Step { id: id.into(), action, undo, why: id.into() };
    let hook = Hook { target: HookTarget::Command(["sh", "-c", script].map(Into::into).into()), timeout_ms: 60_000 };
    Transition {
        id: "t1".into(),
        kind: TransitionKind::Deploy,
        app: "shop".into(),
        parent: None,
        release: Some((LABEL.into(), release)),
        locations: Vec::new(),
        data: DataClass::Unchanged,
        steps: vec![
            step("make-state", Action::MakeState, vec![Action::RemoveState]),
            step("migrate", Action::Run { name: "migrate".into(), hook }, vec![]),
        ],
        deployment: Deployment { operator: "ann@desk".into(), ..Deployment::default() },
    }
}
