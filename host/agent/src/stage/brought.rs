//! Contents of a pack that arrives, made files while the rest of it comes: a release that is laid out then has nothing to
//! inflate, to hash or to write any more. Nothing depends on them; what is not here is made from the pack.

use super::{
    StageError,
    shared::{self, UNFINISHED},
};
use crate::{
    dirs::Dirs,
    disk::{At, make_dir},
    lock::Moment,
};
use silver_pack::listing::{Kind, Node};
use silver_plugin_api::Digest;
use std::{
    collections::HashMap,
    fs::{self, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Beginnings of digests: several threads that make files in one directory would wait for each other.
const DIRECTORIES: &str = "0123456789abcdef";
/// The files of releases are for everybody to read.
const MODE: u32 = 0o444;

/// Files that no release has yet; those that none takes go with the value.
pub struct Brought {
    /// Where shared files lie.
    store: PathBuf,
    dir: tempfile::TempDir,
    files: Mutex<HashMap<Digest, PathBuf>>,
    /// Meanwhile nothing is pruned that releases share.
    _staging: Moment,
}

impl Brought {
    /// Nothing yet. For nodes whose releases share files.
    pub async fn begin(dirs: &Dirs) -> Result<Self, StageError> {
        let staging = super::staging(dirs).await?;
        let store = dirs.store();
        make_dir(&store)?;
        let dir = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(&store).at("make a directory in", &store)?;
        for first in DIRECTORIES.chars() {
            make_dir(&dir.path().join(first.to_string()))?;
        }
        Ok(Self { store, dir, files: Mutex::default(), _staging: staging })
    }

    /// Makes a file of a content that has this digest, unless releases share one already.
    pub fn keep(&self, digest: &Digest, content: &[u8]) {
        if shared::has(&self.store, digest) || self.files().contains_key(digest) {
            return;
        }
        let hex = digest.hex();
        let path = self.dir.path().join(&hex[..1]).join(&hex);
        match write(&path, digest, content) {
            Ok(()) => _ = self.files().insert(*digest, path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {} // another thread has the same content
            Err(error) => {
                tracing::debug!("{} is made later: {error}", path.display());
                let _ = fs::remove_file(&path); // it goes with the others at the latest
            }
        }
    }

    /// Gives a file its place in a release, if it is here.
    pub(super) fn take(&self, node: &Node, to: &std::path::Path) -> bool {
        let Some(path) = self.files().remove(&node.digest) else { return false };
        let executable = node.kind == Kind::Executable;
        let ready = if executable { fs::set_permissions(&path, Permissions::from_mode(0o555)) } else { Ok(()) };
        ready.and_then(|()| fs::rename(&path, to)).is_ok()
    }

    fn files(&self) -> MutexGuard<'_, HashMap<Digest, PathBuf>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(path: &std::path::Path, digest: &Digest, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    file.write_all(content)?;
    // whatever the umask is; asking is cheaper than setting
    if file.metadata()?.permissions().mode() & 0o777 != MODE {
        file.set_permissions(Permissions::from_mode(MODE))?;
    }
    shared::seal(&file, digest)
}
