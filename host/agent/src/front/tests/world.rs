//! A front on a free port, small apps behind it, and visitors who write raw bytes.

use super::super::{Backend, Body, Front, bind, serve, whole};
use crate::{dirs::Dirs, endpoint::Endpoint, testing};
use http_body_util::BodyExt as _;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use silver_plugin_api::plan::{Listen, Release};
use std::{convert::Infallible, fmt::Write as _, future::Future, sync::Arc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// A front, and the directories behind it.
pub(super) struct World {
    pub(super) home: tempfile::TempDir,
    pub(super) front: Arc<Front>,
    stop: watch::Sender<bool>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

impl World {
    pub(super) async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let listener = bind(0).await.unwrap();
        let front = Arc::new(Front::new(Dirs::below(home.path()), listener.local_addr().unwrap().port()));
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(serve(Arc::clone(&front), listener, stopping));
        Self { home, front, stop }
    }

    /// A release of the app `a` with a process that listens there (or none).
    pub(super) fn backend(&self, label: &str, port: Option<u16>, change: impl FnOnce(&mut Release)) -> Arc<Backend> {
        let mut release = testing::release("a");
        if port.is_some() {
            release.processes = vec![testing::web(&["app"], Listen::Port)];
        }
        change(&mut release);
        let placed = testing::placed(release, label, &["a.localhost"]);
        let backend = Arc::new(Backend::new(&self.front.dirs, placed, false));
        backend.set_endpoints(port.map(Endpoint::Port).into_iter().collect());
        backend
    }

    /// Makes it current at `a.localhost`.
    pub(super) fn route(&self, backend: &Arc<Backend>) {
        self.front.route("a", &["a.localhost".to_owned()], Some(Arc::clone(backend)), false).unwrap();
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.front.port)).await.unwrap()
    }

    /// Sends bytes on a connection of its own and reads to its end.
    pub(super) async fn raw(&self, bytes: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // a reset after an early refusal: what was said before it counts
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
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

/// A header of an answer.
pub(super) fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split_once("\r\n\r\n").map_or(answer, |(head, _)| head);
    let mut lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// An app in this process; its port.
pub(super) async fn app<F, A>(answer: F) -> u16
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
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
    });
    port
}

/// An app that says how it was asked: request line, headers, body.
pub(super) async fn mirror() -> u16 {
    app(|request| async {
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
    })
    .await
}
