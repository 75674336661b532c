//! A tree with its bytes: a listing and a place where content is found by digest.

mod blobs;
mod capture;
mod read;
mod tree;
mod verified;

pub(crate) use blobs::missing;
pub use blobs::{Blobs, Layers, MemoryBlobs};
pub use capture::{CaptureError, is_vcs};
pub use read::{MAX_READ, ReadError};
pub use verified::{Altered, Verified};

use crate::listing::Listing;
use silver_plugin_api::Digest;
use std::{fmt, sync::Arc};

/// An immutable tree. Cloning is cheap; no bytes are held but by the blobs.
#[derive(Clone)]
pub struct Snapshot {
    listing: Arc<Listing>,
    blobs: Arc<dyn Blobs>,
}

impl Snapshot {
    /// The tree of `listing`, whose contents are found in `blobs`.
    pub fn new(listing: impl Into<Arc<Listing>>, blobs: Arc<dyn Blobs>) -> Self {
        Self { listing: listing.into(), blobs }
    }

    /// The tree without files.
    pub fn empty() -> Self {
        Self::new(Listing::new(), Arc::new(MemoryBlobs::new()))
    }

    /// What lies where.
    pub fn listing(&self) -> &Arc<Listing> {
        &self.listing
    }

    /// Where contents are found.
    pub fn blobs(&self) -> &Arc<dyn Blobs> {
        &self.blobs
    }

    /// The tree digest.
    pub fn digest(&self) -> Digest {
        self.listing.digest()
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot({} entries, {})", self.listing.len(), self.digest())
    }
}
