//! The agent's side of the registry: agents alone write it, on a server several at the same time.

use crate::{
    dirs::Dirs,
    disk::{At, DiskError, make_dir},
    facts,
};
use rustix::fs::{FlockOperation, flock};
use silver_pack::{archive::Keep, listing::Listing};
use silver_plugin_api::{
    Digest,
    plan::{LogHead, Missing},
};
use silver_registry::{LoggedEvent, Registry, RegistryError, Signer, Statement};
use std::{
    fs::File,
    io::{self, Read},
    sync::{Mutex, PoisonError},
};
use tokio::sync::mpsc;

/// The registry refused.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StoreError(#[from] pub RegistryError);

impl StoreError {
    /// Is there no room left?
    pub fn is_full(&self) -> bool {
        matches!(&self.0, RegistryError::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }

    /// Is it about bytes that are not what they should be?
    pub fn is_integrity(&self) -> bool {
        matches!(self.0, RegistryError::Digest { .. } | RegistryError::Damaged { .. } | RegistryError::ForeignHead { .. })
    }
}

/// The registry and the key that signs its log.
#[derive(Debug)]
pub struct Store {
    registry: Registry,
    signer: Signer,
    appending: Mutex<()>,
}

impl Store {
    /// Opens the registry, or makes it; likewise the node's key.
    pub fn open(dirs: &Dirs) -> Result<Self, StoreError> {
        let signer = Self::signer(dirs)?;
        let registry = Registry::open_or_create(&dirs.registry(), &signer)?;
        Ok(Self { registry, signer, appending: Mutex::new(()) })
    }

    /// Of two agents that make the first key, one has to wait for the other's.
    fn signer(dirs: &Dirs) -> Result<Signer, RegistryError> {
        let path = dirs.node_key();
        let keys = path.parent().unwrap_or(&path);
        let io = |error: DiskError| RegistryError::Io { doing: error.doing, path: error.path, source: error.source };
        make_dir(keys).map_err(io)?;
        let handle = File::open(keys).at("open", keys).map_err(io)?;
        flock(&handle, FlockOperation::LockExclusive).at("lock", keys).map_err(io)?;
        Signer::load_or_create(&path, &facts::name(dirs))
    }

    /// The registry, to read.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The signed head of the log, and the key that signs it; with the proof that the log begins with what it was when it
    /// had `since` events.
    pub fn head(&self, since: Option<u64>) -> Result<LogHead, StoreError> {
        let (text, proof) = self.registry.head_and_proof(since)?;
        Ok(LogHead { text, key: self.signer.verifier().text().into(), proof })
    }

    /// What of this is not here: the archive, the blobs.
    pub fn missing(&self, archive: Option<&Digest>, blobs: &[Digest]) -> Missing {
        let objects = self.registry.objects();
        let archive = archive.filter(|archive| !objects.has_archive(archive));
        Missing {
            archive: archive.is_some(),
            archive_part: archive.map_or(0, |archive| objects.archive_part(archive)),
            blobs: objects.missing(blobs),
        }
    }

    /// Keeps a pack's zip, of which `rest` is what follows the first `from` bytes. Should it end too early, what came
    /// is there the next time. `keep` is given contents while they come.
    pub fn put_archive(&self, rest: &mut dyn Read, digest: &Digest, from: u64, keep: Keep<'_>) -> Result<(), StoreError> {
        self.registry.objects().receive_archive(rest, digest, from, keep)?;
        Ok(())
    }

    /// Keeps a blob.
    pub fn put_blob(&self, from: &mut dyn Read, digest: &Digest) -> Result<(), StoreError> {
        self.registry.objects().put(from, digest)?;
        Ok(())
    }

    /// Keeps contents that follow one another in `from`. Should it end too early, or one of them be wrong, those
    /// before it are here the next time.
    pub fn put_blobs(&self, from: &mut dyn Read, blobs: &[(Digest, u64)]) -> Result<(), StoreError> {
        let mut batch = self.registry.objects().batch();
        let taken = blobs.iter().try_for_each(|(digest, size)| {
            let mut content = (&mut *from).take(*size);
            batch.put(&mut content, digest)?;
            // what is here already was not read
            let skipped = io::copy(&mut content, &mut io::sink());
            skipped.map(drop).map_err(|source| RegistryError::Io { doing: "read", path: digest.hex().into(), source })
        });
        batch.publish()?;
        Ok(taken?)
    }

    /// Keeps a tree.
    pub fn put_tree(&self, tree: &Listing) -> Result<Digest, StoreError> {
        Ok(self.registry.put_tree(tree)?)
    }

    /// Appends an event; its index.
    pub fn append(&self, statement: &Statement) -> Result<u64, StoreError> {
        let _one_at_a_time = self.appending.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(self.registry.append(statement, &self.signer)?)
    }

    /// The newest events, newest first.
    pub fn newest(&self, count: u64) -> Result<Vec<LoggedEvent>, StoreError> {
        let size = self.registry.head()?.size;
        let events = self.registry.events(size.saturating_sub(count))?;
        let mut events = events.collect::<Result<Vec<_>, _>>()?;
        events.reverse();
        Ok(events)
    }
}

/// Reads data that arrives in chunks; the end of the channel before `left` is 0 is an error.
pub(crate) struct Arriving {
    chunks: mpsc::Receiver<Vec<u8>>,
    chunk: io::Cursor<Vec<u8>>,
    left: u64,
}

impl Arriving {
    /// So many bytes are announced.
    pub(crate) fn new(size: u64) -> (mpsc::Sender<Vec<u8>>, Self) {
        let (sender, chunks) = mpsc::channel(4);
        (sender, Self { chunks, chunk: io::Cursor::default(), left: size })
    }
}

impl Read for Arriving {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.chunk.read(into)?;
            self.left -= read as u64;
            if read > 0 || into.is_empty() || self.left == 0 {
                return Ok(read);
            }
            let next = self.chunks.blocking_recv().ok_or(io::ErrorKind::UnexpectedEof)?;
            if next.len() as u64 > self.left {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "more data than was announced"));
            }
            self.chunk = io::Cursor::new(next);
        }
    }
}
