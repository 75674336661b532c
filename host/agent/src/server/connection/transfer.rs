//! Data that comes and goes: packs, blobs, trees.

use super::{Connection, Stop};
use crate::{
    disk::DiskError,
    names, observe,
    protocol::{CHUNK, ErrorCode, ProtocolError, Refusal, Response},
    server::refuse::{Refuse, refused},
    stage::Brought,
    store::{Arriving, Store, StoreError},
};
use silver_pack::{hash, listing::Listing};
use silver_plugin_api::{
    Digest, TreePath,
    plan::{MAX_CONTENTS, MAX_SENT},
};
use silver_registry::RegistryError;
use std::{
    fs::File,
    io::{self, Read},
    sync::Arc,
};
use tokio::sync::mpsc;

/// So many events are sent at once.
const MAX_EVENTS: u64 = 256;

/// The longest tree that is taken: a million paths of ordinary length.
const MAX_TREE: u64 = 256 << 20;

impl Connection {
    /// Takes data that was announced and hands it to `put`. All of it is read also when it is not
    /// wanted, so that the connection can be used further. When it breaks, `put` has ended before this does.
    pub(super) async fn take(
        &mut self,
        size: u64,
        put: impl FnOnce(&Store, &mut dyn Read) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<Response, Stop> {
        let (sender, mut arriving) = Arriving::new(size);
        let store = Arc::clone(&self.agent.store);
        let putting = tokio::task::spawn_blocking(move || put(&store, &mut arriving));
        let handed_on = self.hand_on(size, sender).await;
        let put = ended(putting.await);
        handed_on?;
        put??;
        Ok(Response::Ok)
    }

    async fn hand_on(&mut self, size: u64, to: mpsc::Sender<Vec<u8>>) -> Result<(), ProtocolError> {
        let mut left = size;
        while left > 0 {
            let chunk = self.reader.receive_data().await?;
            left = match left.checked_sub(chunk.len() as u64) {
                Some(left) if !chunk.is_empty() => left,
                _ => return Err(ProtocolError::Unexpected("other data came than was announced")),
            };
            let _ = to.send(chunk).await; // it may know enough already: then nobody receives
        }
        Ok(())
    }

    /// A pack. Where releases share files, its contents become files while it comes.
    pub(super) async fn take_archive(&mut self, digest: Digest, size: u64, from: u64) -> Result<Response, Stop> {
        let dirs = self.agent.dirs();
        let brought = if dirs.is_server() { Some(Arc::new(Brought::begin(dirs).await?)) } else { None };
        let kept = brought.clone();
        let put = move |store: &Store, rest: &mut dyn Read| {
            let keep = |digest: &Digest, content: &[u8]| {
                if let Some(brought) = &kept {
                    brought.keep(digest, content);
                }
            };
            store.put_archive(rest, &digest, from, &keep)
        };
        let response = self.take(size.saturating_sub(from), put).await?;
        self.brought = brought;
        Ok(response)
    }

    /// Contents that follow one another.
    pub(super) async fn take_blobs(&mut self, blobs: Vec<(Digest, u64)>) -> Result<Response, Stop> {
        let size = blobs.iter().try_fold(0, |sum: u64, (_, size)| sum.checked_add(*size));
        let Some(size) = size.filter(|_| blobs.len() <= MAX_SENT) else {
            let message = format!("{} contents at once are over the limit of {MAX_SENT}", blobs.len());
            return Err(Stop::Refused(refused(ErrorCode::Refused, message, None)));
        };
        self.take(size, move |store, from| store.put_blobs(from, &blobs)).await
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

    /// The files of the current release, as they lie there.
    pub(super) async fn files(&mut self, app: &str) -> Result<(), Stop> {
        let label = self.placed(app).await?.label;
        let dir = self.agent.dirs().tree(app, &label);
        let (files, odd) = at_work(move || observe::laid_out(&dir)).await?;
        let lines = files.to_lines();
        let size = lines.len() as u64;
        self.writer.send(&Response::Files { label, size, odd }).await?;
        Ok(self.writer.send_data(&mut lines.as_bytes(), size, |_| {}).await?)
    }

    /// Contents of files of a release, as they lie there.
    pub(super) async fn contents(&mut self, app: &str, label: &str, paths: Vec<TreePath>) -> Result<(), Stop> {
        names::app(app)?;
        names::label(app, label)?;
        if paths.len() > MAX_CONTENTS {
            let message = format!("{} files at once are over the limit of {MAX_CONTENTS}", paths.len());
            return Err(Stop::Refused(refused(ErrorCode::Refused, message, None)));
        }
        let dir = self.agent.dirs().tree(app, label);
        let read = move || paths.iter().map(|path| observe::content(&dir, path)).collect::<Result<Vec<_>, _>>();
        let contents = at_work(read).await?;
        let sizes = contents.iter().map(|content| content.as_ref().map(|content| content.len() as u64)).collect();
        self.writer.send(&Response::Contents { sizes }).await?;
        for content in contents.iter().flatten() {
            self.writer.send_data(&mut content.as_slice(), content.len() as u64, |_| {}).await?;
        }
        Ok(())
    }

    /// Events of the log as they were signed, from `first` on.
    pub(super) async fn events(&mut self, first: u64) -> Result<(), Stop> {
        let store = Arc::clone(&self.agent.store);
        let read = move || {
            let size = store.registry().head().map_err(StoreError::from)?.size;
            let last = size.min(first.saturating_add(MAX_EVENTS));
            (first..last).map(|index| Ok(store.registry().event_file(index)?)).collect::<Result<Vec<_>, StoreError>>()
        };
        let events = blocking(read).await?;
        let sizes = events.iter().map(|event| Some(event.len() as u64)).collect();
        self.writer.send(&Response::Contents { sizes }).await?;
        for event in &events {
            self.writer.send_data(&mut event.as_slice(), event.len() as u64, |_| {}).await?;
        }
        Ok(())
    }

    /// Packs or contents that the registry keeps, read while they are sent.
    pub(super) async fn stored(&mut self, archives: bool, digests: Vec<Digest>) -> Result<(), Stop> {
        if digests.len() > MAX_CONTENTS {
            let message = format!("{} contents at once are over the limit of {MAX_CONTENTS}", digests.len());
            return Err(Stop::Refused(refused(ErrorCode::Refused, message, None)));
        }
        let store = Arc::clone(&self.agent.store);
        let (sizes, digests) = blocking(move || {
            let objects = store.registry().objects();
            let archive = |digest: &Digest| std::fs::metadata(objects.archive_path(digest)).ok().map(|file| file.len());
            let size = |digest: &Digest| if archives { archive(digest) } else { objects.size(digest) };
            Ok((digests.iter().map(size).collect::<Vec<_>>(), digests))
        })
        .await?;
        let there: Vec<Digest> =
            digests.iter().zip(&sizes).filter(|(_, size)| size.is_some()).map(|(digest, _)| *digest).collect();
        self.writer.send(&Response::Contents { sizes }).await?;
        let store = Arc::clone(&self.agent.store);
        let (sender, mut pieces) = mpsc::channel(4);
        let reading = tokio::task::spawn_blocking(move || read_stored(&store, archives, &there, &sender));
        while let Some(piece) = pieces.recv().await {
            self.writer.send_data(&mut piece.as_slice(), piece.len() as u64, |_| {}).await?;
        }
        // what was announced and cannot be read ends the connection: the client counts the bytes
        ended(reading.await)?.map_err(|error| ProtocolError::Io(io::Error::other(error)))?;
        Ok(())
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

/// Reads packs or contents in pieces, until nobody takes them any more.
fn read_stored(store: &Store, archives: bool, digests: &[Digest], pieces: &mpsc::Sender<Vec<u8>>) -> Result<(), StoreError> {
    let objects = store.registry().objects();
    for digest in digests {
        let failed = |source| StoreError(RegistryError::Io { doing: "read", path: digest.hex().into(), source });
        let mut from: Box<dyn Read + '_> = if archives {
            Box::new(File::open(objects.archive_path(digest)).map_err(failed)?)
        } else {
            objects.reader(digest)?
        };
        loop {
            let mut piece = Vec::new();
            from.by_ref().take(CHUNK as u64).read_to_end(&mut piece).map_err(failed)?;
            if piece.is_empty() {
                break;
            }
            if pieces.blocking_send(piece).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    ended(tokio::task::spawn_blocking(work).await)?
}

/// Work on the disk, away from the connections.
async fn at_work<T: Send + 'static>(work: impl FnOnce() -> Result<T, DiskError> + Send + 'static) -> Result<T, DiskError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(DiskError { doing: "work on", path: "the releases".into(), source: io::Error::other(error) }))
}

/// A task that panicked is an error of the one request.
fn ended<T>(joined: Result<T, tokio::task::JoinError>) -> Result<T, StoreError> {
    joined.map_err(|error| {
        let source = io::Error::other(error);
        StoreError(RegistryError::Io { doing: "work on", path: "the registry".into(), source })
    })
}
