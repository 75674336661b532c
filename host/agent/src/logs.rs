//! What apps say: files below `state/logs/apps/<app>`, written with rotation and read back.
//!
//! `<label>.<process>.log` has what a process printed (`hooks` for hooks), each line with the time
//! it was said; `access.log` has the requests. A file that would grow over 10 MiB is renamed
//! to `….log.1`, the former `.1` to `.2`; three old ones are kept.

mod file;
mod read;
mod redact;

pub use file::LogFile;
pub(crate) use read::read_lines;
pub use read::{Follow, Source, sources, tail};
pub use redact::Redactor;

use crate::dirs::Dirs;
use std::path::PathBuf;

/// The log of one process of one release.
pub fn path(dirs: &Dirs, app: &str, label: &str, process: &str) -> PathBuf {
    dirs.logs(app).join(format!("{label}.{process}.log"))
}

/// The log of the requests to an app.
pub fn access_path(dirs: &Dirs, app: &str) -> PathBuf {
    dirs.logs(app).join("access.log")
}
