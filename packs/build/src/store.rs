//! Files by digest: fetched once, verified, kept in the download cache as `DIGEST/NAME`.

use silver_pack::hash;
use silver_plugin_api::{Digest, TreePath};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A file in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// File name, as the index has it.
    pub file: TreePath,
    /// sha256.
    pub digest: Digest,
    /// Where it is.
    pub path: PathBuf,
}

/// The cache below a directory.
#[derive(Debug, Clone)]
pub struct FileStore {
    dir: PathBuf,
}

impl FileStore {
    /// Files below `dir`, which is made when it is needed.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file with this digest, if it is here and whole.
    pub fn get(&self, digest: &Digest) -> Option<Stored> {
        let path = fs::read_dir(self.dir.join(digest.hex())).ok()?.next()?.ok()?.path();
        let content = fs::read(&path).ok()?;
        let file = TreePath::new(path.file_name()?.to_str()?).ok()?;
        (hash::sha256(&content) == *digest).then_some(Stored { file, digest: *digest, path })
    }

    /// A directory on the same file system, for what has not been verified yet.
    pub fn incoming(&self) -> io::Result<TempDir> {
        fs::create_dir_all(&self.dir)?;
        tempfile::Builder::new().prefix(".incoming").tempdir_in(&self.dir)
    }

    /// Moves a file whose digest was verified to its place; `None` when its name can be that of no
    /// file of a tree.
    pub fn keep(&self, path: &Path, digest: Digest) -> io::Result<Option<Stored>> {
        let Some(file) = path.file_name().and_then(|name| name.to_str()).and_then(|name| TreePath::new(name).ok()) else {
            return Ok(None);
        };
        let dir = self.dir.join(digest.hex());
        if dir.exists() {
            // whatever is there did not pass `get`
            fs::remove_dir_all(&dir)?;
        }
        fs::create_dir_all(&dir)?;
        let kept = dir.join(file.as_str());
        fs::rename(path, &kept)?;
        Ok(Some(Stored { file, digest, path: kept }))
    }

    /// Keeps `content` under the name `file`.
    pub fn put(&self, file: &TreePath, content: &[u8]) -> io::Result<Stored> {
        let incoming = self.incoming()?;
        let path = incoming.path().join(file.name());
        fs::write(&path, content)?;
        let stored = self.keep(&path, hash::sha256(content))?;
        stored.ok_or_else(|| io::Error::other(format!("`{file}` cannot be the name of a file")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_altered_in_the_cache_is_not_given() {
        let dir = tempfile::tempdir().unwrap();
        let store = FileStore::new(dir.path().join("store"));
        let stored = store.put(&TreePath::new("a-1.zip").unwrap(), b"content").unwrap();
        assert_eq!(store.get(&stored.digest), Some(stored.clone()));
        fs::write(&stored.path, "other").unwrap();
        assert_eq!(store.get(&stored.digest), None);
        // and is replaced
        assert_eq!(store.put(&stored.file, b"content").unwrap(), stored);
        assert!(store.get(&stored.digest).is_some());
    }
}
