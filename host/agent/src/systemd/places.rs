//! Where the files of a running release lie on a server, and to whom they belong.
//!
//! `run/sockets/<short digest of the label>/` belongs to the app's user, with the group of the front, and
//! nobody else enters it (2750); sockets made there get the front's group. Its path is short, because that of
//! a socket has at most 107 bytes. `run/apps/<app>/<label>/` belongs to root.
//!
//! Nothing that an app reads belongs to it: trees, rendered files and environments are root's. What it writes
//! (`data/`, `home/`, `tmp/`, sockets) is entered by its user only, and by the front where that has to.

use super::{owner, user::User};
use crate::{
    apps::Placed,
    caddy,
    dirs::Dirs,
    disk::{At, DiskError, make_dir, names, remove_dir, remove_file},
    environment::{home, temp},
    logs,
};
use rustix::fs::{Gid, Uid};
use silver_pack::hash::sha256;
use silver_plugin_api::plan::StateNature;
use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
};

/// The directory with the sockets of a release.
pub fn directory(dirs: &Dirs, label: &str) -> PathBuf {
    dirs.run.join("sockets").join(sha256(label.as_bytes()).short())
}

/// The socket of a process that serves: what `/proc/net/unix` shows of it.
pub fn socket(dirs: &Dirs, label: &str, process: &str, index: u32) -> PathBuf {
    directory(dirs, label).join(format!("{process}.{index}.sock"))
}

/// The socket of a process that was started for a check.
pub fn check_socket(dirs: &Dirs, label: &str, process: &str) -> PathBuf {
    directory(dirs, label).join(format!("{process}.check.sock"))
}

/// The file with the environment of a program: root's, read by systemd.
pub(super) fn environment(dirs: &Dirs, app: &str, label: &str, program: &str) -> PathBuf {
    dirs.run_release(app, label).join("env").join(program)
}

/// Makes what is missing before a program of the release can be started, all but its rendered files.
pub(super) fn make(dirs: &Dirs, placed: &Placed, user: &User) -> Result<(), DiskError> {
    let (app, label) = (placed.app(), placed.label.as_str());
    let run = dirs.run_release(app, label);
    let release = dirs.release(app, label);
    let (data, root) = (dirs.data(app), (Uid::ROOT, Gid::ROOT));
    // who knows the name of an app may get to its door, and no further
    for path in [&dirs.data, &dirs.cache, &dirs.run, &dirs.run.join("apps"), &dirs.environments()] {
        owned(path, 0o711, root)?;
    }
    let inner = [&data, &dirs.releases(app), &run, &directory(dirs, label), &home(dirs, app)];
    for path in inner.into_iter().filter_map(|path| path.parent()).filter(|path| !is_root_of(dirs, path)) {
        owned(path, 0o711, root)?;
    }
    owned(&dirs.releases(app), 0o711, root)?;
    owned(&release, 0o710, (Uid::ROOT, user.front))?;
    owned(&run, 0o755, root)?;
    owned(&run.join("env"), 0o700, root)?;
    owned(&directory(dirs, label), 0o2750, (user.uid, user.front))?;
    for path in [home(dirs, app), temp(dirs, app)] {
        owned(&path, 0o700, (user.uid, user.gid))?;
    }
    if let Some(spec) = &placed.release.environment {
        owned(&dirs.environment(&spec.id), 0o755, root)?;
    }
    // what people say to an app may be in what it prints
    owned(&dirs.logs(app), 0o750, (Uid::ROOT, user.readers))?;
    link(&logs::access_path(dirs, app), &caddy::access_log(dirs, app))?;
    make_dir(&data)?;
    owner::give_root(&data, user).at("give the app", &data)?;
    for state in &placed.release.state {
        let public = state.nature == StateNature::Public;
        owner::give(&data, state.path.as_str(), public, user).at("give the app", &data.join(state.path.as_str()))?;
    }
    Ok(())
}

/// Removes what was made for a release that runs no more, but not its data.
pub(super) fn remove(dirs: &Dirs, app: &str, label: &str) -> Result<(), DiskError> {
    remove_dir(&directory(dirs, label))?;
    let run = dirs.run_release(app, label);
    remove_dir(&run.join("env"))?;
    remove_dir(&run.join("conf"))
}

/// Removes the sockets of releases of an app that are not on the node any more: what was run of them may have been a hook
/// only.
pub(super) fn forget(dirs: &Dirs, app: &str, user: &User) -> Result<(), DiskError> {
    let kept: Vec<PathBuf> = names(&dirs.releases(app))?.iter().map(|label| directory(dirs, label)).collect();
    let sockets = dirs.run.join("sockets");
    for dir in names(&sockets)?.into_iter().map(|name| sockets.join(name)).filter(|dir| !kept.contains(dir)) {
        if fs::symlink_metadata(&dir).is_ok_and(|found| found.uid() == user.uid.as_raw()) {
            remove_dir(&dir)?;
        }
    }
    Ok(())
}

fn is_root_of(dirs: &Dirs, path: &Path) -> bool {
    [&dirs.data, &dirs.cache, &dirs.run].contains(&&path.to_path_buf())
}

/// Only for directories below root's own: their names cannot be changed by an app.
fn owned(path: &Path, mode: u32, (uid, gid): (Uid, Gid)) -> Result<(), DiskError> {
    make_dir(path)?;
    chown(path, Some(uid.as_raw()), Some(gid.as_raw())).at("set the owner of", path)?;
    // after the owner, which takes setgid away
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).at("set the mode of", path)
}

fn link(path: &Path, target: &Path) -> Result<(), DiskError> {
    if fs::read_link(path).is_ok_and(|present| present == target) {
        return Ok(());
    }
    remove_file(path)?;
    symlink(target, path).at("make the link", path)
}
