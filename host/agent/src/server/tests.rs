//! The whole of the control half behind its socket, with apps that only remember.

mod group;
mod looking;

use super::*;
use crate::{
    fake::{self, FakeApps, step},
    protocol::{self, Channel, ErrorCode, Hello, Request, Response},
};
use silver_pack::{
    hash,
    listing::{Kind, Listing, Node},
};
use silver_plugin_api::{
    TreePath,
    plan::{
        Action, DataClass, LogQuery, Missing, OutcomeKind, Release, RunInput, RunRequest, RunSpec, Transition, TransitionKind,
    },
};
use tokio::{
    net::unix::{OwnedReadHalf, OwnedWriteHalf},
    task::JoinHandle,
};

struct Client(Channel<OwnedReadHalf, OwnedWriteHalf>);

impl Client {
    async fn new(dirs: &Dirs, who: &str) -> Self {
        let stream = loop {
            match connect(dirs).await {
                Ok(stream) => break stream,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        let (reader, writer) = stream.into_split();
        Self(protocol::connect(reader, writer, &Hello::new(who)).await.unwrap().0)
    }

    /// The last response, progress left out.
    async fn ask(&mut self, request: &Request) -> Response {
        self.0.send(request).await.unwrap();
        self.last().await
    }

    async fn last(&mut self) -> Response {
        loop {
            let response: Response = self.0.receive().await.unwrap().unwrap();
            if response.is_last() {
                return response;
            }
        }
    }

    async fn put(&mut self, request: &Request, bytes: &[u8]) -> Response {
        self.0.send(request).await.unwrap();
        self.0.send_data(&mut &*bytes, bytes.len() as u64, |_| {}).await.unwrap();
        self.last().await
    }

    async fn refused(&mut self, request: &Request) -> ErrorCode {
        match self.ask(request).await {
            Response::Error(refusal) => refusal.code,
            other => panic!("{other:?}"),
        }
    }
}

fn options(dirs: &Dirs) -> Options {
    Options {
        dirs: dirs.clone(),
        port: 8484,
        path: "/usr/bin:/bin".into(),
        patience: protocol::PATIENCE,
        key: None,
        launch: None,
        die_at: None,
    }
}

async fn start(dirs: &Dirs) -> (JoinHandle<Result<(), ServeError>>, Arc<FakeApps>) {
    start_with(options(dirs)).await
}

async fn start_with(options: Options) -> (JoinHandle<Result<(), ServeError>>, Arc<FakeApps>) {
    let (only, apps) = (only_agent(&options.dirs).await.unwrap(), Arc::new(FakeApps::new(&options.dirs, &[])));
    let serving = serve(only, options, Arc::clone(&apps) as Arc<dyn Apps>);
    (tokio::spawn(serving), apps)
}

/// The tree of a release with one file, sent to the node.
async fn send_tree(client: &mut Client) -> Release {
    let content = b"hello";
    let digest = hash::sha256(content);
    let mut listing = Listing::new();
    listing.insert(TreePath::new("env/a").unwrap(), Node { kind: Kind::File, size: 5, digest }).unwrap();
    let lines = listing.to_lines();
    let missing = Request::Missing { archive: None, blobs: vec![digest] };
    assert_eq!(client.ask(&missing).await, Response::Missing(Missing { blobs: vec![digest], ..Missing::default() }));
    assert_eq!(client.put(&Request::PutBlobs { blobs: vec![(digest, 5)] }, content).await, Response::Ok);
    assert_eq!(client.ask(&missing).await, Response::Missing(Missing::default()));
    let tree = listing.digest();
    let put = client.put(&Request::PutTree { digest: tree, size: lines.len() as u64 }, lines.as_bytes()).await;
    assert_eq!(put, Response::Ok);
    Release { tree, state: Vec::new(), ..fake::release("1.0.0") }
}

fn first(label: &str, release: &Release) -> Transition {
    let switch = Action::Switch { label: Some(label.into()) };
    Transition {
        id: String::new(),
        kind: TransitionKind::Deploy,
        app: "shop".into(),
        parent: None,
        release: Some((label.into(), release.clone())),
        locations: vec!["shop.localhost".into()],
        data: DataClass::Unchanged,
        steps: vec![
            step("locations", Action::SetLocations { locations: vec!["shop.localhost".into()] }, vec![]),
            step("switch", switch, vec![Action::Switch { label: None }]),
            step("open", Action::Open, vec![]),
        ],
        deployment: silver_plugin_api::plan::Deployment { operator: "ann@desk".into(), ..Default::default() },
    }
}

#[tokio::test]
async fn a_first_deployment_from_lock_to_record() {
    let home = tempfile::tempdir().unwrap();
    let dirs = Dirs::below(&home.path().join("a long way down, so that the address of a socket would not fit in ".repeat(2)));
    let (agent, apps) = start(&dirs).await;
    let (mut ann, mut bob) = (Client::new(&dirs, "ann@desk").await, Client::new(&dirs, "bob@desk").await);
    let mode = fs::metadata(dirs.agent_socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(matches!(only_agent(&dirs).await, Err(ServeError::Running(pid)) if pid == std::process::id().to_string()));

    let lock = Request::Lock { app: "shop".into() };
    assert_eq!(ann.ask(&lock).await, Response::Ok);
    assert_eq!(bob.ask(&lock).await, Response::Busy { by: "ann@desk".into() });
    let release = send_tree(&mut ann).await;
    let Response::Observed(observed) = ann.ask(&Request::Observe { app: "shop".into() }).await else { panic!() };
    let label = observed.next_label.clone();
    let stage = Request::Stage { label: label.clone(), release: Box::new(release.clone()), secrets: Vec::new() };
    let submit = |transition| Request::Submit { transition: Box::new(transition) };

    assert_eq!(bob.refused(&stage).await, ErrorCode::Refused, "without the lock");
    assert_eq!(bob.refused(&submit(first(&label, &release))).await, ErrorCode::Refused);
    assert_eq!(ann.refused(&submit(first(&label, &release))).await, ErrorCode::Stale, "before it is staged");
    assert_eq!(ann.ask(&stage).await, Response::Ok);
    let outdated = Transition { parent: Some("shop.20200101_1".into()), ..first(&label, &release) };
    assert_eq!(ann.refused(&submit(outdated)).await, ErrorCode::Stale);
    let Response::Outcome(outcome) = ann.ask(&submit(first(&label, &release))).await else { panic!() };
    assert_eq!((outcome.kind, outcome.event, outcome.current.as_deref()), (OutcomeKind::Done, Some(0), Some(label.as_str())));
    assert_eq!(ann.refused(&submit(first(&label, &release))).await, ErrorCode::Stale, "no longer the first");

    let Response::Idle { last: Some(last) } = bob.ask(&Request::Watch { app: "shop".into() }).await else { panic!() };
    assert_eq!(last.outcome, *outcome);
    let event = silver_registry::Registry::open(&dirs.registry()).unwrap().event(0).unwrap();
    let record = event.statement.record();
    assert_eq!((record.by.claimed.as_str(), record.app.as_deref()), ("ann@desk", Some("shop")));
    assert_eq!(record.event.change().unwrap().verified, Some(release.tree));

    // an app that writes to a file of its release: told, and the store is unharmed
    let file = dirs.tree("shop", &label).join("env/a");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&file, "hello and more").unwrap();
    fs::write(dirs.tree("shop", &label).join("env/b"), "").unwrap();
    let Response::Observed(observed) = ann.ask(&Request::Observe { app: "shop".into() }).await else { panic!() };
    assert_eq!(observed.drift, ["env/a (altered)", "env/b (extra)"]);
    assert!(silver_registry::Registry::open(&dirs.registry()).unwrap().objects().read(&hash::sha256(b"hello")).is_ok());
    assert_ne!(observed.next_label, label);

    drop(ann);
    while bob.ask(&lock).await != Response::Ok {} // the lock falls with the connection
    assert_eq!(bob.ask(&Request::Shutdown).await, Response::Ok);
    agent.await.unwrap().unwrap();
    assert!(!dirs.agent_socket().exists());
    assert!(apps.running.lock().unwrap().is_empty());
}

#[tokio::test]
async fn contents_that_came_whole_are_kept() {
    let home = tempfile::tempdir().unwrap();
    let dirs = Dirs::below(home.path());
    let (agent, _) = start(&dirs).await;
    let contents: Vec<Vec<u8>> = (0..20_u8).map(|number| vec![number; 1000 * usize::from(number)]).collect();
    let blobs: Vec<_> = contents.iter().map(|content| (hash::sha256(content), content.len() as u64)).collect();
    let missing = Request::Missing { archive: None, blobs: blobs.iter().map(|(digest, _)| *digest).collect() };

    // the wire breaks in the eleventh
    let mut client = Client::new(&dirs, "ann@desk").await;
    client.0.send(&Request::PutBlobs { blobs: blobs.clone() }).await.unwrap();
    let part = [contents[..10].concat(), contents[10][..1].to_vec()].concat();
    client.0.send_data(&mut part.as_slice(), part.len() as u64, |_| {}).await.unwrap();
    drop(client);
    let mut client = Client::new(&dirs, "ann@desk").await;
    let lacks = loop {
        let Response::Missing(missing) = client.ask(&missing).await else { panic!() };
        if missing.blobs.len() <= 10 {
            break missing.blobs;
        }
        tokio::task::yield_now().await;
    };
    assert!(lacks.iter().eq(blobs[10..].iter().map(|(digest, _)| digest)), "{lacks:?}");

    // one is wrong: those before are kept, those that are there already are passed over, and the connection goes on
    let mut wrong = contents.clone();
    wrong[15][7] ^= 1;
    let refused = client.put(&Request::PutBlobs { blobs: blobs.clone() }, &wrong.concat()).await;
    assert!(matches!(refused, Response::Error(refusal) if refusal.code == ErrorCode::Integrity));
    let Response::Missing(lacks) = client.ask(&missing).await else { panic!() };
    assert!(lacks.blobs.iter().eq(blobs[15..].iter().map(|(digest, _)| digest)), "{lacks:?}");
    assert_eq!(client.put(&Request::PutBlobs { blobs: blobs.clone() }, &contents.concat()).await, Response::Ok);
    assert_eq!(client.ask(&missing).await, Response::Missing(Missing::default()));

    let many = vec![(blobs[0].0, 0); silver_plugin_api::plan::MAX_SENT + 1];
    assert_eq!(client.refused(&Request::PutBlobs { blobs: many }).await, ErrorCode::Refused);
    let endless = vec![(blobs[0].0, u64::MAX), (blobs[1].0, 1)];
    assert_eq!(client.refused(&Request::PutBlobs { blobs: endless }).await, ErrorCode::Refused);
    client.ask(&Request::Shutdown).await;
    agent.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_lock_of_a_silent_client_falls() {
    let home = tempfile::tempdir().unwrap();
    let dirs = Dirs::below(home.path());
    let (agent, _) = start_with(Options { patience: Duration::from_millis(50), ..options(&dirs) }).await;
    let (mut ann, mut bob) = (Client::new(&dirs, "ann@desk").await, Client::new(&dirs, "bob@desk").await);
    let lock = Request::Lock { app: "shop".into() };
    assert_eq!(ann.ask(&lock).await, Response::Ok);
    // ann's connection stays open, and nothing is said over it
    while bob.ask(&lock).await != Response::Ok {
        tokio::task::yield_now().await;
    }
    assert!(ann.0.receive::<Response>().await.unwrap().is_none(), "the agent has given her up");
    let mut client = Client::new(&dirs, "cat@desk").await;
    client.ask(&Request::Shutdown).await;
    agent.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_silver_does_of_itself_is_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let dirs = Dirs::below(home.path());
    let (agent, _) = start(&dirs).await;
    let mut ann = Client::new(&dirs, "ann@desk").await;
    let starts = lock::app(&dirs, "shop", lock::STARTS).unwrap();
    ann.0.send(&Request::Lock { app: "shop".into() }).await.unwrap();
    let sent_away = tokio::time::timeout(Duration::from_millis(100), ann.last()).await;
    assert!(sent_away.is_err(), "{sent_away:?}");
    drop(starts);
    assert_eq!(ann.last().await, Response::Ok);
    ann.ask(&Request::Shutdown).await;
    agent.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_next_agent_routes_and_starts_what_serves() {
    let home = tempfile::tempdir().unwrap();
    let dirs = Dirs::below(home.path());
    let (agent, _) = start(&dirs).await;
    let mut client = Client::new(&dirs, "ann@desk").await;
    client.ask(&Request::Lock { app: "shop".into() }).await;
    let release = send_tree(&mut client).await;
    let label = "shop.20261122_1".to_owned();
    client.ask(&Request::Stage { label: label.clone(), release: Box::new(release.clone()), secrets: Vec::new() }).await;
    client.ask(&Request::Submit { transition: Box::new(first(&label, &release)) }).await;
    client.ask(&Request::Shutdown).await;
    drop(client); // in the same process its lock does not fall with the agent
    agent.await.unwrap().unwrap();

    let (agent, apps) = start(&dirs).await;
    let mut client = Client::new(&dirs, "ann@desk").await;
    let Response::Apps(list) = client.ask(&Request::Apps).await else { panic!() };
    assert_eq!(
        list.iter().map(|app| (app.app.as_str(), app.current.as_deref())).collect::<Vec<_>>(),
        [("shop", Some(label.as_str()))]
    );
    let Response::Apps(recorded) = client.ask(&Request::Recorded).await else { panic!() };
    assert_eq!(recorded, list, "nothing of it runs here");
    assert_eq!(apps.calls(), [format!("route {label} Active shop.localhost"), format!("start {label} serve")]);
    client.ask(&Request::Shutdown).await;
    agent.await.unwrap().unwrap();
}

#[tokio::test]
async fn programs_logs_and_bad_requests() {
    let home = tempfile::tempdir().unwrap();
    let dirs = Dirs::below(home.path());
    let (agent, _) = start(&dirs).await;
    let mut client = Client::new(&dirs, "ann@desk").await;
    for app in ["../etc", "", "Shop"] {
        assert_eq!(client.refused(&Request::Observe { app: app.into() }).await, ErrorCode::Refused);
        assert_eq!(client.refused(&Request::Lock { app: app.into() }).await, ErrorCode::Refused);
    }
    let digest = hash::sha256(b"right");
    let refused = client.put(&Request::PutBlobs { blobs: vec![(digest, 5)] }, b"wrong").await;
    assert!(matches!(refused, Response::Error(refusal) if refusal.code == ErrorCode::Integrity));
    assert_eq!(client.refused(&Request::Tree { digest }).await, ErrorCode::NotFound);
    let run = Request::Run(RunRequest {
        app: "shop".into(),
        spec: RunSpec { argv: vec!["cat".into()], tty: None, phase: "run".into() },
        operator: "ann@desk".into(),
        reason: Some("to look".into()),
    });
    assert_eq!(client.refused(&run).await, ErrorCode::NotFound, "there is no app yet");

    let mut client = Client::new(&dirs, "ann@desk").await;
    client.ask(&Request::Lock { app: "shop".into() }).await;
    let release = send_tree(&mut client).await;
    let label = "shop.20261122_1".to_owned();
    client.ask(&Request::Stage { label: label.clone(), release: Box::new(release.clone()), secrets: Vec::new() }).await;
    client.ask(&Request::Submit { transition: Box::new(first(&label, &release)) }).await;

    let Response::Tree { size } = client.ask(&Request::Tree { digest: release.tree }).await else { panic!() };
    assert_eq!(client.0.receive_data().await.unwrap().len() as u64, size);
    let logs = Request::Logs(LogQuery { app: "shop".into(), process: None, lines: 1000, follow: false });
    client.0.send(&logs).await.unwrap();
    let mut lines = 0;
    while let Response::Line(_) = client.0.receive().await.unwrap().unwrap() {
        lines += 1;
    }
    assert_eq!(lines, 1000);

    assert_eq!(client.ask(&run).await, Response::Ok);
    client.0.send_frame(&protocol::Frame::Data(b"said".to_vec())).await.unwrap();
    assert_eq!(client.0.frame().await.unwrap(), Some(protocol::Frame::Data(b"said".to_vec())));
    client.0.send(&RunInput::End).await.unwrap();
    assert_eq!(client.0.frame().await.unwrap(), Some(protocol::Frame::Error(b"bye".to_vec())));
    assert_eq!(client.last().await, Response::Exit { code: 7 });
    let registry = silver_registry::Registry::open(&dirs.registry()).unwrap();
    assert_eq!(registry.event(1).unwrap().statement.record().reason.as_deref(), Some("to look"));

    let mut client = Client::new(&dirs, "ann@desk").await;
    client.ask(&Request::Shutdown).await;
    agent.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_end_of_an_agent_is_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let dirs = Dirs::below(home.path());
    let only = only_agent(&dirs).await.unwrap();
    assert!(!ended(&dirs, Duration::from_millis(60)).await);
    drop(only);
    assert!(ended(&dirs, Duration::from_secs(10)).await);
}
