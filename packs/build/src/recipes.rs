//! Build recipes: what `[build]` names besides the files of the source directory.
//!
//! Each gives an [`Addition`]; they run in the order of the fields of
//! [`silver_pack::manifest::Build`], and a command sees what the ones before it have added.

pub(crate) mod command;
pub(crate) mod debian;
pub(crate) mod npm;
pub(crate) mod python;

use crate::{provenance::Package, sbom::Component, sources::SourceError};
use silver_pack::{
    listing::{Kind, Listing, Node},
    snapshot::{Blobs, Layers, Snapshot},
};
use silver_plugin_api::{Digest, TreePath};
use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    path::PathBuf,
    sync::Arc,
};
use tempfile::TempDir;

/// What recipes add to a pack.
#[derive(Default)]
pub(crate) struct Addition {
    pub(crate) listing: Listing,
    pub(crate) blobs: Vec<Arc<dyn Blobs>>,
    /// For the provenance.
    pub(crate) packages: Vec<Package>,
    /// For the bill of materials.
    pub(crate) components: Vec<Component>,
    pub(crate) warnings: Vec<String>,
    /// Where contents lie until the pack is written.
    pub(crate) scratch: Vec<TempDir>,
}

impl Addition {
    /// Adds what another recipe gives. No file is made by two.
    pub(crate) fn merge(&mut self, other: Self) -> Result<(), SourceError> {
        for (path, node) in &other.listing {
            add(&mut self.listing, path.clone(), *node)?;
        }
        self.blobs.extend(other.blobs);
        self.packages.extend(other.packages);
        self.components.extend(other.components);
        self.warnings.extend(other.warnings);
        self.scratch.extend(other.scratch);
        Ok(())
    }

    /// The files of the source directory and these.
    pub(crate) fn onto(&self, sources: &Snapshot) -> Result<Snapshot, SourceError> {
        let mut listing = (**sources.listing()).clone();
        for (path, node) in &self.listing {
            add(&mut listing, path.clone(), *node)?;
        }
        let mut stores = vec![sources.blobs().clone()];
        stores.extend(self.blobs.iter().cloned());
        Ok(Snapshot::new(listing, Arc::new(Layers::new(stores))))
    }
}

/// Adds one file or link; the same one twice is fine.
pub(crate) fn add(listing: &mut Listing, path: TreePath, node: Node) -> Result<(), SourceError> {
    match listing.insert(path.clone(), node)? {
        Some(other) if other != node => Err(SourceError::Twice { path }),
        _ => Ok(()),
    }
}

/// `below` in the directory `into`.
pub(crate) fn join(into: &TreePath, below: &TreePath) -> Result<TreePath, SourceError> {
    into.join(below).map_err(|source| SourceError::Into { from: below.clone(), into: into.clone(), source })
}

/// Contents in files outside of the pack's source directory; their reader checks the digest.
#[derive(Default)]
pub(crate) struct DiskBlobs(HashMap<Digest, PathBuf>);

impl DiskBlobs {
    /// Adds a file with this content; returns it as an entry.
    pub(crate) fn put(&mut self, path: PathBuf, digest: Digest, size: u64, executable: bool) -> Node {
        self.0.insert(digest, path);
        Node { kind: if executable { Kind::Executable } else { Kind::File }, size, digest }
    }
}

impl Blobs for DiskBlobs {
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        let path = self.0.get(digest).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(Box::new(File::open(path)?))
    }
}
