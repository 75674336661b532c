//! Writes a tree by all cores: copies of contents, each verified before it counts, or links to shared files.

use super::{StageError, shared::Shared};
use crate::{
    directories::by_directory,
    disk::{At, make_open_dir},
    store::StoreError,
};
use rayon::prelude::*;
use silver_pack::{
    hash,
    listing::{Kind, Listing, Node},
    snapshot::Blobs,
};
use silver_plugin_api::{Digest, TreePath};
use std::{
    collections::HashMap,
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::{
        ffi::OsStrExt,
        fs::{OpenOptionsExt, PermissionsExt, symlink},
    },
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

/// So many bytes are written between two words about it.
const STRIDE: u64 = 1 << 20;
/// So many files are written by one core before others may help with the rest.
const AT_ONCE: usize = 32;

/// Where the files of a tree come from.
#[derive(Clone, Copy)]
pub enum How<'a> {
    /// Each is a file of its own.
    Copy,
    /// Each is a link to one that releases share.
    Link(&'a Shared<'a>),
}

/// Writes `listing` to the directory `to`, which must not be there, with contents of `blobs`. Files become
/// 0444, executable ones 0555. `tell` hears of bytes done and bytes in all; `given_up` is asked before each
/// file. Nothing is durable yet.
pub fn write(
    listing: &Listing,
    blobs: &dyn Blobs,
    to: &Path,
    how: How<'_>,
    tell: &(dyn Fn(u64, u64) + Sync),
    given_up: &(dyn Fn() -> bool + Sync),
) -> Result<(), StageError> {
    let dirs = by_directory(listing.iter().map(|(path, _)| (path.as_str().as_bytes(), ())));
    let mut dirs: Vec<&OsStr> = dirs.into_keys().map(OsStr::from_bytes).collect();
    dirs.sort_unstable(); // parents come first
    for dir in dirs {
        make_open_dir(&to.join(dir))?;
    }
    let (total, done) = (listing.total_size(), AtomicU64::new(0));
    same(listing).par_iter().with_max_len(AT_ONCE).try_for_each(|(node, paths)| {
        for path in paths {
            if given_up() {
                return Err(StageError::GivenUp);
            }
            let to = to.join(path.as_str());
            match how {
                How::Link(shared) if node.kind != Kind::Link => shared.link(path, node, blobs, &to)?,
                _ => drop(make_file(path, node, blobs, &to)?),
            }
            let before = done.fetch_add(node.size, Ordering::Relaxed);
            if before / STRIDE != (before + node.size) / STRIDE {
                tell(before + node.size, total);
            }
        }
        Ok(())
    })?;
    tell(total, total);
    Ok(())
}

/// The files of a tree, those that are the same together: whoever makes one links the others to it.
fn same(listing: &Listing) -> Vec<(&Node, Vec<&TreePath>)> {
    let mut all: Vec<(&Node, Vec<&TreePath>)> = Vec::with_capacity(listing.len());
    let mut known: HashMap<(&Digest, Kind), usize> = HashMap::with_capacity(listing.len());
    for (path, node) in listing {
        let at = *known.entry((&node.digest, node.kind)).or_insert(all.len());
        match all.get_mut(at) {
            Some((_, paths)) => paths.push(path),
            None => all.push((node, vec![path])),
        }
    }
    all
}

/// Makes one file, which is still open then, or link; fails when the content is another.
pub(super) fn make_file(path: &TreePath, node: &Node, blobs: &dyn Blobs, to: &Path) -> Result<Option<File>, StageError> {
    let mut content = blobs.open(&node.digest).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StageError::Store(StoreError(silver_registry::RegistryError::NoBlob(node.digest))),
        _ => error_at(error, to),
    })?;
    // what is longer than the tree says need not be read to its end
    let mut content = content.as_mut().take(node.size + 1);
    let (found, file) = if node.kind == Kind::Link {
        let mut target = String::new();
        content.read_to_string(&mut target).at("read the link for", to)?;
        let found = hash::sha256(target.as_bytes());
        if found == node.digest {
            symlink(&target, to).at("make the link", to)?;
        }
        (found, None)
    } else {
        let mode = if node.kind == Kind::Executable { 0o555 } else { 0o444 };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(to).at("make", to)?;
        let (found, _) = hash::copy_hashed(&mut content, &mut file).at("write", to)?;
        // whatever the umask is; asking is cheaper than setting
        if file.metadata().at("look at", to)?.permissions().mode() & 0o777 != mode {
            file.set_permissions(fs::Permissions::from_mode(mode)).at("set the mode of", to)?;
        }
        (found, Some(file))
    };
    if found == node.digest { Ok(file) } else { Err(StageError::Content { path: path.clone(), expected: node.digest, found }) }
}

fn error_at(error: io::Error, to: &Path) -> StageError {
    crate::disk::DiskError { doing: "read the content for", path: to.to_owned(), source: error }.into()
}
