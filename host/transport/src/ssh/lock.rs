//! One command at a time makes the master of a place.

use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Waits for the lock of a place's directory, at most for `patience`. It falls with the handle.
pub(super) async fn take(dir: &Path, patience: Duration) -> io::Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(dir.join("lock"))?;
    let until = Instant::now() + patience;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < until => sleep(Duration::from_millis(20)).await,
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(io::Error::other("another command is connecting")),
            Err(error) => return Err(error.into()),
        }
    }
}
