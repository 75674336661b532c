//! What build steps have made, by the key of everything they were made from. The files themselves
//! are in the registry; here are their paths and digests, sealed by a digest of their own.

use crate::{
    dirs::Dirs,
    disk::{DiskError, make_dir, names, read_optional, remove_file, write_atomic},
    store::Store,
};
use silver_pack::{hash, listing::Listing};
use silver_plugin_api::Digest;
use std::{fs, path::PathBuf, time::SystemTime};

/// So many results are kept, the newest.
const MOST: usize = 200;

/// The result under a key, if it is whole and the registry still has all of it.
pub(super) fn find(dirs: &Dirs, store: &Store, key: &Digest) -> Result<Option<Listing>, DiskError> {
    let Some(bytes) = read_optional(&dirs.assembled().join(key.hex()))? else { return Ok(None) };
    let text = String::from_utf8(bytes).unwrap_or_default();
    let sealed = text.split_once('\n').filter(|(seal, lines)| hash::sha256(lines.as_bytes()).hex() == *seal);
    let Some(listing) = sealed.and_then(|(_, lines)| Listing::parse(lines).ok()) else { return Ok(None) };
    let digests: Vec<Digest> = listing.iter().map(|(_, node)| node.digest).collect();
    let missing = store.missing(None, &digests).blobs;
    Ok(Some(listing).filter(|listing| missing.is_empty() && !listing.is_empty()))
}

/// Keeps a result; old ones go.
pub(super) fn keep(dirs: &Dirs, key: &Digest, made: &Listing) -> Result<(), DiskError> {
    let directory = dirs.assembled();
    make_dir(&directory)?;
    let lines = made.to_lines();
    let text = format!("{}\n{lines}", hash::sha256(lines.as_bytes()).hex());
    write_atomic(&directory.join(key.hex()), text.as_bytes(), 0o444)?;
    let mut kept: Vec<(SystemTime, PathBuf)> = names(&directory)?
        .iter()
        .map(|name| directory.join(name))
        .filter_map(|path| Some((fs::metadata(&path).and_then(|metadata| metadata.modified()).ok()?, path)))
        .collect();
    kept.sort();
    for (_, path) in kept.iter().take(kept.len().saturating_sub(MOST)) {
        remove_file(path)?;
    }
    Ok(())
}
