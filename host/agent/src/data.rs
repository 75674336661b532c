//! What an application writes: made where it is missing, from seeds of the release.

use crate::{
    apps::Placed,
    dirs::Dirs,
    disk::{At, DiskError, make_dir, remove_dir, remove_file, sync_dir, sync_file_system},
    place::Place,
};
use silver_plugin_api::plan::StatePath;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Makes the state paths of a release that are missing. What is there is left alone, whatever it is.
pub(crate) fn make(dirs: &Dirs, release: &Placed) -> Result<(), DiskError> {
    let data = dirs.data(release.app());
    make_dir(&data)?;
    let root = dirs.tree(release.app(), &release.label).join(release.release.layout_root.as_str());
    for state in &release.release.state {
        if fs::symlink_metadata(data.join(state.path.as_str())).is_err() {
            make_one(state, &root, Place::make(dirs, release.app(), &state.path)?.path())?;
        }
    }
    sync_file_system(&data)
}

fn make_one(state: &StatePath, root: &Path, dest: &Path) -> Result<(), DiskError> {
    let parent = dest.parent().unwrap_or(dest);
    let seed = state.seed.as_ref().map(|seed| root.join(seed.as_str())).filter(|seed| seed.exists());
    let Some(seed) = seed else {
        // a file without a seed is the application's to make
        return if state.directory { make_dir(dest) } else { Ok(()) };
    };
    // under another name first, so that a seed is there whole or not at all
    let temporary = unfinished(dest);
    if state.directory {
        remove_dir(&temporary)?;
        copy_dir(&seed, &temporary)?;
    } else {
        remove_file(&temporary)?;
        copy_file(&seed, &temporary)?;
    }
    sync_file_system(parent)?;
    fs::rename(&temporary, dest).at("rename a seed to", dest)?;
    sync_dir(parent)
}

fn copy_dir(from: &Path, to: &Path) -> Result<(), DiskError> {
    make_dir(to)?;
    for entry in fs::read_dir(from).at("read", from)? {
        let entry = entry.at("read", from)?;
        let (source, dest) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_dir(&source, &dest)?;
        } else {
            copy_file(&source, &dest)?;
        }
    }
    Ok(())
}

/// The copy of a file of the tree can be written; an executable one stays one.
fn copy_file(from: &Path, to: &Path) -> Result<(), DiskError> {
    fs::copy(from, to).at("copy", from)?;
    let executable = fs::metadata(from).at("read", from)?.permissions().mode() & 0o100 != 0;
    let mode = if executable { 0o755 } else { 0o644 };
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).at("set the mode of", to)
}

fn unfinished(dest: &Path) -> PathBuf {
    let name = dest.file_name().unwrap_or_default().to_string_lossy();
    dest.with_file_name(format!(".{name}.seed"))
}
