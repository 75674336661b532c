//! Files that releases share: `<ab>/<sha256>` (0444) and `<ab>/<sha256>-x` (0555), hard-linked into the
//! trees of releases, which costs a tenth of a copy and no room.
//!
//! The time of a file in the store is not when it was made, but nearly ([`store_time`]): Caddy makes entity tags of time and
//! size, so other bytes have to have another time.
//!
//! Only for nodes where whoever runs the apps cannot write to files of whoever stages them: a link is
//! the file itself. The local node runs apps as the user who stages, and copies.

use super::tree::make_file;
use crate::{
    disk::{At, make_dir},
    stage::StageError,
};
use silver_pack::{
    listing::{Kind, Node},
    snapshot::Blobs,
};
use silver_plugin_api::{Digest, TreePath};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// The directory of shared files.
#[derive(Debug)]
pub struct Shared {
    dir: PathBuf,
}

impl Shared {
    /// The files in `dir`, which need not be there yet.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    fn path(&self, digest: &Digest, kind: Kind) -> PathBuf {
        let hex = digest.hex();
        let suffix = if kind == Kind::Executable { "-x" } else { "" };
        self.dir.join(&hex[..2]).join(format!("{hex}{suffix}"))
    }

    /// Links the file to `to`; makes it first, from `blobs`, when it is not there. Where the file system
    /// allows no (more) links, `to` becomes a copy.
    pub(super) fn link(&self, path: &TreePath, node: &Node, blobs: &dyn Blobs, to: &Path) -> Result<(), StageError> {
        let shared = self.path(&node.digest, node.kind);
        match fs::hard_link(&shared, to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make(path, node, blobs, &shared)?;
                match fs::hard_link(&shared, to) {
                    Err(error) if refuses_links(&error) => copy(path, node, blobs, to),
                    linked => Ok(linked.at("link a shared file to", to)?),
                }
            }
            Err(error) if refuses_links(&error) => copy(path, node, blobs, to),
            linked => Ok(linked.at("link a shared file to", to)?),
        }
    }

    /// A file gets its name when it is whole. Two threads may make the same one: the first stays, since it
    /// may be linked to already.
    fn make(&self, path: &TreePath, node: &Node, blobs: &dyn Blobs, shared: &Path) -> Result<(), StageError> {
        let parent = shared.parent().unwrap_or(&self.dir);
        make_dir(parent)?;
        let unfinished = tempfile::Builder::new().prefix(".new-").tempdir_in(parent).at("make a directory in", parent)?;
        let new = unfinished.path().join("file");
        copy(path, node, blobs, &new)?;
        match fs::hard_link(&new, shared) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            named => Ok(named.at("name a shared file", shared)?),
        }
    }
}

fn copy(path: &TreePath, node: &Node, blobs: &dyn Blobs, to: &Path) -> Result<(), StageError> {
    make_file(path, node, blobs, to)?;
    set_time(to, node)
}

fn set_time(path: &Path, node: &Node) -> Result<(), StageError> {
    let file = File::open(path).at("open", path)?;
    file.set_modified(store_time(&node.digest, SystemTime::now())).at("set the time of", path)?;
    Ok(())
}

/// The seconds of which the digest chooses one.
const WINDOW: u64 = 1 << 12;

/// The time of a file with that digest that is made now: in an hour before, at a second that the digest chooses.
/// Two files of one size that were made close together have the same time once in 4,096 cases. The time is not taken from the digest alone, since
/// it also tells which of two is newer: an application that compares times by itself would not send what has an older one.
pub(crate) fn store_time(digest: &Digest, now: SystemTime) -> SystemTime {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let [first, second, ..] = *digest.as_bytes();
    let chosen = u64::from(u16::from_be_bytes([first, second])) % WINDOW;
    SystemTime::UNIX_EPOCH + Duration::from_secs(now.saturating_sub(WINDOW) / WINDOW * WINDOW + chosen)
}

/// ext4 has at most 65,000 links of a file, and none crosses a file system.
fn refuses_links(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TooManyLinks | io::ErrorKind::CrossesDevices)
}

impl Blobs for Shared {
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        let opened = File::open(self.path(digest, Kind::File)).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => File::open(self.path(digest, Kind::Executable)),
            _ => Err(error),
        });
        Ok(Box::new(opened?))
    }
}
