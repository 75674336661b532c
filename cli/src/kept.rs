//! Packs that were deployed on this machine: its registry keeps each as it was received.

use crate::{context::Context, error::Result};
use silver_pack::{listing::Listing, pack::Pack, snapshot::Blobs};
use silver_plugin_api::Digest;
use silver_registry::{Registry, RegistryError};
use std::{
    io::{self, Read},
    path::PathBuf,
    sync::Arc,
};

/// This machine's registry, or `None` before the first deployment.
pub fn registry(context: &Context) -> Result<Option<Registry>> {
    match Registry::open(&context.dirs()?.registry()) {
        Err(RegistryError::Absent(_)) => Ok(None),
        registry => Ok(Some(registry?)),
    }
}

/// Where the pack with this digest lies, if it was deployed here.
pub fn pack(context: &Context, digest: &Digest) -> Result<Option<PathBuf>> {
    let Some(registry) = registry(context)? else { return Ok(None) };
    let archive = registry.archive_of(digest)?;
    Ok(archive.map(|archive| registry.objects().archive_path(&archive)))
}

/// The files of the pack with this digest, if it was deployed here.
pub fn tree(context: &Context, digest: &Digest) -> Result<Option<Arc<Listing>>> {
    let Some(path) = pack(context, digest)? else { return Ok(None) };
    let pack = Pack::open(&path)?;
    Ok(Some(pack.tree().listing().clone()).filter(|_| pack.digest() == *digest))
}

/// The contents of a registry, to be looked up by digest.
pub struct Contents(pub Registry);

impl Blobs for Contents {
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        self.0.objects().open(digest)
    }
}
