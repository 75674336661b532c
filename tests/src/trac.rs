//! The reference pack `trac`: a real application, with wheels from the package index and two plugins.

use crate::world::{World, binary, repository};
use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    sync::Mutex,
    time::SystemTime,
};

/// One test at a time packs; the others find what it made.
static PACKING: Mutex<()> = Mutex::new(());

/// The pack, as `silver pack packs/reference/trac` makes it. It is kept below the target directory until
/// its sources or silver change, since it holds wheels that have to be fetched.
///
/// # Panics
/// When it cannot be packed, for example before `cargo xtask plugins`.
pub fn pack(world: &World) -> PathBuf {
    let _guard = PACKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let source = repository().join("packs/reference/trac");
    let place = binary().parent().and_then(Path::parent).expect("a target directory").join("packs");
    let archive = place.join("trac-1.6.0.zip");
    let changed = newest(&source).and_then(|newest| Ok(newest.max(modified(&binary())?)));
    let is_current = modified(&archive).ok().zip(changed.ok()).is_some_and(|(made, changed)| made > changed);
    if !is_current {
        fs::create_dir_all(&place).expect("a place for packs");
        world.silver([OsStr::new("pack"), source.as_os_str(), OsStr::new("-o"), archive.as_os_str()]).ok();
    }
    archive
}

/// A copy of the example customization, in the world's working directory.
///
/// # Panics
/// When it cannot be copied.
pub fn example(world: &World) -> PathBuf {
    let mine = world.work().join("mine");
    crate::hello::copy(&repository().join("packs/reference/trac/example"), &mine).expect("a copy of the example");
    mine
}

/// When the newest file below a directory was changed.
fn newest(dir: &Path) -> io::Result<SystemTime> {
    let mut newest = SystemTime::UNIX_EPOCH;
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        newest = newest.max(if path.is_dir() { self::newest(&path)? } else { modified(&path)? });
    }
    Ok(newest)
}

fn modified(path: &Path) -> io::Result<SystemTime> {
    fs::metadata(path)?.modified()
}
