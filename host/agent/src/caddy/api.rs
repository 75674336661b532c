//! Caddy's admin API, on its Unix socket.

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request,
    body::Bytes,
    client::conn::http1,
    header::{CONTENT_TYPE, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::{io, path::PathBuf, time::Duration};
use tokio::net::UnixStream;

/// More than this of an answer is not read.
const LONGEST: usize = 64 << 20;
/// Caddy gets so long. A new configuration opens listeners and log files; certificates it gets later.
const PATIENCE: Duration = Duration::from_mins(1);

/// Caddy did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Nobody listens.
    #[error("Caddy does not answer at {}", .path.display())]
    Away {
        /// Its admin socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The connection broke, or what came makes no sense.
    #[error("Caddy's admin API broke off")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It takes too long.
    #[error("Caddy's admin API gave no answer within {PATIENCE:?}")]
    Slow,
    /// It says no.
    #[error("Caddy refuses: {0}")]
    Refused(String),
}

impl ApiError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Away { .. } => Some("see `systemctl status caddy`; `silver setup-node` sets it up".into()),
            Self::Slow | Self::Broken(_) => Some("see `journalctl -u caddy`".into()),
            Self::Refused(_) => None,
        }
    }
}

/// Who talks to it.
#[derive(Debug, Clone)]
pub(super) struct Api {
    socket: PathBuf,
}

impl Api {
    pub(super) fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// The whole configuration; `null` where there is none.
    pub(super) async fn config(&self) -> Result<Value, ApiError> {
        let answer = self.ask(Method::GET, "/config/", Vec::new()).await?;
        serde_json::from_slice(&answer).map_err(|error| ApiError::Broken(error.into()))
    }

    /// Replaces the whole configuration: Caddy takes all of it or nothing.
    pub(super) async fn load(&self, config: &Value) -> Result<(), ApiError> {
        let body = serde_json::to_vec(config).map_err(|error| ApiError::Broken(error.into()))?;
        self.ask(Method::POST, "/load", body).await.map(drop)
    }

    async fn ask(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Bytes, ApiError> {
        tokio::time::timeout(PATIENCE, self.exchange(method, path, body)).await.unwrap_or(Err(ApiError::Slow))
    }

    async fn exchange(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Bytes, ApiError> {
        let stream = UnixStream::connect(&self.socket).await;
        let stream = stream.map_err(|source| ApiError::Away { path: self.socket.clone(), source })?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| ApiError::Broken(error.into()))?;
        let driving = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            // Caddy wants it empty on a socket, against pages in browsers that find their way to it
            .header(HOST, HeaderValue::from_static(""))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| ApiError::Broken(error.into()))?;
        let answer = sender.send_request(request).await.map_err(|error| ApiError::Broken(error.into()))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LONGEST).collect().await.map_err(ApiError::Broken)?.to_bytes();
        driving.abort();
        if status.is_success() { Ok(body) } else { Err(ApiError::Refused(said(&body))) }
    }
}

/// The words of an error of the API.
fn said(body: &[u8]) -> String {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let error = json.as_ref().and_then(|json| json.get("error")?.as_str());
    let words: String = error.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(2_000).collect()
}
