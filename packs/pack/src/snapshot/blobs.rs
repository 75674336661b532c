//! Where contents are found by digest.

use crate::hash;
use silver_plugin_api::Digest;
use std::{
    collections::HashMap,
    io::{self, Read},
    sync::Arc,
};

/// A store of contents by digest. Implementations need not check what they give: whoever reads
/// does (see [`super::Verified`]).
pub trait Blobs: Send + Sync {
    /// The content with this digest; `NotFound` when it is not here.
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>>;
}

/// The error of a store that lacks a blob.
pub(crate) fn missing(digest: &Digest) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no content with the digest {digest}"))
}

/// Contents held in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryBlobs {
    contents: HashMap<Digest, Arc<[u8]>>,
}

impl MemoryBlobs {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a content; returns its digest.
    pub fn put(&mut self, content: impl Into<Arc<[u8]>>) -> Digest {
        let content = content.into();
        let digest = hash::sha256(&content);
        self.contents.insert(digest, content);
        digest
    }

    /// The content with this digest.
    pub fn get(&self, digest: &Digest) -> Option<&Arc<[u8]>> {
        self.contents.get(digest)
    }

    /// How many contents.
    pub fn len(&self) -> usize {
        self.contents.len()
    }

    /// Is there nothing?
    pub fn is_empty(&self) -> bool {
        self.contents.is_empty()
    }
}

impl Blobs for MemoryBlobs {
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        let content = self.contents.get(digest).ok_or_else(|| missing(digest))?;
        Ok(Box::new(io::Cursor::new(content.clone())))
    }
}

/// Several stores, asked in order.
#[derive(Clone, Default)]
pub struct Layers {
    stores: Vec<Arc<dyn Blobs>>,
}

impl Layers {
    /// These stores.
    pub fn new(stores: Vec<Arc<dyn Blobs>>) -> Self {
        Self { stores }
    }
}

impl Blobs for Layers {
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        for store in &self.stores {
            match store.open(digest) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                found => return found,
            }
        }
        Err(missing(digest))
    }
}
