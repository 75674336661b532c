//! A front on a free port, small apps behind it, and visitors who write raw bytes. There are two fronts, that of the local
//! node and that of servers, and what is promised of one holds for the other.

use super::super::{Backend, Body, Front, ask, bind, serve, whole};
use crate::{
    apps::{Placed, Route},
    caddy::{Tls, testing::Process},
    dirs::Dirs,
    endpoint::Endpoint,
    systemd::{self, Door},
    testing,
};
use http_body_util::BodyExt as _;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use silver_plugin_api::plan::{Access, AppState, Listen, Release};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt::Write as _,
    fs,
    future::Future,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixListener},
    sync::watch,
    task::JoinHandle,
};

/// A front, and the directories behind it.
pub(super) struct World {
    pub(super) home: tempfile::TempDir,
    pub(super) dirs: Dirs,
    pub(super) port: u16,
    pub(super) kind: Kind,
}

/// Which front it is.
pub(super) enum Kind {
    Own { front: Arc<Front>, backends: Mutex<BTreeMap<String, Arc<Backend>>>, stop: watch::Sender<bool> },
    Caddy(Box<Process>),
}

impl Drop for World {
    fn drop(&mut self) {
        if let Kind::Own { stop, .. } = &self.kind {
            stop.send_replace(true);
        }
    }
}

impl World {
    /// A world for each front.
    pub(super) async fn both() -> Vec<Self> {
        let mut worlds = vec![Self::own().await];
        worlds.extend(Self::caddy().await);
        worlds
    }

    /// The local node's.
    pub(super) async fn own() -> Self {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::server_below(home.path());
        let listener = bind(0).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let front = Arc::new(Front::new(dirs.clone(), port));
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(serve(Arc::clone(&front), listener, stopping));
        Self { home, dirs, port, kind: Kind::Own { front, backends: Mutex::default(), stop } }
    }

    /// A server's; `None`, said aloud, where there is no Caddy.
    pub(super) async fn caddy() -> Option<Self> {
        Self::caddy_with(Tls::Off).await
    }

    /// The same with certificates.
    pub(super) async fn caddy_with(tls: Tls) -> Option<Self> {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::server_below(home.path());
        let process = Process::start(&dirs, tls).await?;
        let port = process.port;
        Some(Self { home, dirs, port, kind: Kind::Caddy(Box::new(process)) })
    }

    /// Is it the front of the local node?
    pub(super) fn is_own(&self) -> bool {
        matches!(self.kind, Kind::Own { .. })
    }

    /// Where the process of a release listens.
    pub(super) fn socket(&self, label: &str) -> PathBuf {
        let path = systemd::socket(&self.dirs, label, "web", 0);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    /// A release of the app `a` with a process.
    pub(super) fn served(&self, label: &str, change: impl FnOnce(&mut Release)) -> Placed {
        self.files(label, |release| {
            release.processes = vec![testing::web(&["app"], Listen::Socket)];
            change(release);
        })
    }

    /// A release of the app `a` without a process.
    pub(super) fn files(&self, label: &str, change: impl FnOnce(&mut Release)) -> Placed {
        let mut release = testing::release("a");
        change(&mut release);
        fs::create_dir_all(self.dirs.tree("a", label)).unwrap();
        testing::placed(release, label, &["a.localhost"])
    }

    /// Makes it current at `a.localhost`.
    pub(super) async fn route(&self, placed: &Placed) {
        self.route_at(AppState::Active, &["a.localhost"], Some(placed)).await;
    }

    /// Makes it current.
    pub(super) async fn route_at(&self, state: AppState, locations: &[&str], placed: Option<&Placed>) {
        let locations: Vec<String> = locations.iter().map(|&text| text.to_owned()).collect();
        match &self.kind {
            Kind::Own { front, backends, .. } => {
                let backend = placed.map(|placed| {
                    let backend = Arc::new(Backend::new(&self.dirs, placed.clone(), false));
                    backend.set_endpoints(vec![Endpoint::Socket(self.socket(&placed.label))]);
                    backends.lock().unwrap().insert(placed.label.clone(), Arc::clone(&backend));
                    backend
                });
                let gone = matches!(state, AppState::Deactivated | AppState::Absent);
                let locations = if gone { &[][..] } else { &locations };
                front.route("a", locations, backend, state == AppState::Disabled).unwrap();
            }
            Kind::Caddy(process) => {
                let route = Route { app: "a".into(), state, locations, current: placed.cloned(), undoing: false };
                process.caddy.route(&route).await.unwrap();
            }
        }
    }

    /// Closes the gate.
    pub(super) async fn close(&self, hold: Duration, patience: Duration) {
        match &self.kind {
            Kind::Own { front, .. } => front.entry("a").close(hold, patience).await,
            Kind::Caddy(process) => process.caddy.shut("a", hold, patience).await.unwrap(),
        }
    }

    /// Opens the gate.
    pub(super) async fn open(&self) {
        match &self.kind {
            Kind::Own { front, .. } => front.entry("a").open(),
            Kind::Caddy(process) => process.caddy.open("a").await.unwrap(),
        }
    }

    /// How many wait at the gate.
    pub(super) fn held(&self) -> usize {
        match &self.kind {
            Kind::Own { front, .. } => front.entry("a").held(),
            Kind::Caddy(process) => process.caddy.held("a"),
        }
    }

    /// How many are inside a release.
    pub(super) async fn inside(&self, label: &str) -> usize {
        match &self.kind {
            Kind::Own { backends, .. } => backends.lock().unwrap().get(label).map_or(0, |backend| backend.inside.requests()),
            Kind::Caddy(process) => process.caddy.inside("a", label).await,
        }
    }

    /// Asks past the gate.
    pub(super) async fn ask(&self, placed: &Placed, access: &Access) -> Result<(), String> {
        match &self.kind {
            Kind::Own { front, backends, .. } => {
                let backend = Arc::clone(&backends.lock().unwrap()[&placed.label]);
                ask(front, &backend, access, Duration::from_secs(5)).await.map(drop)
            }
            Kind::Caddy(process) => process.caddy.probe(placed, access).await.map_err(|failure| failure.message),
        }
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.unwrap()
    }

    /// Sends bytes on a connection of its own and reads to its end.
    pub(super) async fn raw(&self, bytes: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // a reset after an early refusal: what was said before it counts
        let _ = stream.read_to_end(&mut answer).await;
        whole_body(String::from_utf8_lossy(&answer).into_owned())
    }

    pub(super) async fn get(&self, path: &str) -> String {
        self.get_with(path, "").await
    }

    /// GET with further header lines.
    pub(super) async fn get_with(&self, path: &str, headers: &str) -> String {
        self.raw(&format!("GET {path} HTTP/1.1\r\nHost: a.localhost\r\nConnection: close\r\n{headers}\r\n")).await
    }
}

/// The status of an answer.
pub(super) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

/// What follows the head.
pub(super) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// An answer whose chunks are put together.
fn whole_body(answer: String) -> String {
    if header(&answer, "transfer-encoding") != Some("chunked") {
        return answer;
    }
    let (head, mut rest) = answer.split_once("\r\n\r\n").unwrap();
    let mut whole = format!("{head}\r\n\r\n");
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        whole.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
        if size == 0 {
            break;
        }
    }
    whole
}

/// A header of an answer.
pub(super) fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split_once("\r\n\r\n").map_or(answer, |(head, _)| head);
    let mut lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// An app in this process that listens there, until the task is aborted.
pub(super) fn app<F, A>(socket: &Path, answer: F) -> JoinHandle<()>
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let _ = fs::remove_file(socket); // of an app before it
    let listener = UnixListener::bind(socket).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let answer = answer(request);
                    async move { Ok::<_, Infallible>(answer.await) }
                });
                let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                let _ = serving.with_upgrades().await; // the front may close first
            });
        }
    })
}

/// An app that says how it was asked: request line, headers, body.
pub(super) fn mirror(socket: &Path) {
    app(socket, |request| async {
        let (parts, body) = request.into_parts();
        let mut text = format!("{} {} {:?}\n", parts.method, parts.uri, parts.version);
        for (name, value) in &parts.headers {
            writeln!(text, "{name}={}", value.to_str().unwrap()).unwrap();
        }
        text.push_str("--\n");
        match body.collect().await {
            Ok(body) => text.push_str(&String::from_utf8_lossy(&body.to_bytes())),
            Err(error) => write!(text, "broken: {error}").unwrap(),
        }
        Response::new(whole(text))
    });
}
