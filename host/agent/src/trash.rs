//! Nothing is removed where it stands: it is renamed to the trash, which takes no time and leaves
//! nothing half, and reaped later.

use crate::{
    dirs::Dirs,
    disk::{At, DiskError, make_dir, names, remove_dir, remove_file, sync_dir},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// Moves a file or directory to the trash; its place there, or `None` when there was nothing.
pub(crate) fn discard(dirs: &Dirs, path: &Path) -> Result<Option<PathBuf>, DiskError> {
    let trash = dirs.trash();
    make_dir(&trash)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = name.trim_start_matches('.');
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let now = jiff::Timestamp::now().as_millisecond();
    let dest = trash.join(format!("{now}-{}-{number}-{name}", std::process::id()));
    match fs::rename(path, &dest) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).at("move to the trash", path),
    }
    if let Some(parent) = path.parent() {
        sync_dir(parent)?;
    }
    Ok(Some(dest))
}

/// Empties the trash. What cannot be removed stays for the next time.
pub(crate) fn reap(dirs: &Dirs) -> Result<(), DiskError> {
    let trash = dirs.trash();
    let mut first = Ok(());
    for name in names(&trash)? {
        let path = trash.join(name);
        let result = if path.is_dir() && !path.is_symlink() {
            open_up(&path).and_then(|()| remove_dir(&path))
        } else {
            remove_file(&path)
        };
        first = first.and(result);
    }
    first
}

/// A directory may have been made read-only by the app that it belonged to.
fn open_up(dir: &Path) -> Result<(), DiskError> {
    use std::os::unix::fs::PermissionsExt;
    for entry in walkdir::WalkDir::new(dir).into_iter().filter_map(Result::ok) {
        if entry.file_type().is_dir() && entry.metadata().is_ok_and(|meta| meta.permissions().mode() & 0o300 != 0o300) {
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o700)).at("open up", entry.path())?;
        }
    }
    Ok(())
}
