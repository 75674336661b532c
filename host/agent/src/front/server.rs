//! The listening socket.

use super::{answer::answer, route::Front};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, io, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};

/// A visitor has so long to send the head of a request, idle connections included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// The head of a request may have so many bytes.
const HEAD_LIMIT: usize = 64 << 10;
/// So many connections at once; further ones wait in the backlog.
const MOST_CONNECTIONS: usize = 8_000;

/// The port of the front cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the port {port} of 127.0.0.1 cannot be used for the front")]
pub struct BindError {
    /// Which port.
    pub port: u16,
    /// Why.
    #[source]
    pub source: io::Error,
}

impl BindError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self.source.kind() {
            io::ErrorKind::AddrInUse => {
                Some(format!("another program listens on port {}: stop it, or choose another port", self.port))
            }
            io::ErrorKind::PermissionDenied => Some("ports below 1024 need privileges: choose a higher one".into()),
            _ => None,
        }
    }
}

/// Takes the port; 0 takes any.
pub(crate) async fn bind(port: u16) -> Result<TcpListener, BindError> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|source| BindError { port, source })
}

/// Answers until `stop` is set; then requests that have begun are finished.
pub(crate) async fn serve(front: Arc<Front>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = asked_to(&mut stop) => break,
        };
        match accepted {
            Ok((stream, visitor)) => {
                let (front, stop) = (Arc::clone(&front), stop.clone());
                connections.spawn(async move {
                    connection(front, stream, visitor.ip(), stop).await;
                    drop(permit);
                });
            }
            Err(error) => {
                // out of file descriptors: some will be free again
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    let finish = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(Duration::from_secs(10), finish).await; // the rest is dropped, as said
}

async fn connection(front: Arc<Front>, stream: TcpStream, visitor: std::net::IpAddr, mut stop: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true); // an optimisation
    let service = service_fn(|request| {
        let front = Arc::clone(&front);
        async move { Ok::<_, Infallible>(answer(&front, request, visitor).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut serving = pin!(serving);
    let result = tokio::select! {
        result = serving.as_mut() => result,
        () = asked_to(&mut stop) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early"); // visitors go away; nothing to do about it
    }
}

/// Until it is to stop (or nobody is left who could say so).
async fn asked_to(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|&stop| stop).await;
}
