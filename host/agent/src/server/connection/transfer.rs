//! Data that comes and goes: packs, blobs, trees.

use super::{Connection, Stop};
use crate::{
    protocol::{ErrorCode, ProtocolError, Refusal, Response},
    server::refuse::{Refuse, refused},
    store::{Arriving, Store, StoreError},
};
use silver_pack::{hash, listing::Listing};
use silver_plugin_api::Digest;
use silver_registry::RegistryError;
use std::{
    io::{self, Read},
    sync::Arc,
};

/// The longest tree that is taken: a million paths of ordinary length.
const MAX_TREE: u64 = 256 << 20;

impl Connection {
    /// Takes data that was announced and hands it to `put`. All of it is read also when it is not
    /// wanted, so that the connection can be used further.
    pub(super) async fn take(
        &mut self,
        size: u64,
        put: impl FnOnce(&Store, &mut dyn Read) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<Response, Stop> {
        let (sender, mut arriving) = Arriving::new(size);
        let store = Arc::clone(&self.agent.store);
        let putting = tokio::task::spawn_blocking(move || put(&store, &mut arriving));
        let mut left = size;
        while left > 0 {
            let chunk = self.reader.receive_data().await?;
            left = match left.checked_sub(chunk.len() as u64) {
                Some(left) if !chunk.is_empty() => left,
                _ => return Err(ProtocolError::Unexpected("other data came than was announced").into()),
            };
            let _ = sender.send(chunk).await; // it may know enough already: then nobody receives
        }
        drop(sender);
        ended(putting.await)??;
        Ok(Response::Ok)
    }

    pub(super) async fn take_tree(&mut self, digest: Digest, size: u64) -> Result<Response, Stop> {
        if size > MAX_TREE {
            return Err(Stop::Refused(refused(ErrorCode::Refused, format!("a tree of {size} bytes is over the limit"), None)));
        }
        let put = move |store: &Store, from: &mut dyn Read| {
            let wrong = |why: String| StoreError(RegistryError::Unusable { what: format!("the tree {digest}"), why });
            let mut text = String::new();
            from.read_to_string(&mut text).map_err(|error| wrong(error.to_string()))?;
            let found = hash::sha256(text.as_bytes());
            if found != digest {
                return Err(StoreError(RegistryError::Digest { what: "a tree".into(), expected: digest, found }));
            }
            let listing = Listing::parse(&text).map_err(|error| wrong(error.to_string()))?;
            store.put_tree(&listing).map(|_| ())
        };
        self.take(size, put).await
    }

    pub(super) async fn tree(&mut self, digest: Digest) -> Result<(), Stop> {
        let store = Arc::clone(&self.agent.store);
        let lines = blocking(move || Ok(store.registry().tree(&digest)?.to_lines())).await.map_err(|error| {
            let code = if matches!(error.0, RegistryError::NoTree(_)) { ErrorCode::NotFound } else { error.code() };
            Stop::Refused(Refusal { code, ..error.refusal() })
        })?;
        let size = lines.len() as u64;
        self.writer.send(&Response::Tree { size }).await?;
        Ok(self.writer.send_data(&mut lines.as_bytes(), size, |_| {}).await?)
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    ended(tokio::task::spawn_blocking(work).await)?
}

/// A task that panicked is an error of the one request.
fn ended<T>(joined: Result<T, tokio::task::JoinError>) -> Result<T, StoreError> {
    joined.map_err(|error| {
        let source = io::Error::other(error);
        StoreError(RegistryError::Io { doing: "work on", path: "the registry".into(), source })
    })
}
