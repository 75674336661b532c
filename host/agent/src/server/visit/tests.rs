//! Several agents on one server: clients that are lost, changes whose process is killed, and who settles them.

use super::*;
use crate::{
    dirs::Dirs,
    disk::names,
    fake::{FakeApps, NEW, OLD, breaking, release},
    fault::{DieAt, Moment},
    feed::{Feed, file},
    launch::{Launch, Work, begun},
    protocol::{self, Channel, ErrorCode, Hello, Request, Response, mux::Mux, mux::Stream},
    server::carry,
    state::{self, AppFile, Kept, ReleaseFile},
    store::Store,
};
use async_trait::async_trait;
use silver_pack::listing::{Kind, Listing, Node};
use silver_plugin_api::{
    TreePath,
    plan::{AppState, DataClass, OutcomeKind, ProgressKind, Release, Transition},
};
use std::{
    collections::VecDeque,
    fs::{self, File},
    io,
    os::{
        fd::AsFd,
        unix::fs::{MetadataExt, PermissionsExt},
    },
    process::Stdio,
    sync::Mutex,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, DuplexStream, ReadHalf, WriteHalf, copy, duplex, split},
    process::Command,
    sync::Semaphore,
    task::JoinHandle,
};

/// A server on which the old release serves.
struct Server {
    _root: tempfile::TempDir,
    dirs: Dirs,
    new: Release,
}

impl Server {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let dirs = Dirs::server_below(root.path());
        dirs.prepare().unwrap();
        let store = Store::open(&dirs).unwrap();
        let of = |version: &str| {
            let digest = store.registry().objects().put_bytes(version.as_bytes()).unwrap();
            let mut listing = Listing::new();
            let node = Node { kind: Kind::File, size: version.len() as u64, digest };
            listing.insert(TreePath::new("env/version").unwrap(), node).unwrap();
            Release { tree: store.put_tree(&listing).unwrap(), ..release(version) }
        };
        let place = dirs.release("shop", OLD);
        fs::create_dir_all(place.join("tree/env")).unwrap();
        fs::write(place.join("tree/env/version"), "1.0.0").unwrap();
        let old = ReleaseFile { label: OLD.into(), created: "2026-11-22T10:00:00Z".into(), release: of("1.0.0") };
        fs::write(place.join("release.json"), serde_json::to_vec(&old).unwrap()).unwrap();
        fs::create_dir_all(dirs.data("shop").join("db")).unwrap();
        fs::create_dir_all(dirs.data("shop").join("conf")).unwrap();
        fs::write(dirs.data("shop").join("db/rows"), OLD).unwrap();
        fs::write(dirs.data("shop").join("conf/shop.ini"), "[shop]\nversion = 1\n").unwrap();
        let kept = Kept { label: OLD.into(), created: String::new(), parent: None, checkpoint: None, data: DataClass::Unchanged };
        let file = AppFile {
            app: "shop".into(),
            state: AppState::Active,
            current: Some(OLD.into()),
            locations: vec!["shop.localhost".into()],
            last_label: Some(OLD.into()),
            has_data: true,
            releases: vec![kept],
            publisher: None,
        };
        state::save(&dirs, &file).unwrap();
        Self { _root: root, new: of("2.0.0"), dirs }
    }

    fn stage(&self) -> Request {
        Request::Stage { label: NEW.into(), release: Box::new(self.new.clone()), secrets: Vec::new() }
    }

    fn submit(&self) -> Request {
        let transition = Transition { release: Some((NEW.into(), self.new.clone())), ..breaking() };
        Request::Submit { transition: Box::new(transition) }
    }

    /// Which of the two worlds it is: a mixture of both is neither.
    fn world(&self) -> &'static str {
        let dirs = &self.dirs;
        let file = state::load(dirs, "shop").unwrap();
        let read = |name: &str| fs::read_to_string(dirs.data("shop").join(name)).unwrap();
        let (rows, ini) = (read("db/rows"), read("conf/shop.ini"));
        let current = file.current.unwrap();
        let there = dirs.release("shop", NEW).exists();
        match (current.as_str(), rows.as_str(), ini.as_str(), there, file.releases.len()) {
            (OLD, OLD, "[shop]\nversion = 1\n", false, 1) => "old",
            (NEW, NEW, "[shop]\nversion = 2\n", true, 2) => "new",
            mixture => panic!("{mixture:?}"),
        }
    }

    /// How often the registry has the change.
    fn recorded(&self) -> usize {
        let events = Store::open(&self.dirs).unwrap().newest(100).unwrap();
        let is_it = |change: &silver_registry::Change| change.transition == "t1";
        events.iter().filter(|event| event.statement.record().event.change().is_some_and(is_it)).count()
    }

    fn left(&self) -> Vec<String> {
        names(&self.dirs.journals()).unwrap()
    }
}

fn options(dirs: &Dirs, launch: Option<Arc<dyn Launch>>, die_at: Option<DieAt>) -> Options {
    Options { dirs: dirs.clone(), port: 0, path: "/usr/bin:/bin".into(), patience: protocol::PATIENCE, key: None, launch, die_at }
}

/// Carries in a process of its own, as on a server; each dies where it is told to.
#[derive(Debug, Default)]
struct Process {
    failing: &'static str,
    die_at: Mutex<VecDeque<String>>,
    launched: Mutex<Vec<bool>>,
}

const ORDER: &str = "SILVER_TEST_CARRY";

#[async_trait]
impl Launch for Process {
    async fn launch(&self, dirs: &Dirs, work: &Work, lock: File) -> io::Result<()> {
        self.launched.lock().unwrap().push(work.settle);
        let die_at = self.die_at.lock().unwrap().pop_front().unwrap_or_default();
        let root = dirs.data.ancestors().nth(3).unwrap().to_string_lossy();
        let order = serde_json::to_string(&(&*root, &work.id, work.settle, self.failing, die_at))?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["server::visit::tests::carries", "--exact", "--ignored", "--nocapture"]).env(ORDER, order);
        command.stdin(lock).stdout(Stdio::null()).stderr(Stdio::null());
        begun(command, &file::path(dirs, &work.app, &work.id)).await
    }
}

/// The process that [`Process`] launches.
#[tokio::test]
#[ignore = "it is what other tests launch"]
#[expect(clippy::disallowed_methods, reason = "what it is to do comes in its environment")]
async fn carries() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let (root, id, settle, failing, die_at): (String, String, bool, String, String) = serde_json::from_str(&order).unwrap();
    let dirs = Dirs::server_below(root.as_ref());
    let lock = File::from(io::stdin().as_fd().try_clone_to_owned().unwrap());
    let apps = Arc::new(FakeApps::new(&dirs, &[failing.as_str()]));
    let die_at = (!die_at.is_empty()).then(|| die_at.parse().unwrap());
    carry(options(&dirs, None, die_at), apps, &id, settle, lock).await.unwrap();
}

/// Carries in a task, which stops where it is told to until it may go on.
#[derive(Debug, Default)]
struct Task(Option<DieAt>);

#[async_trait]
impl Launch for Task {
    async fn launch(&self, dirs: &Dirs, work: &Work, lock: File) -> io::Result<()> {
        let (there, Work { id, settle, .. }, stop) = (dirs.clone(), work.clone(), self.0.clone());
        let apps = Arc::new(FakeApps::new(dirs, &[]));
        tokio::spawn(async move { carry(options(&there, None, stop), apps, &id, settle, lock).await.unwrap() });
        while file::length(&file::path(dirs, &work.app, &work.id)) == 0 {
            // who only yields goes on when this worker has nothing else to do: never, where it is the one that is stopped
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

/// An agent for one client, over a wire that breaks after so many bytes of the client's.
struct Visit {
    mux: Mux,
    agent: JoinHandle<Result<(), ServeError>>,
}

impl Visit {
    async fn new(server: &Server, launch: Arc<dyn Launch>, bytes: u64) -> Result<Self, protocol::ProtocolError> {
        let ((ours, one), (other, theirs)) = (duplex(1 << 16), duplex(1 << 16));
        tokio::spawn(wire(one, other, bytes));
        let (reader, writer) = split(theirs);
        let apps = Arc::new(FakeApps::new(&server.dirs, &[]));
        let agent = tokio::spawn(visit(options(&server.dirs, Some(launch), None), apps, reader, writer));
        let (reader, writer) = split(ours);
        Ok(Self { mux: Mux::client(reader, writer).await?, agent })
    }

    async fn whole(server: &Server, launch: Arc<dyn Launch>) -> Self {
        Self::new(server, launch, u64::MAX).await.unwrap()
    }

    async fn client(&self, who: &str) -> Option<Client> {
        let (reader, writer) = split(self.mux.open().await.ok()?);
        Some(Client(protocol::connect(reader, writer, &Hello::new(who)).await.ok()?.0))
    }
}

async fn wire(client: DuplexStream, agent: DuplexStream, bytes: u64) {
    let ((from_client, mut to_client), (mut from_agent, mut to_agent)) = (split(client), split(agent));
    let mut from_client = from_client.take(bytes);
    tokio::select! {
        _ = copy(&mut from_client, &mut to_agent) => {}
        _ = copy(&mut from_agent, &mut to_client) => {}
    }
}

struct Client(Channel<ReadHalf<Stream>, WriteHalf<Stream>>);

impl Client {
    /// The last answer; nothing, when the wire breaks.
    async fn ask(&mut self, request: &Request) -> Option<Response> {
        self.0.send(request).await.ok()?;
        self.last().await
    }

    async fn last(&mut self) -> Option<Response> {
        loop {
            let response: Response = self.0.receive().await.ok()??;
            if response.is_last() {
                return Some(response);
            }
        }
    }

    /// Waits for the lock.
    async fn lock(&mut self) -> Option<()> {
        loop {
            match self.ask(&lock()).await? {
                Response::Ok => return Some(()),
                Response::Busy { .. } => tokio::time::sleep(Duration::from_millis(10)).await,
                other => panic!("{other:?}"),
            }
        }
    }

    /// From lock to outcome; nothing, when the wire breaks.
    async fn update(&mut self, server: &Server) -> Option<OutcomeKind> {
        self.lock().await?;
        match self.ask(&server.stage()).await? {
            Response::Ok => {}
            other => panic!("{other:?}"),
        }
        match self.ask(&server.submit()).await? {
            Response::Outcome(outcome) => Some(outcome.kind),
            other => panic!("{other:?}"),
        }
    }
}

fn lock() -> Request {
    Request::Lock { app: "shop".into() }
}

fn watch() -> Request {
    Request::Watch { app: "shop".into() }
}

#[tokio::test]
async fn a_server_shares_files_and_lets_pass_who_must() {
    let server = Server::new();
    let visit = Visit::whole(&server, Arc::new(Task::default())).await;
    let mut ann = visit.client("ann@desk").await.unwrap();
    assert_eq!(ann.update(&server).await, Some(OutcomeKind::Done));
    assert_eq!((server.world(), server.recorded(), server.left()), ("new", 1, vec![]));
    let dirs = &server.dirs;
    let file = dirs.tree("shop", NEW).join("env/version");
    assert_eq!(fs::metadata(&file).unwrap().nlink(), 2, "linked to the store");
    let mode = |path: std::path::PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for open in [dirs.data.clone(), dirs.releases("shop"), dirs.tree("shop", NEW).join("env"), dirs.instance("shop", NEW)] {
        assert_eq!(mode(open.clone()), 0o755, "{}", open.display());
    }
    for closed in [dirs.store(), dirs.registry(), dirs.journals(), dirs.trash(), dirs.apps(), dirs.feeds("shop")] {
        assert_eq!(mode(closed.clone()), 0o700, "{}", closed.display());
    }
    let Some(Response::Observed(observed)) = ann.ask(&Request::Observe { app: "shop".into() }).await else { panic!() };
    assert_eq!((observed.drift, observed.running), (Vec::new(), None));
    drop((ann, visit.mux));
    visit.agent.await.unwrap().unwrap();
}

/// The process that carries a change is killed after every line of the journal there can be. Whoever looks on sees
/// it settled; when nobody does, the next one who takes the lock finds it settled. Nobody has to start anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_at_any_line_a_change_is_settled_in_one_of_two_worlds() {
    let steps: Vec<String> = breaking().steps.into_iter().map(|step| step.id).collect();
    let undone: Vec<String> = breaking().steps.into_iter().filter(|step| !step.undo.is_empty()).map(|step| step.id).collect();
    let mut places: Vec<(&'static str, String)> =
        steps.iter().flat_map(|step| ["begin", "done"].map(|moment| ("", format!("{step}:{moment}")))).collect();
    places.extend([("", "end:begin".to_owned()), ("", "end:done".to_owned()), ("probe /", "probe:failed".to_owned())]);
    places.extend(undone.iter().flat_map(|step| ["undo", "undone"].map(|moment| ("probe /", format!("{step}:{moment}")))));
    let (few, mut all) = (Arc::new(Semaphore::new(6)), JoinSet::new());
    for (number, (failing, place)) in places.into_iter().enumerate() {
        let few = Arc::clone(&few);
        all.spawn(async move {
            let _one = few.acquire().await.unwrap();
            kill(failing, &place, number % 2 == 0).await;
        });
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
}

async fn kill(failing: &'static str, place: &str, looks_on: bool) {
    let at = format!("{failing} {place} {looks_on}");
    let server = Server::new();
    let launch = Arc::new(Process { failing, die_at: Mutex::new([place.to_owned()].into()), launched: Mutex::default() });
    let visit = Visit::whole(&server, Arc::clone(&launch) as Arc<dyn Launch>).await;
    let mut ann = visit.client("ann@desk").await.unwrap();
    ann.lock().await.unwrap();
    assert_eq!(ann.ask(&server.stage()).await, Some(Response::Ok), "{at}");
    ann.0.send(&server.submit()).await.unwrap();
    let mut kind = None;
    if looks_on {
        let Some(Response::Outcome(outcome)) = ann.last().await else { panic!("{at}") };
        kind = Some(outcome.kind);
    } else {
        assert!(matches!(ann.0.receive().await.unwrap(), Some(Response::Progress(_))), "{at}");
    }
    drop((ann, visit.mux));
    visit.agent.await.unwrap().unwrap();

    let visit = Visit::whole(&server, Arc::clone(&launch) as Arc<dyn Launch>).await;
    let mut bob = visit.client("bob@desk").await.unwrap();
    bob.lock().await.unwrap();
    assert_eq!((server.left(), server.recorded()), (vec![], 1), "{at}");
    let world = server.world();
    if let Some(kind) = kind {
        assert_eq!(kind, if world == "new" { OutcomeKind::Done } else { OutcomeKind::Reverted }, "{at}");
    }
    let past_return = ["open", "open-writes", "drain", "prune", "end"].contains(&place.split(':').next().unwrap());
    assert_eq!(world, if past_return && failing.is_empty() { "new" } else { "old" }, "{at}");
    assert_eq!(*launch.launched.lock().unwrap(), [false, true], "{at}");
    let Some(Response::Idle { last: Some(last) }) = bob.ask(&watch()).await else { panic!("{at}") };
    assert_eq!(last.id, "t1", "{at}");
}

/// A wire breaks after any number of bytes of a client: before the submission nothing has changed, after it the change
/// is carried through; the lock falls, and the next one can do the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_is_lost_at_any_point() {
    let mut bytes = 0;
    let mut lost = 0;
    loop {
        let server = Server::new();
        let done = match Visit::new(&server, Arc::new(Task::default()), bytes).await {
            Err(_) => false,
            Ok(visit) => {
                let done = match visit.client("ann@desk").await {
                    None => false,
                    Some(mut ann) => ann.update(&server).await.is_some(),
                };
                drop(visit.mux);
                visit.agent.await.unwrap().unwrap();
                done
            }
        };
        let visit = Visit::whole(&server, Arc::new(Task::default())).await;
        let mut bob = visit.client("bob@desk").await.unwrap();
        bob.lock().await.unwrap();
        assert_eq!(server.left(), [""; 0], "{bytes}");
        if state::load(&server.dirs, "shop").unwrap().current.as_deref() == Some(OLD) {
            assert!(!done && server.world() == "old" && server.recorded() == 0, "{bytes}");
            assert_eq!(bob.update(&server).await, Some(OutcomeKind::Done), "{bytes}");
        }
        assert_eq!((server.world(), server.recorded()), ("new", 1), "{bytes}");
        if done {
            break;
        }
        lost += 1;
        bytes += 97;
    }
    assert!(lost > 40, "the cuts do not reach the whole conversation: {lost}");
}

/// One looks on at what another has begun, and goes on doing so when that one is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_comes_later_looks_on_and_who_was_cut_comes_back() {
    let server = Server::new();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let stop = DieAt::new("migrate", Moment::Done, Arc::new(move || wait.lock().unwrap().recv().unwrap()));
    let launch = Arc::new(Task(Some(stop)));
    let (one, two) = (Visit::whole(&server, launch.clone()).await, Visit::whole(&server, launch.clone()).await);
    let (mut ann, mut bob) = (one.client("ann@desk").await.unwrap(), two.client("bob@desk").await.unwrap());
    ann.lock().await.unwrap();
    assert_eq!(bob.ask(&lock()).await, Some(Response::Busy { by: "ann@desk".into() }));
    assert_eq!(bob.ask(&Request::Lock { app: "other".into() }).await, Some(Response::Ok), "another app is free");
    assert_eq!(ann.ask(&server.stage()).await, Some(Response::Ok));
    ann.0.send(&server.submit()).await.unwrap();
    while !matches!(ann.0.receive().await.unwrap(), Some(Response::Progress(progress)) if progress.step == "migrate") {}

    assert_eq!(bob.ask(&lock()).await, Some(Response::Busy { by: "ann@desk".into() }), "whoever carries it has her lock");
    let Some(Response::Apps(apps)) = bob.ask(&Request::Apps).await else { panic!() };
    assert_eq!((apps[0].running.as_deref(), apps[0].left), (Some("t1"), false));
    bob.0.send(&watch()).await.unwrap();
    let Some(Response::Progress(first)) = bob.0.receive().await.unwrap() else { panic!() };
    assert_eq!(first.step, "close-writes", "from the beginning");
    drop((ann, one.mux));
    one.agent.await.unwrap().unwrap();
    assert_eq!(crate::journal::of(&server.dirs, "shop").unwrap(), ["t1"], "it goes on without her");

    let again = Visit::whole(&server, launch).await;
    let mut ann = again.client("ann@desk").await.unwrap();
    ann.0.send(&watch()).await.unwrap();
    go.send(()).unwrap();
    for client in [&mut ann, &mut bob] {
        let Some(Response::Ended(finished)) = client.last().await else { panic!() };
        assert_eq!((finished.id.as_str(), finished.outcome.kind), ("t1", OutcomeKind::Done));
    }
    assert_eq!(server.world(), "new");
}

/// Between the end of a journal and the outcome that is told there is a moment. Who comes in it hears of the change
/// that is ending, not of one before it; also when whoever carried it is killed just then.
#[tokio::test]
async fn who_comes_in_the_last_moment_hears_how_it_ended() {
    let server = Server::new();
    let visit = Visit::whole(&server, Arc::new(Task::default())).await;
    let mut ann = visit.client("ann@desk").await.unwrap();
    assert_eq!(ann.update(&server).await, Some(OutcomeKind::Done));
    let told = file::path(&server.dirs, "shop", "t1");
    let outcome = match ann.ask(&watch()).await {
        Some(Response::Idle { last: Some(last) }) => last.outcome,
        other => panic!("{other:?}"),
    };

    let feed = Feed::in_file(&file::path(&server.dirs, "shop", "t2")).unwrap();
    feed.say("prune", ProgressKind::Done);
    let carries = crate::lock::app(&server.dirs, "shop", "ann@desk").unwrap();
    ann.0.send(&watch()).await.unwrap();
    let Some(Response::Progress(heard)) = ann.0.receive().await.unwrap() else { panic!() };
    assert_eq!(heard.step, "prune");
    feed.finish(outcome.clone());
    drop(carries);
    let Some(Response::Ended(ended)) = ann.last().await else { panic!() };
    assert_eq!((ended.id.as_str(), ended.outcome), ("t2", outcome));

    // the outcome of the first was never told, and its journal is gone: the registry has it
    let lines = fs::read_to_string(&told).unwrap();
    let untold: Vec<&str> = lines.lines().filter(|line| !line.contains("\"outcome\"")).collect();
    assert!(untold.len() < lines.lines().count());
    fs::remove_file(file::path(&server.dirs, "shop", "t2")).unwrap();
    fs::write(&told, untold.join("\n") + "\n").unwrap();
    let Some(Response::Ended(ended)) = ann.ask(&watch()).await else { panic!() };
    assert_eq!((ended.id.as_str(), ended.outcome.kind), ("t1", OutcomeKind::Done));
    let Some(Response::Idle { last: Some(last) }) = ann.ask(&watch()).await else { panic!("it is not under way any more") };
    assert_eq!((last.id.as_str(), last.outcome.kind), ("t1", OutcomeKind::Done));
}

/// Nothing has changed when nobody could be started who carries the change.
#[tokio::test]
async fn what_cannot_be_launched_was_never_begun() {
    #[derive(Debug)]
    struct Never;
    #[async_trait]
    impl Launch for Never {
        async fn launch(&self, _dirs: &Dirs, _work: &Work, _lock: File) -> io::Result<()> {
            Err(io::Error::other("no systemd here"))
        }
    }
    let server = Server::new();
    let visit = Visit::whole(&server, Arc::new(Never)).await;
    let mut ann = visit.client("ann@desk").await.unwrap();
    ann.lock().await.unwrap();
    assert_eq!(ann.ask(&server.stage()).await, Some(Response::Ok));
    for _ in 0..2 {
        let Some(Response::Error(refusal)) = ann.ask(&server.submit()).await else { panic!() };
        assert_eq!((refusal.code, refusal.causes), (ErrorCode::Failed, vec!["no systemd here".to_owned()]));
        assert_eq!(server.left(), [""; 0]);
    }
    assert_eq!(server.recorded(), 0);
    assert_eq!(state::load(&server.dirs, "shop").unwrap().last_label.as_deref(), Some(OLD));
}
