//! Many contents made durable together: all are written, one `syncfs` makes their bytes durable, they
//! are renamed, one more makes their names durable. Five times faster than a sync for each.

use super::Objects;
use crate::{durable, error::RegistryError};
use silver_plugin_api::Digest;
use std::{collections::BTreeMap, fs, io::Read, path::PathBuf};

/// Below this many, a sync for each is cheaper than waiting for whatever else the machine writes.
const FEW: usize = 8;

/// Contents that were received but are not visible yet; dropped, they are gone.
#[derive(Debug)]
pub struct Batch<'a> {
    objects: &'a Objects,
    received: BTreeMap<Digest, PathBuf>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(objects: &'a Objects) -> Self {
        Self { objects, received: BTreeMap::new() }
    }

    /// Takes what `content` gives, if it has this digest. What is here already is not read.
    pub fn put(&mut self, content: &mut dyn Read, digest: &Digest) -> Result<(), RegistryError> {
        if self.received.contains_key(digest) || self.objects.has(digest) {
            return Ok(());
        }
        let (temporary, _) = self.objects.receive(content, digest, "a blob")?;
        self.received.insert(*digest, temporary.keep());
        Ok(())
    }

    /// Makes all of them visible; returns how many. Durable when it returns.
    pub fn publish(mut self) -> Result<usize, RegistryError> {
        let count = self.received.len();
        if count == 0 {
            return Ok(0);
        }
        let few = count <= FEW;
        if few {
            for path in self.received.values() {
                fs::File::open(path).and_then(|file| file.sync_all()).map_err(RegistryError::io("sync", path))?;
            }
        } else {
            durable::sync_file_system(&self.objects.tmp)?;
        }
        while let Some((digest, path)) = self.received.first_key_value() {
            let dest = self.objects.loose(digest);
            let dir = durable::parent(&dest);
            durable::make_dirs(&self.objects.root, dir)?;
            durable::rename(path, &dest)?;
            if few {
                durable::sync_dir(dir)?;
            }
            self.received.pop_first();
        }
        if !few {
            durable::sync_file_system(&self.objects.root)?;
        }
        Ok(count)
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for path in self.received.values() {
            // garbage if it stays; the next sweep takes it
            let _ = fs::remove_file(path);
        }
    }
}
