//! The lock of an app: a `flock`, so that it falls when whoever holds it ends, however that happens.
//! It belongs to a connection, and from its submission on to the transition.

use crate::{
    dirs::Dirs,
    disk::{At, DiskError, make_dir},
};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
};

/// The lock is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it.
    #[error("it is locked by {0}")]
    Busy(String),
    /// The lock file cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// A lock that is held; clones hold it together.
#[derive(Debug, Clone)]
pub struct Lock {
    _held: Arc<Held>,
}

#[derive(Debug)]
struct Held(File);

impl Drop for Held {
    /// Closing the file is not enough: a child that is just being started has a copy of its handle
    /// until it executes its program.
    fn drop(&mut self) {
        let _ = flock(&self.0, FlockOperation::Unlock); // closing follows
    }
}

/// Takes the lock of an app; `who` is named to others.
pub fn app(dirs: &Dirs, app: &str, who: &str) -> Result<Lock, LockError> {
    take(&dirs.app_lock(app), who)
}

/// Takes the lock of a file, which then names the holder.
pub(crate) fn take(path: &Path, who: &str) -> Result<Lock, LockError> {
    make_dir(path.parent().unwrap_or(path))?;
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let mut file = opened.at("open", path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut by = String::new();
            (&mut file).take(1000).read_to_string(&mut by).at("read", path)?;
            return Err(LockError::Busy(by));
        }
        Err(error) => return Err(DiskError { doing: "lock", path: path.to_owned(), source: error.into() }.into()),
    }
    let named = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(who.as_bytes()));
    named.at("write", path)?;
    Ok(Lock { _held: Arc::new(Held(file)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_and_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let dirs = Dirs::below(dir.path());
        let first = app(&dirs, "trac", "ann@desk with a long name").unwrap();
        let second = first.clone();
        let busy = |who| matches!(app(&dirs, "trac", who), Err(LockError::Busy(by)) if by == "ann@desk with a long name");
        assert!(busy("bob@desk"));
        drop(first);
        assert!(busy("bob@desk"), "the clone holds it still");
        app(&dirs, "wiki", "bob@desk").unwrap();
        drop(second);
        let third = app(&dirs, "trac", "bob").unwrap();
        assert!(matches!(app(&dirs, "trac", "eve"), Err(LockError::Busy(by)) if by == "bob"));
        drop(third);
    }
}
