//! Passing a request on to a process of the release, and its answer back.

use super::{Body, BodyError, backend::Backend, entry::Entered, headers, pages::page, route::Front, upgrade};
use crate::endpoint::Stream;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Body as _, Bytes, Frame, SizeHint},
    client::conn::http1,
    header::{CONNECTION, CONTENT_LENGTH, HeaderValue, UPGRADE},
};
use hyper_util::rt::TokioIo;
use std::{
    error::Error,
    io,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{io::AsyncReadExt as _, time::Instant};

/// A process that is just being started gets so long to listen.
const CONNECT: Duration = Duration::from_secs(5);

/// An app gets so long to close a connection after its answer.
const LINGER: Duration = Duration::from_secs(2);

/// Who asks, and under which name.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    /// `None`: the agent itself.
    pub(super) visitor: Option<IpAddr>,
    /// The host as it was asked for.
    pub(super) host: HeaderValue,
    /// Path of the location.
    pub(super) base: String,
}

/// The task of a connection to an app; it ends with its owner.
#[derive(Debug)]
pub(super) struct Task(tokio::task::JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Task {
    /// Lets it end by itself: the answer is complete, and the app closes the connection.
    pub(super) fn finish(mut self) {
        tokio::spawn(async move {
            let _ = tokio::time::timeout(LINGER, &mut self.0).await; // then it is aborted
        });
    }
}

/// Drives a connection. After the answer it is the app that closes: some write once more, even if
/// nothing, and would take a closed connection for a visitor who went away.
async fn drive<S: Stream + 'static>(mut connection: http1::Connection<TokioIo<S>, Body>) -> hyper::Result<()> {
    std::future::poll_fn(|context| connection.poll_without_shutdown(context)).await?;
    let mut stream = connection.into_parts().io.into_inner();
    while stream.read(&mut [0; 256]).await.is_ok_and(|count| count > 0) {}
    Ok(())
}

/// Asks the release.
pub(super) async fn forward(
    front: &Front,
    entered: Entered,
    mut request: Request<Body>,
    visit: Visit,
    to: Option<HeaderValue>,
) -> Response<Body> {
    let backend = Arc::clone(&entered.backend);
    let limit = backend.rules.max_body;
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if let (Some(limit), Some(declared)) = (limit, declared)
        && declared > limit
    {
        return too_large(limit);
    }
    let upgrades = to.is_some();
    let visitor_side = to.is_some().then(|| hyper::upgrade::on(&mut request));
    let (last, base) = (Activity::default(), visit.base.clone());
    let request = prepared(front, &backend, request, &visit, to, limit, &last);
    let silence = backend.rules.silence;

    let cut = entered.cut();
    let asking = async {
        let stream = connect(&backend).await.map_err(Trouble::Connect)?;
        let (mut sender, connection) =
            http1::Builder::new().handshake(TokioIo::new(stream)).await.map_err(|error| Trouble::Ask(error.into()))?;
        let task = Task(tokio::spawn(async move {
            let driven = if upgrades { connection.with_upgrades().await } else { drive(connection).await };
            if let Err(error) = driven {
                tracing::debug!(%error, "a connection to an app ended early");
            }
        }));
        let response = tokio::select! {
            response = sender.send_request(request) => response.map_err(|error| Trouble::Ask(error.into()))?,
            () = last.silent(silence) => return Err(Trouble::Silent),
        };
        Ok((response, task))
    };
    let asked = tokio::select! {
        asked = asking => asked,
        () = cut => return page(StatusCode::SERVICE_UNAVAILABLE, "The release was stopped."),
    };
    match asked {
        Ok((mut response, task)) => {
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                return match visitor_side {
                    Some(visitor_side) => upgrade::join(entered, visitor_side, response, task),
                    None => trouble(backend.placed.app(), "answered with a protocol that was not asked for"),
                };
            }
            headers::strip_hop(response.headers_mut());
            backend.rules.relocate(response.headers_mut(), &base);
            entered.keep_with(response.map(|body| body.map_err(Into::into).boxed_unsync()), Some(task))
        }
        Err(Trouble::Silent) => page(StatusCode::GATEWAY_TIMEOUT, &format!("{} did not answer in time.", backend.placed.app())),
        Err(Trouble::Ask(error)) if is_too_large(error.as_ref()) => too_large(limit.unwrap_or_default()),
        Err(Trouble::Connect(error)) => {
            tracing::debug!(app = backend.placed.app(), %error, "cannot connect to an app");
            trouble(backend.placed.app(), "does not answer")
        }
        Err(Trouble::Ask(error)) => {
            tracing::debug!(app = backend.placed.app(), %error, "an app broke off");
            trouble(backend.placed.app(), "broke off instead of answering")
        }
    }
}

enum Trouble {
    Connect(io::Error),
    Ask(BodyError),
    Silent,
}

fn trouble(app: &str, what: &str) -> Response<Body> {
    page(StatusCode::BAD_GATEWAY, &format!("{app} {what}."))
}

fn too_large(limit: u64) -> Response<Body> {
    let mut response = page(StatusCode::PAYLOAD_TOO_LARGE, &format!("At most {limit} bytes can be sent here."));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn is_too_large(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The request as the app gets it.
fn prepared(
    front: &Front,
    backend: &Backend,
    mut request: Request<Body>,
    visit: &Visit,
    to: Option<HeaderValue>,
    limit: Option<u64>,
    last: &Activity,
) -> Request<Body> {
    let mut prefix = "";
    if backend.rules.strips && !visit.base.is_empty() {
        prefix = &visit.base;
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let rest = target.strip_prefix(prefix).unwrap_or(target);
        let rest = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
        if let Ok(uri) = rest.parse() {
            *request.uri_mut() = uri;
        }
    }
    headers::prepare(request.headers_mut(), visit.visitor, &visit.host, front.port, prefix);
    if let Some(to) = to {
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
        request.headers_mut().insert(UPGRADE, to);
    } else {
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    *request.version_mut() = hyper::Version::HTTP_11;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    request.map(|body| {
        if body.is_end_stream() {
            return body;
        }
        let watched = Watched { body, last: last.clone() };
        // an unlimited body keeps its exact size, and thus its Content-Length
        if limit == usize::MAX { watched.boxed_unsync() } else { Limited::new(watched, limit).boxed_unsync() }
    })
}

/// Tries each process in turn, and all again for a while: nothing was sent yet.
async fn connect(backend: &Backend) -> io::Result<Pin<Box<dyn Stream>>> {
    let until = Instant::now() + CONNECT;
    loop {
        let mut last = io::Error::from(io::ErrorKind::NotConnected);
        for endpoint in backend.in_turn() {
            match endpoint.connect().await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        if Instant::now() >= until {
            return Err(last);
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// When a byte of the request was last passed on.
#[derive(Debug, Clone)]
struct Activity(Arc<Mutex<Instant>>);

impl Default for Activity {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Activity {
    fn at(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Ends when nothing has happened for so long.
    async fn silent(&self, silence: Duration) {
        while self.at() + silence > Instant::now() {
            tokio::time::sleep_until(self.at() + silence).await;
        }
    }
}

/// A body that tells when it moves.
struct Watched {
    body: Body,
    last: Activity,
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_ready() {
            self.last.now();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
