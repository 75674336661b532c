//! Digests of files that were served already: the entity tags.

use silver_pack::hash;
use silver_plugin_api::Digest;
use std::{
    collections::HashMap,
    fs::{File, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    sync::{Arc, Mutex, PoisonError},
};

/// So many are remembered; then all are forgotten, which costs one reading of each file.
const MOST: usize = 20_000;

/// What tells that a file is still the one that was read. The change time cannot be set by an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

/// Digests by identity.
#[derive(Debug, Clone, Default)]
pub(in crate::front) struct Digests(Arc<Mutex<HashMap<Identity, Digest>>>);

impl Digests {
    /// The digest of an open file.
    pub(super) fn of(&self, file: &mut File, metadata: &Metadata) -> io::Result<Digest> {
        let identity = Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        };
        let known = |known: &Mutex<HashMap<Identity, Digest>>| {
            known.lock().unwrap_or_else(PoisonError::into_inner).get(&identity).copied()
        };
        if let Some(digest) = known(&self.0) {
            return Ok(digest);
        }
        let (digest, _) = hash::copy_hashed(file, &mut io::sink())?;
        let mut digests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if digests.len() >= MOST {
            digests.clear();
        }
        digests.insert(identity, digest);
        Ok(digest)
    }
}
