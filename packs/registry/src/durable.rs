//! Writing so that a name never shows half a file: write a temporary file, sync it, rename it, sync
//! the directory. Temporary files live in the registry's `tmp/`; what a crash leaves there is
//! garbage and [`sweep`] removes it.

use crate::error::RegistryError;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

/// Mode of everything that is never changed again.
pub(crate) const READ_ONLY: u32 = 0o444;

/// A file under `tmp/` that becomes visible by [`Temporary::publish`]; dropped before, it is removed.
pub(crate) struct Temporary {
    file: File,
    path: PathBuf,
    kept: bool,
}

impl Temporary {
    /// A new, empty file in `tmp`.
    pub(crate) fn new(tmp: &Path, mode: u32) -> Result<Self, RegistryError> {
        let path = tmp.join(random_name().map_err(RegistryError::io("name a file in", tmp))?);
        step(&path)?;
        // the owner must be able to write what the mode then forbids: the open handle still can
        let file =
            OpenOptions::new().write(true).create_new(true).mode(mode).open(&path).map_err(RegistryError::io("create", &path))?;
        Ok(Self { file, path, kept: false })
    }

    /// A file in `tmp` that was written under a name of its own and is complete; from here on it is as read-only as
    /// every other.
    pub(crate) fn adopt(file: File, path: PathBuf) -> Result<Self, RegistryError> {
        use std::os::unix::fs::PermissionsExt;
        step(&path)?;
        file.set_permissions(fs::Permissions::from_mode(READ_ONLY)).map_err(RegistryError::io("set the mode of", &path))?;
        Ok(Self { file, path, kept: false })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes its bytes durable.
    pub(crate) fn sync(&self) -> Result<(), RegistryError> {
        step(&self.path)?;
        self.file.sync_all().map_err(RegistryError::io("sync", &self.path))
    }

    /// Gives it its name, replacing what has that name. Neither the bytes nor the name are durable
    /// yet: [`Temporary::sync`] before, [`sync_dir`] after.
    pub(crate) fn rename(mut self, dest: &Path) -> Result<(), RegistryError> {
        rename(&self.path, dest)?;
        self.kept = true;
        Ok(())
    }

    /// Closes the file; it stays where it is, to be renamed by whoever asked for the path.
    pub(crate) fn keep(mut self) -> PathBuf {
        self.kept = true;
        self.path.clone()
    }

    /// All of it: durable bytes under a durable name.
    pub(crate) fn publish(self, dest: &Path) -> Result<(), RegistryError> {
        self.sync()?;
        self.rename(dest)?;
        sync_dir(parent(dest))
    }
}

impl Write for Temporary {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept && !cut::happened() {
            // garbage if it stays; nothing depends on it
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A small file, written whole and published.
pub(crate) fn publish(tmp: &Path, dest: &Path, bytes: &[u8], mode: u32) -> Result<(), RegistryError> {
    let mut temporary = Temporary::new(tmp, mode)?;
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let path = temporary.path().to_owned();
    temporary.write_all(first).map_err(RegistryError::io("write", &path))?;
    step(&path)?;
    temporary.write_all(second).map_err(RegistryError::io("write", &path))?;
    temporary.publish(dest)
}

/// Makes `dir` and what is above it below `root`, durably.
pub(crate) fn make_dirs(root: &Path, dir: &Path) -> Result<(), RegistryError> {
    if dir == root || dir.is_dir() {
        return Ok(());
    }
    let above = parent(dir);
    make_dirs(root, above)?;
    step(dir)?;
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(RegistryError::io("create", dir)(error)),
        _ => {}
    }
    sync_dir(above)
}

/// Gives the file `from` its name.
pub(crate) fn rename(from: &Path, dest: &Path) -> Result<(), RegistryError> {
    step(dest)?;
    fs::rename(from, dest).map_err(RegistryError::io("rename a file to", dest))
}

/// Removes a directory that may be absent. Nothing depends on its being gone.
pub(crate) fn remove_dir(dir: &Path) -> Result<(), RegistryError> {
    step(dir)?;
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(RegistryError::io("remove", dir)(error)),
        _ => Ok(()),
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), RegistryError> {
    step(dir)?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(RegistryError::io("sync", dir))
}

/// Makes everything on the file system that holds `dir` durable, in one go.
pub(crate) fn sync_file_system(dir: &Path) -> Result<(), RegistryError> {
    step(dir)?;
    let handle = File::open(dir).map_err(RegistryError::io("open", dir))?;
    rustix::fs::syncfs(&handle).map_err(|error| RegistryError::io("sync", dir)(error.into()))
}

/// What is at the end of the names of uploads that may go on.
pub(crate) const PART: &str = "part";
/// Nobody goes on with an upload that is older.
const PART_AGE: Duration = Duration::from_hours(24);

/// Removes what interrupted work left in `tmp`. Only when nobody writes.
pub(crate) fn sweep(tmp: &Path) -> Result<(), RegistryError> {
    for entry in fs::read_dir(tmp).map_err(RegistryError::io("read", tmp))? {
        let path = entry.map_err(RegistryError::io("read", tmp))?.path();
        if path.extension().is_some_and(|extension| extension == PART) && is_young(&path) {
            continue;
        }
        fs::remove_file(&path).map_err(RegistryError::io("remove", &path))?;
    }
    Ok(())
}

fn is_young(path: &Path) -> bool {
    let written = fs::metadata(path).and_then(|meta| meta.modified());
    written.is_ok_and(|written| written.elapsed().is_ok_and(|age| age < PART_AGE))
}

/// The directory that a path is in; `.` where it has only a name.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        parent => parent.unwrap_or(path),
    }
}

fn random_name() -> io::Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}

/// Called before everything that changes the disk, so that a test can cut there.
fn step(at: &Path) -> Result<(), RegistryError> {
    if cut::now() { Err(RegistryError::io("go on after the cut at", at)(io::ErrorKind::Interrupted.into())) } else { Ok(()) }
}

#[cfg(not(test))]
mod cut {
    pub(super) const fn now() -> bool {
        false
    }

    pub(super) const fn happened() -> bool {
        false
    }
}

/// A stand-in for kill -9: from the n-th change of the disk on, nothing more happens on this thread,
/// not even cleaning up.
#[cfg(test)]
pub(crate) mod cut {
    use std::cell::Cell;

    thread_local! {
        static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
    }

    /// Allows `steps` more changes of the disk; `None`: any number.
    pub(crate) fn after(steps: Option<u32>) {
        LEFT.set(steps);
    }

    pub(super) fn now() -> bool {
        match LEFT.get() {
            None => false,
            Some(0) => true,
            Some(left) => {
                LEFT.set(Some(left - 1));
                false
            }
        }
    }

    pub(crate) fn happened() -> bool {
        LEFT.get() == Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_alone_has_a_directory_to_be_synced() {
        for (path, wanted) in [("name", "."), ("a/name", "a"), ("/name", "/"), ("/", "/")] {
            assert_eq!(parent(Path::new(path)), Path::new(wanted), "{path}");
        }
        sync_dir(parent(Path::new("name"))).unwrap();
    }
}
