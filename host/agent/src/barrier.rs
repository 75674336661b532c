//! The place before the switch at which the members of a group wait for each other. What the client
//! says about it is a file in the run directory, since the one who hears it need not be the one who
//! carries the transition out.

use crate::{
    apps::AppFailure,
    dirs::Dirs,
    disk::{DiskError, read_optional, remove_file, words, write_atomic},
};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Says whether the transition goes on or back. It counts also when it is said before the transition
/// has got so far.
pub(crate) fn say(dirs: &Dirs, id: &str, on: bool) -> Result<(), DiskError> {
    write_atomic(&path(dirs, id), if on { b"go" } else { b"back" }, 0o600)
}

/// Waits for what is said. Without a word in this time it is as if it had been «back»: who should have
/// said it is gone.
pub(crate) async fn wait(dirs: &Dirs, id: &str, timeout: Duration) -> Result<(), AppFailure> {
    let began = Instant::now();
    loop {
        let said = read_optional(&path(dirs, id)).map_err(|error| AppFailure::new(words(&error)))?;
        match said.as_deref() {
            Some(b"go") => return Ok(()),
            Some(_) => {
                return Err(AppFailure::new(
                    "it was called back: another node of the group is not ready, or the operator has called it off",
                ));
            }
            None if began.elapsed() >= timeout => {
                let waited = timeout.as_secs();
                return Err(AppFailure::new(format!(
                    "nobody said `go` within {waited} s: whoever updates the group is gone, or another node takes longer (`--wait`)"
                )));
            }
            None => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// What was said is forgotten: the transition has ended.
pub(crate) fn forget(dirs: &Dirs, id: &str) -> Result<(), DiskError> {
    remove_file(&path(dirs, id))
}

fn path(dirs: &Dirs, id: &str) -> PathBuf {
    dirs.run.join("go").join(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_word_before_or_while_waiting_decides_and_none_is_back() {
        let dir = tempfile::tempdir().unwrap();
        let dirs = Dirs::below(dir.path());
        let wait = |id: &'static str, ms| {
            let dirs = dirs.clone();
            async move { super::wait(&dirs, id, Duration::from_millis(ms)).await }
        };
        say(&dirs, "early", true).unwrap();
        wait("early", 60_000).await.unwrap();
        let late = tokio::spawn(wait("late", 60_000));
        say(&dirs, "late", false).unwrap();
        assert!(late.await.unwrap().unwrap_err().message.contains("called back"));
        assert!(wait("never", 1).await.unwrap_err().message.contains("nobody said `go`"));
        forget(&dirs, "early").unwrap();
        assert!(wait("early", 1).await.is_err());
        forget(&dirs, "early").unwrap();
    }
}
