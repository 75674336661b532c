//! Packs that were deployed on this machine: its registry keeps each as it was received.

use crate::{context::Context, error::Result};
use silver_pack::{former::Former, pack::Pack, snapshot::Blobs};
use silver_plugin_api::Digest;
use silver_registry::{Registry, RegistryError, mirror};
use std::{
    io::{self, Read},
    path::PathBuf,
};

/// This machine's registry, or `None` before the first deployment.
pub fn registry(context: &Context) -> Result<Option<Registry>> {
    match Registry::open(&context.dirs()?.registry()) {
        Err(RegistryError::Absent(_)) => Ok(None),
        registry => Ok(Some(registry?)),
    }
}

/// This machine's registry, and the copies of those of nodes.
pub fn registries(context: &Context) -> Result<Vec<Registry>> {
    let own = context.dirs()?.registry();
    let mut all: Vec<Registry> = registry(context)?.into_iter().collect();
    for node in mirror::names(&own) {
        all.push(Registry::open(&mirror::dir(&own, &node))?);
    }
    Ok(all)
}

/// Where the pack with this digest lies, if it was deployed from here or its deployment was copied to here.
pub fn pack(context: &Context, digest: &Digest) -> Result<Option<PathBuf>> {
    for registry in registries(context)? {
        if let Some(archive) = registry.archive_of(digest)? {
            return Ok(Some(registry.objects().archive_path(&archive)));
        }
    }
    Ok(None)
}

/// The pack with this digest, as one that another version is compared with, if it was deployed here.
pub fn former(context: &Context, digest: &Digest) -> Result<Option<Former>> {
    let Some(path) = pack(context, digest)? else { return Ok(None) };
    let pack = Pack::open(&path)?;
    Ok((pack.digest() == *digest).then(|| Former::of(&pack)))
}

/// The contents of a registry, to be looked up by digest.
pub struct Contents(pub Registry);

impl Blobs for Contents {
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        self.0.objects().open(digest)
    }
}
