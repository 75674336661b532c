//! The ssh process in the background that keeps the connection to a place.
//!
//! A place's directory has `lock`, what ssh reads (`config`, `known_hosts`), the directory of the running
//! master with its control socket, and the link `master` that leads to it. The directories of masters that
//! have ended are removed here, under the lock; the crate's own cleaning would take running ones, too.

use super::{config::Place, failure, lock};
use openssh::{ControlPersist, KnownHosts, Session, SessionBuilder};
use silver_core::node::NodeError;
use silver_pack::hash::sha256;
use std::{
    fs, io,
    num::NonZeroUsize,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

/// A connection that nobody has used for so long is closed.
const IDLE: NonZeroUsize = NonZeroUsize::new(600).unwrap();
/// The same for one that is not meant to be kept.
const BRIEF: NonZeroUsize = NonZeroUsize::new(10).unwrap();
/// So long a host may take to answer.
const CONNECT: Duration = Duration::from_secs(15);
/// Three times so long a silence of the host, and the connection counts as broken.
const ALIVE: Duration = Duration::from_secs(5);
/// unix(7) allows 107 bytes; ssh binds a name that is 17 longer than the one it is told, and the crate adds
/// `/.ssh-connectionXXXXXX/master`.
const LONGEST: usize = 107 - 17 - "/.ssh-connectionXXXXXX/master".len();

/// The place's master: the one that runs, or a new one; and is it one that ran?
pub(super) async fn session(place: &Place) -> Result<(Session, bool), NodeError> {
    let unusable = |error: io::Error| failure::unusable(place, &error);
    let dir = directory(place, "").map_err(unusable)?;
    if let Some(session) = running(&dir).await {
        return Ok((session, true));
    }
    let _one = lock::take(&dir, CONNECT * 2).await.map_err(unusable)?;
    if let Some(session) = running(&dir).await {
        return Ok((session, true));
    }
    sweep(&dir).map_err(unusable)?;
    let master = launch(place, &dir, ControlPersist::IdleFor(IDLE)).await?;
    // from here on it outlives this command
    let master = master.keep();
    publish(&dir, &master).map_err(unusable)?;
    Ok((resumed(&master), false))
}

/// The place's master, if one runs.
pub(super) async fn kept(place: &Place) -> Option<Session> {
    running(&directory(place, "").ok()?).await
}

/// A connection that shares nothing with any other; it ends with the session.
pub(super) async fn fresh(place: &Place) -> Result<Session, NodeError> {
    // beside the other's directory, where a sweep would take it
    let dir = directory(place, "-fresh").map_err(|error| failure::unusable(place, &error))?;
    let _one = lock::take(&dir, CONNECT * 2).await.map_err(|error| failure::unusable(place, &error))?;
    // should this command be killed, it is closed soon
    Ok(Session::new_native_mux(launch(place, &dir, ControlPersist::IdleFor(BRIEF)).await?))
}

/// The connection that is kept is not used any more: the next command logs in anew, as sshd sees it now.
pub(super) fn forget(place: &Place) {
    // what is not there need not go; whoever uses it still does so to its end
    directory(place, "").and_then(|dir| fs::remove_file(dir.join("master"))).ok();
}

/// Starts a master; its directory is removed with the value.
async fn launch(place: &Place, dir: &Path, persist: ControlPersist) -> Result<TempDir, NodeError> {
    let (config, known_hosts) = place.write(dir).map_err(|error| failure::unusable(place, &error))?;
    let mut builder = SessionBuilder::default();
    builder
        .known_hosts_check(KnownHosts::Strict)
        .control_directory(dir)
        .control_persist(persist)
        .connect_timeout(CONNECT)
        .server_alive_interval(ALIVE)
        .config_file(config);
    if let Some(known_hosts) = known_hosts {
        builder.user_known_hosts_file(known_hosts);
    }
    if let Some(user) = &place.address.user {
        builder.user(user.clone());
    }
    if let Some(port) = place.address.port {
        builder.port(port);
    }
    builder.launch_master(&place.address.host).await.map_err(|error| failure::connecting(place, &error))
}

/// The session of a master that answers.
async fn running(dir: &Path) -> Option<Session> {
    let session = resumed(&fs::read_link(dir.join("master")).ok()?);
    session.check().await.is_ok().then_some(session)
}

fn resumed(master: &Path) -> Session {
    Session::resume_mux(master.join("master").into(), Some(master.join("log").into()))
}

fn publish(dir: &Path, master: &Path) -> io::Result<()> {
    let new = dir.join("master.new");
    let _ = fs::remove_file(&new); // of a command that was killed
    symlink(master, &new)?;
    fs::rename(new, dir.join("master"))
}

/// Removes what masters that do not run any more have left. Under the lock there is none that is being made.
fn sweep(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// The place's private directory; below `/tmp` where the path would be too long for a socket.
fn directory(place: &Place, suffix: &str) -> io::Result<PathBuf> {
    let mut dir = place.control.join(place.id() + suffix);
    if dir.as_os_str().len() > LONGEST {
        let digest = sha256(dir.as_os_str().as_bytes()).short();
        dir = Path::new("/tmp").join(format!("silver-ssh-{}-{digest}", rustix::process::getuid().as_raw()));
    }
    if let Some(parent) = dir.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(&dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(&dir)?;
    let ours = found.is_dir() && found.uid() == rustix::process::getuid().as_raw() && found.permissions().mode() & 0o777 == 0o700;
    if ours { Ok(dir) } else { Err(io::Error::other(format!("`{}` is not a private directory of this user", dir.display()))) }
}
