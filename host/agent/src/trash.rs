//! Nothing is removed where it stands: it is renamed to the trash, which takes no time and leaves
//! nothing half, and reaped later.

use crate::{
    dirs::Dirs,
    disk::{At, DiskError, make_dir, names, remove_dir, remove_file, sync_dir},
    lock::{self, With},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// Data that gave way to a checkpoint are not reaped for so long: somebody may want them yet.
const KEPT: Duration = Duration::from_hours(24);
/// The end of their names.
const DATA: &str = ".data";

/// Moves a file or directory to the trash; its place there, or `None` when there was nothing.
pub(crate) fn discard(dirs: &Dirs, path: &Path) -> Result<Option<PathBuf>, DiskError> {
    rename(dirs, path, "")
}

/// Moves data of an app to the trash, where they stay for a day.
pub(crate) fn discard_data(dirs: &Dirs, path: &Path) -> Result<Option<PathBuf>, DiskError> {
    rename(dirs, path, DATA)
}

fn rename(dirs: &Dirs, path: &Path, suffix: &str) -> Result<Option<PathBuf>, DiskError> {
    let trash = dirs.trash();
    make_dir(&trash)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = name.trim_start_matches('.');
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let now = jiff::Timestamp::now().as_millisecond();
    let dest = trash.join(format!("{now}-{}-{number}-{name}{suffix}", std::process::id()));
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

/// Is it too early to reap this?
fn is_kept(name: &str, now: i64) -> bool {
    let since = name.split('-').next().and_then(|since| since.parse::<i64>().ok());
    let age = since.and_then(|since| u64::try_from(now - since).ok()).map(Duration::from_millis);
    name.ends_with(DATA) && age.is_none_or(|age| age < KEPT)
}

/// Empties the trash, unless somebody else is at it. What cannot be removed stays for the next time.
pub(crate) fn reap(dirs: &Dirs) -> Result<(), DiskError> {
    let Some(_alone) = lock::now(&dirs.short_lock("reaping"), With::Nobody)? else { return Ok(()) };
    let trash = dirs.trash();
    let mut first = Ok(());
    let now = jiff::Timestamp::now().as_millisecond();
    for name in names(&trash)?.into_iter().filter(|name| !is_kept(name, now)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trash_is_emptied_but_for_data_of_the_day() {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::below(home.path());
        let (tree, data) = (home.path().join("tree"), home.path().join("rows"));
        for dir in [&tree, &data] {
            fs::create_dir_all(dir.join("closed")).unwrap();
            fs::write(dir.join("closed/file"), "").unwrap();
        }
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(tree.join("closed"), fs::Permissions::from_mode(0o500)).unwrap();
        let tree = discard(&dirs, &tree).unwrap().unwrap();
        let data = discard_data(&dirs, &data).unwrap().unwrap();
        assert_eq!(discard(&dirs, &home.path().join("absent")).unwrap(), None);
        reap(&dirs).unwrap();
        assert!(!tree.exists() && data.join("closed/file").exists());

        let day = 24 * 60 * 60 * 1000;
        for (name, now, kept) in [("5-1-0-db.data", day, true), ("5-1-0-db.data", day + 5, false), ("5-1-0-db", 6, false)] {
            assert_eq!(is_kept(name, now), kept, "{name} at {now}");
        }
    }
}
