//! SQLite databases are copied by SQLite itself, so that the copy is one moment of them whoever
//! writes meanwhile.

use super::{CheckpointError, copy::open};
use crate::disk::At;
use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};
use std::{
    ffi::OsString,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// The first bytes of every database file (https://www.sqlite.org/fileformat.html).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Files that belong to a database beside them: write-ahead log, its index, rollback journal.
const SUFFIXES: [&str; 3] = ["-wal", "-shm", "-journal"];
/// For so long a database may be locked by those who use it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Is it a database?
pub(super) fn is_database(path: &Path) -> io::Result<bool> {
    let mut first = [0; 16];
    match open(path).and_then(|mut file| file.read_exact(&mut first)) {
        Ok(()) => Ok(&first == MAGIC),
        Err(error) if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Does it belong to a database beside it, and is thus in that one's copy?
pub(super) fn is_sibling(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let owner = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix));
    owner.is_some_and(|owner| is_database(&path.with_file_name(owner)).unwrap_or(false))
}

/// Where the files are that belong to a database.
pub(super) fn siblings(path: &Path) -> impl Iterator<Item = PathBuf> {
    SUFFIXES.into_iter().map(move |suffix| {
        let mut name: OsString = path.file_name().unwrap_or_default().to_owned();
        name.push(suffix);
        path.with_file_name(name)
    })
}

/// Copies a database as it is at one moment.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), CheckpointError> {
    let failed = |source| CheckpointError::Database { path: from.to_owned(), source };
    has_only_files(from).at("copy", from)?;
    copy_pages(from, to).map_err(failed)?;
    let mode = fs::metadata(from).at("read", from)?.permissions();
    Ok(fs::set_permissions(to, mode).at("set the mode of", to)?)
}

/// SQLite would wait for ever for a pipe in the place of a file that belongs to a database.
fn has_only_files(path: &Path) -> io::Result<()> {
    for sibling in siblings(path) {
        let is_file = match fs::symlink_metadata(&sibling) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            found => found?.is_file(),
        };
        if !is_file {
            return Err(io::Error::other(format!("{} is no file", sibling.display())));
        }
    }
    Ok(())
}

fn copy_pages(from: &Path, to: &Path) -> rusqlite::Result<()> {
    // reading a write-ahead log needs its index, which SQLite may have to make: no read-only open
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags)?;
    source.busy_timeout(PATIENCE)?;
    let mut dest = Connection::open(to)?;
    let until = Instant::now() + PATIENCE;
    {
        let backup = Backup::new(&source, &mut dest)?;
        // all pages in one step: one read transaction, which writers cannot make start again
        loop {
            match backup.step(-1)? {
                StepResult::Done => break,
                StepResult::Busy | StepResult::Locked if Instant::now() > until => {
                    return Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None));
                }
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
    // the copy is one file, whatever mode the original is in
    dest.pragma_update(None, "journal_mode", "DELETE")?;
    dest.close().map_err(|(_, error)| error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    #[test]
    fn pipes_are_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = |name: &str| mknodat(CWD, dir.path().join(name), FileType::Fifo, Mode::RWXU, 0).unwrap();
        pipe("db");
        assert!(!is_sibling(&dir.path().join("db-wal")));
        let other = dir.path().join("other");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        has_only_files(&other).unwrap();
        pipe("other-journal");
        assert!(copy(&other, &dir.path().join("copy")).is_err());
    }
}
