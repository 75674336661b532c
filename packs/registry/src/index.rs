//! The derived index, `index.sqlite`: made from the log, refreshed from it, deleted at any time.
//!
//! It is only believed when `index.sqlite.sha256` beside it, written last, is the sha256 of its bytes
//! and the log still begins with the events that it was made from; else it is made anew. Whoever has
//! no right to write there gets one in memory. Only the command uses it, never the agent.

mod query;
mod refresh;
mod schema;
mod seal;

pub use query::{LogEntry, LogFilter, Place};
pub use refresh::{kind, outcome};

use crate::{error::RegistryError, registry::Registry};
use rusqlite::Connection;
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

/// The index, up to date with the head of the log as it was when it was opened.
pub struct Index {
    db: Connection,
    path: PathBuf,
    /// Shared while it is read: nobody makes it anew underneath.
    lock: Option<File>,
}

impl Index {
    /// Opens the registry's index and brings it up to date.
    pub fn open(registry: &Registry) -> Result<Self, RegistryError> {
        let path = registry.dir().join("index.sqlite");
        let Ok(lock) = File::options().read(true).write(true).create(true).truncate(false).open(&path) else {
            return Self::in_memory(registry);
        };
        flock(&lock, FlockOperation::LockExclusive).map_err(|error| RegistryError::io("lock", &path)(error.into()))?;
        if seal::is_right(&path)? {
            let index = Self { db: Connection::open(&path).map_err(failed(&path))?, path: path.clone(), lock: None };
            match index.refresh_sealed(registry) {
                Ok(true) => return index.share(lock),
                // an older schema, or another history: below it is made anew
                Ok(false) | Err(RegistryError::Index { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        seal::break_open(&path)?;
        for old in [&path, &seal::journal(&path)] {
            match fs::OpenOptions::new().write(true).truncate(true).open(old) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(RegistryError::io("empty", old)(error)),
                _ => {}
            }
        }
        let index = Self { db: Connection::open(&path).map_err(failed(&path))?, path: path.clone(), lock: None };
        index.fill(registry)?;
        seal::write(&path)?;
        index.share(lock)
    }

    fn share(mut self, lock: File) -> Result<Self, RegistryError> {
        flock(&lock, FlockOperation::LockShared).map_err(|error| RegistryError::io("lock", &self.path)(error.into()))?;
        self.lock = Some(lock);
        Ok(self)
    }

    /// An index that is on no disk.
    pub fn in_memory(registry: &Registry) -> Result<Self, RegistryError> {
        let path = PathBuf::from(":memory:");
        let index = Self { db: Connection::open_in_memory().map_err(failed(&path))?, path, lock: None };
        index.fill(registry)?;
        Ok(index)
    }

    /// Brings a sound index up to date; `false` when it has to be made anew.
    fn refresh_sealed(&self, registry: &Registry) -> Result<bool, RegistryError> {
        let head = registry.head()?;
        let Some(made_from) = self.made_from()? else { return Ok(false) };
        if made_from == head {
            return Ok(true);
        }
        if made_from.origin != head.origin || registry.tiles().check_consistency(&head, &made_from).is_err() {
            return Ok(false);
        }
        seal::break_open(&self.path)?;
        self.add_events(registry, made_from.size, &head)?;
        seal::write(&self.path)?;
        Ok(true)
    }

    fn fill(&self, registry: &Registry) -> Result<(), RegistryError> {
        self.make_tables()?;
        self.add_events(registry, 0, &registry.head()?)
    }

    fn failed<T>(&self, result: rusqlite::Result<T>) -> Result<T, RegistryError> {
        result.map_err(failed(&self.path))
    }
}

fn failed(path: &Path) -> impl FnOnce(rusqlite::Error) -> RegistryError {
    let path = path.to_owned();
    move |source| RegistryError::Index { path, source }
}

/// What is wrong with the index on disk, if there is one: its bytes, or what it says.
pub(crate) fn check(registry: &Registry) -> Result<Option<String>, RegistryError> {
    let path = registry.dir().join("index.sqlite");
    let Ok(lock) = File::open(&path) else { return Ok(None) };
    flock(&lock, FlockOperation::LockShared).map_err(|error| RegistryError::io("lock", &path)(error.into()))?;
    if !seal::seal_path(&path).exists() {
        // never believed, made anew by the next query
        return Ok(None);
    }
    if !seal::is_right(&path)? {
        return Ok(Some("it is not as it was written".into()));
    }
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let index =
        Index { db: Connection::open_with_flags(&path, flags).map_err(failed(&path))?, path: path.clone(), lock: Some(lock) };
    let Some(made_from) = index.made_from()? else { return Ok(Some("it has another schema".into())) };
    let fresh = Index { db: Connection::open_in_memory().map_err(failed(&path))?, path, lock: None };
    fresh.make_tables()?;
    if made_from.size > registry.head()?.size {
        return Ok(Some("it knows events that the log does not have".into()));
    }
    fresh.add_events(registry, 0, &made_from)?;
    Ok((index.contents()? != fresh.contents()?).then(|| "it does not say what the log says".into()))
}

#[cfg(test)]
mod tests;
