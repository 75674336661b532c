//! Writing so that a name never shows half a file, and errors that say which file.

use std::{
    error::Error,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

/// Unit tests kill agents but never cut the power; syncing would make them wait for the disk of whoever
/// else works on the machine. End-to-end tests run the binary, which syncs.
const DURABLE: bool = !cfg!(test);

/// Something could not be done to a file.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}", .path.display())]
pub struct DiskError {
    /// `write`, `rename`, …
    pub doing: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

impl DiskError {
    /// Is there no room left, on the disk or in the quota?
    pub fn is_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    /// The way out.
    pub fn hint(&self) -> Option<String> {
        self.is_full().then(|| "free some space; old releases go with a smaller `keep`, see `silver releases`".into())
    }
}

/// Says of an `io::Result` what was being done to which file.
pub(crate) trait At<T> {
    fn at(self, doing: &'static str, path: &Path) -> Result<T, DiskError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, doing: &'static str, path: &Path) -> Result<T, DiskError> {
        self.map_err(|source| DiskError { doing, path: path.to_owned(), source })
    }
}

impl<T> At<T> for rustix::io::Result<T> {
    fn at(self, doing: &'static str, path: &Path) -> Result<T, DiskError> {
        self.map_err(io::Error::from).at(doing, path)
    }
}

/// The error of a walk through a directory.
pub(crate) fn walk_error(error: walkdir::Error, dir: &Path) -> DiskError {
    let path = error.path().unwrap_or(dir).to_owned();
    let source = error.into_io_error().unwrap_or_else(|| io::Error::other("its links form a loop"));
    DiskError { doing: "read", path, source }
}

/// An error and its causes in one line: for records and messages, where no chain can be kept.
pub(crate) fn words(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Makes a directory and those above it, for the owner only (0700).
pub(crate) fn make_dir(path: &Path) -> Result<(), DiskError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).at("make the directory", path)
}

/// Makes a directory that others can pass through (0755), and those above it. One that they can pass through stays as it
/// is: on a server the set-up says whether they may also list it.
pub(crate) fn make_open_dir(path: &Path) -> Result<(), DiskError> {
    const MODE: u32 = 0o755;
    const PASSABLE: u32 = 0o711;
    let there = match fs::DirBuilder::new().mode(MODE).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::DirBuilder::new().recursive(true).mode(MODE).create(path).at("make the directory", path)?;
            false
        }
        made => made.at("make the directory", path).map(|()| false)?,
    };
    let (meta, wanted) = (fs::metadata(path).at("look at", path)?, if there { PASSABLE } else { MODE });
    if !meta.is_dir() {
        return Err(DiskError {
            doing: "make the directory",
            path: path.to_owned(),
            source: io::ErrorKind::AlreadyExists.into(),
        });
    }
    if meta.permissions().mode() & wanted == wanted {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(MODE)).at("set the mode of", path) // whatever the umask is
}

/// Writes a whole file: temporary file beside it, sync, rename, sync of the directory.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> Result<(), DiskError> {
    write_owned(path, bytes, mode, None)
}

/// As [`write_atomic`], for a user and group.
pub(crate) fn write_owned(path: &Path, bytes: &[u8], mode: u32, owner: Option<(u32, u32)>) -> Result<(), DiskError> {
    let parent = directory(path);
    make_dir(parent)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = parent.join(format!(".{name}.new"));
    remove_file(&temporary)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary).at("make", &temporary)?;
    let given = file.set_permissions(fs::Permissions::from_mode(mode)); // whatever the umask is
    let given = given.and_then(|()| owner.map_or(Ok(()), |(uid, gid)| fchown(&file, Some(uid), Some(gid))));
    let written = given.and_then(|()| file.write_all(bytes)).and_then(|()| sync(&file)).at("write", path);
    if written.is_err() {
        let _ = fs::remove_file(&temporary); // the error that matters is the one above
    }
    written?;
    fs::rename(&temporary, path).at("rename a file to", path)?;
    sync_dir(parent)
}

/// The directory that a path is in; `.` where it has only a name.
fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        parent => parent.unwrap_or(path),
    }
}

/// Removes a file that may be absent.
pub(crate) fn remove_file(path: &Path) -> Result<(), DiskError> {
    absent_is_fine(fs::remove_file(path)).at("remove", path)
}

/// Removes a directory and what is in it, read-only directories too; it may be absent.
pub(crate) fn remove_dir(path: &Path) -> Result<(), DiskError> {
    absent_is_fine(fs::remove_dir_all(path)).at("remove", path)
}

/// Reads a file that may be absent.
pub(crate) fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, DiskError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).at("read", path),
    }
}

/// The names in a directory, sorted; none when it is absent. Names that begin with a dot are
/// unfinished work and left out.
pub(crate) fn names(dir: &Path) -> Result<Vec<String>, DiskError> {
    let mut names = names_all(dir)?;
    names.retain(|name| !name.starts_with('.'));
    Ok(names)
}

/// All names in a directory, sorted; none when it is absent.
pub(crate) fn names_all(dir: &Path) -> Result<Vec<String>, DiskError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).at("read", dir),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.at("read", dir)?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// Makes what was written to a file durable.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    if DURABLE { file.sync_all() } else { Ok(()) }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), DiskError> {
    File::open(dir).and_then(|dir| sync(&dir)).at("sync", dir)
}

/// Makes everything on the file system that holds `dir` durable: one call for thousands of files.
pub(crate) fn sync_file_system(dir: &Path) -> Result<(), DiskError> {
    let handle = File::open(dir).at("open", dir)?;
    if DURABLE { rustix::fs::syncfs(&handle).at("sync", dir) } else { Ok(()) }
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_of_a_name_is_the_one_that_one_is_in() {
        for (path, wanted) in [("name", "."), ("a/name", "a"), ("./name", "."), ("/name", "/"), ("/", "/")] {
            assert_eq!(directory(Path::new(path)), Path::new(wanted), "{path}");
        }
        sync_dir(directory(Path::new("name"))).unwrap();
    }
}
