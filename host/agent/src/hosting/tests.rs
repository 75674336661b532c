//! Real processes of small apps: Python from the standard library, and the shell.

use super::*;
use crate::{testing, testing::eventually};
use silver_plugin_api::{
    TreePath,
    plan::{Listen, Release, Secret, SecretSource},
};
use std::{fs, path::Path, time::Instant};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Answers each path with the environment variable of that name; `/` with the release.
const APP: &str = r#"
import http.server, os, socketserver, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.strip("/") or "SILVER_RELEASE"
        body = (os.environ.get(name) or "").encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self):
        return "front"
print("starting", flush=True)
if "SILVER_SOCKET" in os.environ:
    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer): pass
    Server(os.environ["SILVER_SOCKET"], Handler).serve_forever()
else:
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

struct Node {
    _home: tempfile::TempDir,
    dirs: Dirs,
    host: Arc<Host>,
}

async fn node() -> Node {
    let home = tempfile::tempdir().unwrap();
    let dirs = Dirs::below(home.path());
    let host = Host::start(dirs.clone(), 0).await.unwrap();
    Node { _home: home, dirs, host }
}

fn quiet(_: &str) {}

impl Node {
    /// A release as it is staged: tree, instance view, data.
    fn release(&self, label: &str, change: impl FnOnce(&mut Release)) -> Placed {
        let mut release = testing::release("a");
        release.processes = vec![testing::web(&["python3", "app.py"], Listen::Socket)];
        change(&mut release);
        let tree = self.dirs.tree("a", label);
        fs::create_dir_all(tree.join("instance")).unwrap();
        fs::create_dir_all(self.dirs.instance("a", label)).unwrap();
        fs::create_dir_all(self.dirs.data("a")).unwrap();
        fs::write(tree.join("app.py"), APP).unwrap();
        testing::placed(release, label, &["a.localhost"])
    }

    fn route_of(placed: &Placed, state: AppState) -> Route {
        Route { app: "a".into(), state, locations: placed.locations.clone(), current: Some(placed.clone()), undoing: false }
    }

    /// Started, ready and routed.
    async fn serve(&self, placed: &Placed) {
        self.host.start(placed, false).await.unwrap();
        self.host.ready(placed, false, &testing::ready("/", 20_000), &quiet).await.unwrap();
        self.host.route(Self::route_of(placed, AppState::Active)).await.unwrap();
    }

    async fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.host.port())).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: a.localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    }

    async fn pids(&self) -> Vec<u32> {
        self.host.processes("a").await.iter().filter_map(|process| process.pid).collect()
    }

    /// Runs a program to its end: exit code, standard output, standard error.
    async fn run(&self, placed: &Placed, spec: RunSpec, send: Vec<RunInput>) -> (i32, String, String) {
        let (to, input) = mpsc::channel(16);
        let (output, mut from) = mpsc::channel(16);
        for message in send {
            to.send(message).await.unwrap();
        }
        let collect = async {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            while let Some(piece) = from.recv().await {
                match piece {
                    RunOutput::Out(bytes) => out.extend(bytes),
                    RunOutput::Err(bytes) => err.extend(bytes),
                }
            }
            (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
        };
        let both = async { tokio::join!(self.host.run(placed, &spec, input, output), collect) };
        let (code, (out, err)) = tokio::time::timeout(Duration::from_secs(20), both).await.expect("it ends");
        drop(to);
        (code.unwrap(), out, err)
    }
}

fn sh(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).into()
}

fn spec(script: &str, tty: Option<(u16, u16)>) -> RunSpec {
    RunSpec { argv: sh(script), tty, phase: "run".into() }
}

#[tokio::test]
async fn a_release_is_checked_beside_the_old_one_switched_to_and_the_old_one_drained() {
    let node = node().await;
    let old = node.release("a.20260101_1", |_| ());
    let new = node.release("a.20260101_2", |release| release.processes[0].count = 2);
    node.serve(&old).await;
    assert_eq!(node.get("/").await, "a.20260101_1");
    assert_eq!(node.get("/SILVER_PHASE").await, "serve");

    node.host.start(&new, true).await.unwrap();
    node.host.ready(&new, true, &testing::ready("/", 20_000), &quiet).await.unwrap();
    let check = |path: &str| Check { name: "page".into(), target: CheckTarget::Http(testing::page(path)), timeout_ms: 5_000 };
    node.host.check(&new, &check("/SILVER_PHASE"), &quiet).await.unwrap();
    let failed = node.host.check(&new, &check("/NOT_THERE"), &quiet).await.unwrap_err();
    assert_eq!(failed.message, "GET /NOT_THERE answered 404, expected 200");
    assert_eq!(node.get("/").await, "a.20260101_1", "a check gets no traffic");
    node.host.stop("a", &new.label, true).await.unwrap();

    node.serve(&new).await;
    assert_eq!(node.host.processes("a").await.len(), 3, "two new ones beside the old one");
    node.host.probe("a", &testing::page("/")).await.unwrap();
    assert_eq!(node.get("/").await, "a.20260101_2");
    assert!(node.host.drain("a", &new.label, Duration::ZERO).await.is_err(), "never the one that serves");
    node.host.drain("a", &old.label, Duration::from_secs(5)).await.unwrap();
    assert!(node.host.processes("a").await.iter().all(|process| process.label == new.label));
    let sockets: Vec<String> = [node.get("/SILVER_SOCKET").await, node.get("/SILVER_SOCKET").await].into();
    assert_ne!(sockets[0], sockets[1], "each has its turn, on a socket of its own");
    eventually("a sample", || async { node.host.samples("a").await.len() == new.release.probes.len() }).await;

    let started = node.pids().await;
    node.host.start(&new, false).await.unwrap();
    assert_eq!(node.pids().await, started, "what runs is left alone");
    node.host.shutdown().await;
    assert!(started.iter().all(|&pid| crate::process::members(pid).is_empty()));
}

#[tokio::test]
async fn a_release_that_was_stopped_and_started_again_answers_without_another_route() {
    let node = node().await;
    let placed = node.release("a.20260101_1", |release| release.processes[0].listen = Listen::Port);
    node.serve(&placed).await;
    let before = node.get("/PORT").await;
    node.host.stop("a", &placed.label, false).await.unwrap();
    assert!(node.pids().await.is_empty());
    // also when it is named with other locations than the route's
    node.host.start(&Placed { locations: vec!["b.localhost".into()], ..placed.clone() }, false).await.unwrap();
    assert_eq!(node.get("/").await, placed.label);
    assert!(!before.is_empty());
    node.host.shutdown().await;
}

#[tokio::test]
async fn a_port_serves_as_well_and_the_environment_is_the_apps_own() {
    let node = node().await;
    let placed = node.release("a.20260101_1", |release| {
        release.processes[0].listen = Listen::Port;
        release.secrets = vec![Secret { name: "key".into(), source: SecretSource::Hex(16) }];
        release.env = vec![("KEY".into(), Value::secret("key")), ("AT".into(), Value::fact("SILVER_URL"))];
        release.probes = vec![testing::ready("/", 5_000)];
    });
    node.host.make_secrets(&placed).await.unwrap();
    node.serve(&placed).await;
    let key = node.get("/KEY").await;
    assert_eq!(key.len(), 32);
    assert_eq!(node.get("/AT").await, format!("http://a.localhost:{}", node.host.port()));
    assert_eq!(node.get("/CARGO").await, "", "nothing is inherited");
    assert!(Path::new(&node.get("/HOME").await).starts_with(&node.dirs.cache));
    assert_eq!(node.host.resolve(&placed, &Value::secret("key")).unwrap(), key);
    let shown = node.host.environment(&placed, "run").await.unwrap();
    assert!(shown.iter().any(|variable| variable.name == "KEY" && variable.value == "***" && variable.from == "bind"));
    assert!(shown.iter().all(|variable| !variable.value.contains(&key)));
    eventually("a sample", || async { node.host.samples("a").await.iter().any(|sample| sample.result.is_ok()) }).await;
    // the same route again goes on with the same probes
    node.host.route(Node::route_of(&placed, AppState::Active)).await.unwrap();
    assert_eq!(node.host.samples("a").await.len(), 1);
    node.host.route(Node::route_of(&placed, AppState::Disabled)).await.unwrap();
    assert!(node.host.samples("a").await.is_empty() && node.get("/").await.contains("switched off"));
    node.host.shutdown().await;
}

#[tokio::test]
async fn a_release_that_does_not_come_up_fails_with_its_own_words() {
    let node = node().await;
    let crash = node.release("a.20260101_1", |release| {
        release.processes[0].argv = sh("echo 'ImportError: no module named wiki' >&2; exit 1");
    });
    node.host.start(&crash, true).await.unwrap();
    let started = Instant::now();
    let failure = node.host.ready(&crash, true, &testing::ready("/", 600_000), &quiet).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_mins(5), "a crash loop is not waited for");
    assert!(failure.message.contains("does not stay up") && failure.message.contains("exited with 1"), "{}", failure.message);
    assert_eq!(failure.log.last().unwrap(), "ImportError: no module named wiki");
    node.host.stop("a", &crash.label, true).await.unwrap();
    assert!(node.pids().await.is_empty());

    let wrong = node.release("a.20260101_2", |_| ());
    node.host.start(&wrong, true).await.unwrap();
    node.host.ready(&wrong, true, &testing::ready("/", 60_000), &quiet).await.unwrap();
    let reasons = Mutex::new(Vec::new());
    let keep = |line: &str| lock(&reasons).push(line.to_owned());
    let failure = node.host.ready(&wrong, true, &testing::ready("/NOT_THERE", 1_500), &keep).await.unwrap_err();
    let expected = "`a.20260101_2` was not ready within 2 s: GET /NOT_THERE answered 404, expected 200";
    assert_eq!(failure.message, expected);
    assert_eq!(lock(&reasons).last().unwrap(), "GET /NOT_THERE answered 404, expected 200");
    assert!(failure.log.iter().any(|line| line == "starting"), "{:?}", failure.log);

    let absent = node.release("a.20260101_3", |release| release.processes[0].argv = vec!["nothing-like-it".into()]);
    let failure = node.host.start(&absent, false).await.unwrap_err();
    assert!(failure.message.contains("`nothing-like-it` is not a program"), "{}", failure.message);
    node.host.shutdown().await;
}

#[tokio::test]
async fn a_singleton_is_never_there_twice_and_no_worker_runs_in_a_check() {
    let node = node().await;
    let with_worker = |release: &mut Release| {
        let mut worker = testing::web(&["sh", "-c", "exec sleep 600"], Listen::None);
        worker.name = "worker".into();
        worker.singleton = true;
        release.processes.push(worker);
    };
    let (old, new) = (node.release("a.20260101_1", with_worker), node.release("a.20260101_2", with_worker));
    let running = async |name: &str| {
        let all = node.host.processes("a").await;
        all.into_iter().filter(|process| process.name == name).map(|process| process.label).collect::<Vec<_>>()
    };
    node.host.start(&old, false).await.unwrap();
    node.host.start(&new, true).await.unwrap();
    assert_eq!((running("worker").await, running("web").await.len()), (vec![old.label.clone()], 2));
    node.host.start(&new, false).await.unwrap();
    assert_eq!((running("worker").await, running("web").await.len()), (vec![new.label.clone()], 3));
    node.host.shutdown().await;
}

#[tokio::test]
async fn hooks_run_in_the_environment_and_fail_with_what_they_said() {
    let node = node().await;
    let placed = node.release("a.20260101_1", |release| {
        release.secrets = vec![Secret { name: "key".into(), source: SecretSource::Hex(16) }];
        release.env = vec![("KEY".into(), Value::secret("key"))];
    });
    node.host.make_secrets(&placed).await.unwrap();
    let hook = |argv: Vec<String>, timeout_ms: u64| Hook { target: HookTarget::Command(argv), timeout_ms };
    let said = Mutex::new(Vec::new());
    let keep = |line: &str| lock(&said).push(line.to_owned());
    let script = "echo $SILVER_PHASE of ${SILVER_APP} in $PWD; echo the key is $KEY >&2; echo \"$1\"";
    let argv = [sh(script), vec!["sh".into(), "${SILVER_RELEASE}".into()]].concat();
    node.host.hook(&placed, "migrate", &hook(argv, 10_000), &keep).await.unwrap();
    let mut lines = lock(&said).clone();
    lines.sort();
    let tree = fs::canonicalize(node.dirs.tree("a", &placed.label)).unwrap();
    assert_eq!(lines, ["a.20260101_1".to_owned(), format!("migrate of a in {}", tree.display()), "the key is ***".to_owned()]);

    let failure = node.host.hook(&placed, "migrate", &hook(sh("echo why; exit 7"), 10_000), &quiet).await.unwrap_err();
    assert!(
        failure.message.starts_with("`migrate` of `a.20260101_1`: ") && failure.message.ends_with("exited with 7"),
        "{failure}"
    );
    assert_eq!(failure.log, ["why"]);

    let secret = hook(vec!["echo".into(), "${KEY}".into()], 10_000);
    let failure = node.host.hook(&placed, "init", &secret, &quiet).await.unwrap_err();
    assert!(failure.message.contains("would show a secret in the process list"), "{failure}");

    // too slow, against its will, and with a child that holds the pipes
    let started = Instant::now();
    let slow = sh("trap '' TERM; sleep 600 & echo $!; wait; sleep 600");
    let failure = node.host.hook(&placed, "init", &hook(slow, 2_000), &quiet).await.unwrap_err();
    assert!(failure.message.contains("was not done within 2s"), "{failure}");
    assert!(started.elapsed() < Duration::from_mins(5));
    let child = &failure.log[0];
    assert!(fs::read(format!("/proc/{child}/environ")).unwrap_or_default().is_empty(), "the group is gone");

    let logged = fs::read_to_string(logs::path(&node.dirs, "a", &placed.label, "hooks")).unwrap();
    assert!(logged.contains("the key is ***") && logged.contains("silver: migrate exited with 7"), "{logged}");
    node.host.shutdown().await;
}

#[tokio::test]
async fn a_hook_that_is_an_address_asks_what_runs() {
    let node = node().await;
    let placed = node.release("a.20260101_1", |_| ());
    let warm = |path: &str| Hook { target: HookTarget::Url(path.into()), timeout_ms: 5_000 };
    assert!(node.host.hook(&placed, "warm", &warm("/"), &quiet).await.unwrap_err().message.contains("nothing of"));
    node.serve(&placed).await;
    node.host.hook(&placed, "warm", &warm("/"), &quiet).await.unwrap();
    let failure = node.host.hook(&placed, "warm", &warm("/NOT_THERE"), &quiet).await.unwrap_err();
    assert_eq!(failure.message, "the hook `warm`: GET /NOT_THERE answered 404");
    node.host.shutdown().await;
}

#[tokio::test]
async fn programs_run_with_their_streams_joined() {
    let node = node().await;
    let placed = node.release("a.20260101_1", |_| ());
    let input = vec![RunInput::Data(b"one\ntwo\n".to_vec()), RunInput::End];
    let (code, out, err) = node.run(&placed, spec("cat; echo $SILVER_PHASE >&2; exit 5", None), input).await;
    assert_eq!((code, out.as_str(), err.as_str()), (5, "one\ntwo\n", "run\n"));
    let (code, ..) = node.run(&placed, spec("kill -KILL $$", None), vec![]).await;
    assert_eq!(code, 128 + 9);
    let (code, out, _) = node
        .run(
            &placed,
            spec("trap 'echo hup; exit 3' HUP; echo; while :; do sleep 0.05; done", None),
            vec![RunInput::Signal("TERM".into())],
        )
        .await;
    assert!(code == 128 + 15 && !out.contains("hup"), "{code} {out}");
    node.host.shutdown().await;
}

#[tokio::test]
async fn programs_run_on_a_terminal() {
    let node = node().await;
    let placed = node.release("a.20260101_1", |_| ());
    let input = vec![RunInput::Size(100, 30), RunInput::Data(b"typed\n".to_vec())];
    let script = "test -t 0 && test -t 1 && tty >/dev/null && read line && echo \"got $line at $(stty size)\"";
    let (code, out, err) = node.run(&placed, spec(script, Some((80, 24))), input).await;
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("got typed at 30 100"), "{out}");
    // ^C reaches the program through its terminal, once it is there
    let (to, input) = mpsc::channel(1);
    let (output, mut from) = mpsc::channel(16);
    let press = async {
        let Some(RunOutput::Out(_)) = from.recv().await else { panic!("it says nothing") };
        to.send(RunInput::Data(vec![3])).await.unwrap();
        while from.recv().await.is_some() {}
    };
    let wanted = spec("echo ready; read line; exit 9", Some((80, 24)));
    let both = async { tokio::join!(node.host.run(&placed, &wanted, input, output), press) };
    let (code, ()) = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
    assert_eq!(code.unwrap(), 128 + 2);
    node.host.shutdown().await;
}

#[tokio::test]
async fn who_stops_listening_ends_the_program() {
    let node = node().await;
    let placed = node.release("a.20260101_1", |_| ());
    for tty in [None, Some((80, 24))] {
        let (to, input) = mpsc::channel(1);
        let (output, mut from) = mpsc::channel(1);
        let running = tokio::spawn({
            let (host, placed) = (Arc::clone(&node.host), placed.clone());
            async move { host.run(&placed, &spec("echo $$; exec sleep 600", tty), input, output).await }
        });
        let Some(RunOutput::Out(pid)) = from.recv().await else { panic!("no pid") };
        let pid: u32 = String::from_utf8(pid).unwrap().trim().parse().unwrap();
        drop(to); // nobody says anything more …
        drop(from); // … or listens
        let ended = tokio::time::timeout(Duration::from_secs(20), running).await.expect("it ends");
        assert_eq!(ended.unwrap().unwrap(), 128 + 1);
        assert!(crate::process::members(pid).is_empty());
    }
    node.host.shutdown().await;
}

fn query(process: Option<&str>, lines: u32, follow: bool) -> LogQuery {
    LogQuery { app: "a".into(), process: process.map(str::to_owned), lines, follow }
}

#[tokio::test]
async fn logs_are_shown_and_followed() {
    let node = node().await;
    let placed = node.release("a.20260101_1", |_| ());
    node.serve(&placed).await;
    let (to, mut lines) = mpsc::channel(16);
    node.host.logs(&query(Some("web"), 100, false), to).await.unwrap();
    let mut seen = Vec::new();
    while let Some(line) = lines.recv().await {
        seen.push(line);
    }
    assert!(seen[0].text.ends_with(" starting") && seen[0].label == placed.label, "{seen:?}");

    let (to, mut lines) = mpsc::channel(16);
    let following = tokio::spawn({
        let host = Arc::clone(&node.host);
        async move { host.logs(&query(None, 0, true), to).await }
    });
    // until it follows, what is said counts as said before: so say it until it is heard
    let heard = loop {
        node.get("/HOME").await;
        if let Ok(line) = tokio::time::timeout(Duration::from_millis(300), lines.recv()).await {
            break line.unwrap();
        }
    };
    assert!(heard.text.contains("GET /HOME"), "{heard:?}");
    drop(lines);
    following.await.unwrap().unwrap();
    node.host.shutdown().await;
}

#[tokio::test]
async fn what_a_killed_agent_left_is_ended_by_the_next_one() {
    let node = node().await;
    let placed = node.release("a.20260101_1", |_| ());
    node.serve(&placed).await;
    let pids = node.pids().await;
    let file = state::AppFile {
        app: "a".into(),
        state: AppState::Active,
        current: Some(placed.label.clone()),
        locations: placed.locations.clone(),
        ..state::AppFile::default()
    };
    state::save(&node.dirs, &file).unwrap();
    // as after a kill: the records are there, and nobody keeps the processes
    let next = Host::start(node.dirs.clone(), 0).await.unwrap();
    assert!(pids.iter().all(|&pid| crate::process::members(pid).is_empty()));
    node.host.shutdown().await;
    // who comes before the app is routed waits
    let node = Node { host: next, ..node };
    let (answer, ()) = tokio::join!(node.get("/"), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        node.host.route(Node::route_of(&placed, AppState::Active)).await.unwrap();
        node.host.start(&placed, false).await.unwrap();
    });
    assert_eq!(answer, placed.label);
    node.host.shutdown().await;
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let node = node().await;
    let other = tempfile::tempdir().unwrap();
    let error = Host::start(Dirs::below(other.path()), node.host.port()).await.unwrap_err();
    assert!(error.to_string().contains(&node.host.port().to_string()));
    assert!(error.hint().unwrap().contains("another program listens"));
    node.host.shutdown().await;
}

#[tokio::test]
async fn rendered_files_last_as_long_as_the_release_runs() {
    let node = node().await;
    let placed = node.release("a.20260101_1", |release| {
        release.rendered = vec![silver_plugin_api::plan::Rendered {
            path: TreePath::new("conf.json").unwrap(),
            source: silver_plugin_api::plan::RenderedSource::Keys {
                format: silver_plugin_api::plan::FileFormat::Json,
                base: TreePath::new("conf.json").unwrap(),
                set: vec![silver_plugin_api::plan::SetKey { key: "url".into(), value: Value::fact("SILVER_URL") }],
            },
        }];
    });
    let file = node.dirs.rendered("a", &placed.label, &TreePath::new("conf.json").unwrap());
    node.host.start(&placed, true).await.unwrap();
    node.host.start(&placed, false).await.unwrap();
    node.host.stop("a", &placed.label, true).await.unwrap();
    assert!(fs::read_to_string(&file).unwrap().contains("http://a.localhost"), "the other phase still runs");
    node.host.stop("a", &placed.label, false).await.unwrap();
    assert!(!file.exists());
    node.host.shutdown().await;
}
