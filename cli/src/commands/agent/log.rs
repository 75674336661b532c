//! What agents say: to standard error, which on a server is the end of a file.

use crate::error::{CommandError, Result};
use crate::exit::Exit;
use silver_agent::dirs::Dirs;
use std::{
    fs::{self, File, OpenOptions},
    io,
};

/// A log that has grown beyond this is put aside when the next agent starts.
const BYTES: u64 = 4 << 20;

/// The agent's log, to be written at its end.
pub fn open(dirs: &Dirs) -> io::Result<File> {
    let path = dirs.agent_log();
    fs::create_dir_all(&dirs.state)?;
    if fs::metadata(&path).is_ok_and(|log| log.len() > BYTES) {
        fs::rename(&path, path.with_extension("log.1"))?;
    }
    OpenOptions::new().append(true).create(true).open(path)
}

/// From now on what is said goes to standard error.
pub fn to_stderr() {
    // complaints about a log that cannot be written would go to the same full disk, and panic
    tracing_subscriber::fmt().log_internal_errors(false).with_writer(std::io::stderr).with_ansi(false).with_target(false).init();
}

/// From now on what is said goes to the agent's log: standard error is the client's terminal, or nobody's.
pub fn to_file(dirs: &Dirs) -> Result<()> {
    let log = open(dirs).map_err(|error| CommandError::new(Exit::Error, error))?;
    rustix::stdio::dup2_stderr(&log).map_err(|error| CommandError::new(Exit::Error, io::Error::from(error)))?;
    to_stderr();
    Ok(())
}
