//! Where the sockets of a release lie on a server.
//!
//! `run/sockets/<short digest of the label>/` belongs to the app's user, with the group of the front, and
//! nobody else enters it (2750); sockets made there get the front's group. Its path is short, because that of
//! a socket has at most 107 bytes. `run/apps/<app>/<label>/` belongs to root, so that an app cannot lead
//! the front elsewhere; the links `web.0.sock`, `web.1.sock`, … in it lead to the sockets of its web processes.

use crate::dirs::Dirs;
use silver_pack::hash::sha256;
use std::path::PathBuf;

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

/// The link to the socket of a web process; the front reaches it through `run/apps/<app>/current`.
pub fn web_link(dirs: &Dirs, app: &str, label: &str, index: u32) -> PathBuf {
    dirs.run_release(app, label).join(format!("web.{index}.sock"))
}
