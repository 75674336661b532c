//! The lock of one application: a connection that lives as long as the lock.

use crate::{connection::Connection, keepalive::Keepalive};
use async_trait::async_trait;
use silver_agent::protocol::{Request, Response};
use silver_core::{
    node::{Body, NodeError, Parts, Session},
    progress::Listener,
};
use silver_plugin_api::{
    Digest,
    plan::{Missing, Observed, Outcome, Release, Transition},
};
use std::collections::BTreeMap;

/// See [`Session`].
pub(crate) struct RemoteSession {
    app: String,
    connection: Connection,
    _keepalive: Keepalive,
}

impl RemoteSession {
    pub(crate) fn new(app: &str, connection: Connection) -> Self {
        Self { app: app.into(), _keepalive: connection.keep_alive(), connection }
    }
}

#[async_trait]
impl Session for RemoteSession {
    async fn observe(&mut self) -> Result<Observed, NodeError> {
        match self.connection.ask(&Request::Observe { app: self.app.clone() }).await? {
            Response::Observed(observed) => Ok(*observed),
            other => Err(self.connection.unexpected(&other, "`Observed`")),
        }
    }

    async fn missing(&mut self, archive: Option<Digest>, blobs: Vec<Digest>) -> Result<Missing, NodeError> {
        match self.connection.ask(&Request::Missing { archive, blobs }).await? {
            Response::Missing(missing) => Ok(missing),
            other => Err(self.connection.unexpected(&other, "`Missing`")),
        }
    }

    async fn put_archive(
        &mut self,
        digest: Digest,
        size: u64,
        from: u64,
        body: Body<'_>,
        sent: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), NodeError> {
        self.connection.send(&Request::PutArchive { digest, size, from }).await?;
        self.connection.send_body("the pack", body, size.saturating_sub(from), sent).await?;
        self.connection.done().await
    }

    async fn put_blobs(
        &mut self,
        blobs: &[(Digest, u64)],
        body: Body<'_>,
        sent: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), NodeError> {
        let size = blobs.iter().map(|(_, size)| size).sum();
        self.connection.send(&Request::PutBlobs { blobs: blobs.to_vec() }).await?;
        self.connection.send_body("the files", body, size, sent).await?;
        self.connection.done().await
    }

    async fn put_tree(&mut self, digest: Digest, lines: &str) -> Result<(), NodeError> {
        let size = lines.len() as u64;
        self.connection.send(&Request::PutTree { digest, size }).await?;
        self.connection.send_body("a tree", &mut lines.as_bytes(), size, &mut |_| {}).await?;
        self.connection.done().await
    }

    async fn assemble(&mut self, parts: &Parts<'_>, listener: &mut dyn Listener) -> Result<String, NodeError> {
        self.connection.send(&assemble(parts, true)).await?;
        match self.connection.follow(listener).await? {
            Response::Assembled { files: Some(files) } => Ok(files),
            other => Err(self.connection.unexpected(&other, "`Assembled` with files")),
        }
    }

    async fn stage(
        &mut self,
        label: &str,
        release: &Release,
        secrets: &BTreeMap<String, String>,
        listener: &mut dyn Listener,
    ) -> Result<(), NodeError> {
        let secrets = secrets.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let request = Request::Stage { label: label.into(), release: Box::new(release.clone()), secrets };
        self.connection.send(&request).await?;
        match self.connection.follow(listener).await? {
            Response::Ok => Ok(()),
            other => Err(self.connection.unexpected(&other, "`Ok`")),
        }
    }

    async fn submit(&mut self, transition: &Transition) -> Result<(), NodeError> {
        self.connection.send(&Request::Submit { transition: Box::new(transition.clone()) }).await
    }

    async fn outcome(&mut self, listener: &mut dyn Listener) -> Result<Outcome, NodeError> {
        match self.connection.follow(listener).await? {
            Response::Outcome(outcome) => Ok(*outcome),
            other => Err(self.connection.unexpected(&other, "`Outcome`")),
        }
    }
}

/// The request for a build step.
pub(crate) fn assemble(parts: &Parts<'_>, run: bool) -> Request {
    Request::Assemble {
        release: Box::new(parts.release.clone()),
        locations: parts.locations.to_vec(),
        step: parts.step,
        files: parts.files.to_owned(),
        run,
    }
}
