//! The lock of an app: a `flock`, so that it falls when whoever holds it ends, however that happens.
//! It belongs to a connection, and from its submission on to the transition. On a server these are two
//! processes: the open file itself is handed over, so that nobody can come in between.

use crate::{
    dirs::Dirs,
    disk::{At, DiskError, make_dir},
};
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Locks that are waited for are tried this often.
const INTERVAL: Duration = Duration::from_millis(10);
/// Who only looks whether a lock is held ([`is_held`]) holds it for an instant, too.
const INSTANTS: u32 = 5;

/// How silver names itself to others where it holds a lock for nobody: who finds that waits.
const ITSELF: &str = "silver, which ";
/// Settles a change that nobody carries.
pub(crate) const SETTLES: &str = "silver, which settles what was left under way";
/// Starts an application with the machine.
pub(crate) const STARTS: &str = "silver, which starts what serves";
/// Removes what nobody needs.
pub(crate) const REMOVES: &str = "silver, which removes what is superfluous";
/// So long it is waited for silver itself.
const SOON: Duration = Duration::from_mins(1);

/// The lock is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it.
    #[error("it is locked by {0}")]
    Busy(String),
    /// The lock file cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What was handed over as the lock is something else.
    #[error("what was handed over is not the lock {}", .0.display())]
    NotTheLock(PathBuf),
    /// Something that was left under way has to be settled first, and cannot be.
    #[error("an earlier change is not at its end")]
    Left(#[source] std::io::Error),
}

/// A lock that is held; clones hold it together.
#[derive(Debug, Clone)]
pub struct Lock {
    held: Arc<Held>,
}

#[derive(Debug)]
struct Held {
    file: File,
    /// Another process holds the same open file: it is for that one to unlock.
    handed_over: AtomicBool,
}

impl Drop for Held {
    /// Closing the file is not enough: a child that is just being started has a copy of its handle
    /// until it executes its program.
    fn drop(&mut self) {
        if !self.handed_over.load(Ordering::SeqCst) {
            let _ = flock(&self.file, FlockOperation::Unlock); // closing follows
        }
    }
}

impl From<File> for Held {
    fn from(file: File) -> Self {
        Self { file, handed_over: AtomicBool::new(false) }
    }
}

impl Lock {
    /// The open file, for another process. It holds the lock as we do.
    pub(crate) fn file(&self) -> Result<File, DiskError> {
        self.held.file.try_clone().at("copy the handle of", Path::new("a lock"))
    }

    /// The other process has it: from now on it falls with that one, whatever becomes of this and its clones.
    pub(crate) fn handed_over(self) {
        self.held.handed_over.store(true, Ordering::SeqCst);
    }
}

/// Takes the lock of an app; `who` is named to others.
pub fn app(dirs: &Dirs, app: &str, who: &str) -> Result<Lock, LockError> {
    take(&dirs.app_lock(app), who)
}

/// As [`app`]; what silver does of itself is soon over, and waited for.
pub(crate) async fn app_soon(dirs: &Dirs, app: &str, who: &str) -> Result<Lock, LockError> {
    let until = Instant::now() + SOON;
    loop {
        match self::app(dirs, app, who) {
            Err(LockError::Busy(by)) if by.starts_with(ITSELF) && Instant::now() < until => tokio::time::sleep(INTERVAL).await,
            taken => return taken,
        }
    }
}

/// Takes the lock of a file, which then names the holder.
pub(crate) fn take(path: &Path, who: &str) -> Result<Lock, LockError> {
    let mut file = open(path)?;
    let mut left = INSTANTS;
    while !try_lock(&file, FlockOperation::NonBlockingLockExclusive, path)? {
        left -= 1;
        if left == 0 {
            let mut by = String::new();
            (&mut file).take(1000).read_to_string(&mut by).at("read", path)?;
            return Err(LockError::Busy(by));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let named = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(who.as_bytes()));
    named.at("write", path)?;
    Ok(Lock { held: Arc::new(file.into()) })
}

/// Takes over the lock of an app from the process that has started this one.
pub fn take_over(dirs: &Dirs, app: &str, file: File) -> Result<Lock, LockError> {
    let path = dirs.app_lock(app);
    let (ours, theirs) = (std::fs::metadata(&path).at("look at", &path)?, file.metadata().at("look at", &path)?);
    if (ours.dev(), ours.ino()) != (theirs.dev(), theirs.ino()) {
        return Err(LockError::NotTheLock(path));
    }
    // the same open file may lock it once more; another one may not, while it is held
    if !try_lock(&file, FlockOperation::NonBlockingLockExclusive, &path)? {
        return Err(LockError::NotTheLock(path));
    }
    Ok(Lock { held: Arc::new(file.into()) })
}

/// Does somebody hold the lock of an app?
pub(crate) fn is_held(dirs: &Dirs, app: &str) -> Result<bool, DiskError> {
    let path = dirs.app_lock(app);
    match File::open(&path) {
        // the lock falls again at once, with the file
        Ok(file) => Ok(!try_lock(&file, FlockOperation::NonBlockingLockShared, &path)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).at("open", &path),
    }
}

/// A lock that is held for as long as one thing is done, by several processes maybe.
#[derive(Debug)]
pub(crate) struct Moment {
    _held: Held,
}

/// With whom a [`Moment`] is shared.
#[derive(Debug, Clone, Copy)]
pub(crate) enum With {
    /// With others who share it.
    Others,
    /// With nobody.
    Nobody,
}

/// The lock, if it is to be had now.
pub(crate) fn now(path: &Path, with: With) -> Result<Option<Moment>, DiskError> {
    let file = open(path)?;
    let how = match with {
        With::Others => FlockOperation::NonBlockingLockShared,
        With::Nobody => FlockOperation::NonBlockingLockExclusive,
    };
    Ok(try_lock(&file, how, path)?.then(|| Moment { _held: file.into() }))
}

/// Waits for the lock.
pub(crate) async fn wait(path: &Path, with: With) -> Result<Moment, DiskError> {
    loop {
        if let Some(moment) = now(path, with)? {
            return Ok(moment);
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

fn open(path: &Path) -> Result<File, DiskError> {
    make_dir(path.parent().unwrap_or(path))?;
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    opened.at("open", path)
}

fn try_lock(file: &File, how: FlockOperation, path: &Path) -> Result<bool, DiskError> {
    match flock(file, how) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(DiskError { doing: "lock", path: path.to_owned(), source: error.into() }),
    }
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

    /// The process that hands over closes all it has, and the lock stays; then the other one ends.
    #[test]
    fn a_lock_that_is_handed_over_falls_with_the_one_who_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let dirs = Dirs::below(dir.path());
        let first = app(&dirs, "trac", "ann").unwrap();
        let clone = first.clone();
        let there = first.file().unwrap();
        first.handed_over();
        drop(clone);
        let held = || is_held(&dirs, "trac").unwrap();
        assert!(held() && matches!(app(&dirs, "trac", "bob"), Err(LockError::Busy(by)) if by == "ann"));
        let taken = take_over(&dirs, "trac", there).unwrap();
        assert!(held());
        drop(taken);
        assert!(!held());
        let again = app(&dirs, "trac", "bob").unwrap();
        // somebody else's file, or one that holds nothing
        let other = File::open(dir.path()).unwrap();
        assert!(matches!(take_over(&dirs, "trac", other), Err(LockError::NotTheLock(_))));
        let idle = File::open(dirs.app_lock("trac")).unwrap();
        assert!(matches!(take_over(&dirs, "trac", idle), Err(LockError::NotTheLock(_))));
        drop(again);
        assert!(!is_held(&dirs, "never").unwrap());
    }

    #[tokio::test]
    async fn moments_are_shared_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("locks/.staging");
        let (one, two) = (wait(&path, With::Others).await.unwrap(), wait(&path, With::Others).await.unwrap());
        assert!(now(&path, With::Nobody).unwrap().is_none());
        drop(one);
        assert!(now(&path, With::Nobody).unwrap().is_none());
        drop(two);
        let alone = now(&path, With::Nobody).unwrap().unwrap();
        assert!(now(&path, With::Others).unwrap().is_none());
        drop(alone);
        now(&path, With::Others).unwrap().unwrap();
    }
}
