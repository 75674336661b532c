//! On a server a change is carried by a process of its own, away from the client's: `silver agent carry ID` in a
//! transient unit of systemd. It inherits the app's lock as its standard input: a `flock` belongs to the
//! open file, so it passes over without a gap, and falls when the process ends, however that happens.

use crate::{dirs::Dirs, feed::file};
use async_trait::async_trait;
use std::{
    fmt,
    fs::File,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
    time::Instant,
};

/// So long systemd may take until the process begins.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether it has begun.
const INTERVAL: Duration = Duration::from_millis(5);
/// The unit that settles what is left; it is told when a change's own unit fails.
pub const RECOVERY_UNIT: &str = "silver-recover.service";

/// What is to be carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// The application.
    pub app: String,
    /// The journal.
    pub id: String,
    /// Somebody was ended while carrying it: it is finished or reverted. Else it is new.
    pub settle: bool,
}

/// Starts whoever carries a change to its end, whatever becomes of those who wait for it.
#[async_trait]
pub trait Launch: fmt::Debug + Send + Sync {
    /// Returns when it has begun to write its feed; from then on it holds `lock`, the app's lock. When this
    /// fails, it has done nothing.
    async fn launch(&self, dirs: &Dirs, work: &Work, lock: File) -> io::Result<()>;
}

/// Launches `silver agent carry` in a transient unit of systemd.
#[derive(Debug, Clone)]
pub struct TransientUnit {
    /// The program.
    pub silver: PathBuf,
    /// Options of `silver agent carry`, before the id.
    pub options: Vec<String>,
}

impl TransientUnit {
    /// The arguments of `systemd-run`.
    fn arguments(&self, work: &Work) -> Vec<String> {
        let Work { app, id, settle } = work;
        let mut arguments: Vec<String> = ["--quiet", "--collect", "--pipe", "--service-type=exec"].map(Into::into).into();
        arguments.push(format!("--unit={}", unit(work)));
        arguments.push(format!("--description=silver: a change of {app}"));
        // should it be killed, somebody settles at once what it leaves
        arguments.push(format!("--property=OnFailure={RECOVERY_UNIT}"));
        // the one that must not be killed when memory is short
        arguments.push("--property=OOMScoreAdjust=-900".into());
        arguments.push("--".into());
        arguments.push(self.silver.to_string_lossy().into_owned());
        arguments.extend(["agent".into(), "carry".into()]);
        arguments.extend(self.options.iter().cloned());
        arguments.extend(settle.then(|| "--settle".into()));
        arguments.push(id.clone());
        arguments
    }
}

#[async_trait]
impl Launch for TransientUnit {
    async fn launch(&self, dirs: &Dirs, work: &Work, lock: File) -> io::Result<()> {
        let feed = file::path(dirs, &work.app, &work.id);
        let before = file::length(&feed);
        let mut command = Command::new("systemd-run");
        command.args(self.arguments(work)).stdin(lock).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        let begun = begun(command, &feed).await;
        if begun.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            // systemd may be just about to begin: only what was stopped has done nothing
            let mut stop = Command::new("systemctl");
            stop.args(["stop", "--quiet", "--", &format!("{}.service", unit(work))]);
            let _ = stop.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().await; // there may be none
            if file::length(&feed) > before {
                return Ok(()); // it had begun after all; who looks on has settled what it left
            }
        }
        begun
    }
}

/// The service that carries it, without `.service`.
fn unit(Work { id, settle, .. }: &Work) -> String {
    format!("silver-{}-{id}", if *settle { "settle" } else { "carry" })
}

/// Starts a program and waits until it has written to the feed. It is not waited for any further.
pub(crate) async fn begun(mut command: Command, feed: &Path) -> io::Result<()> {
    let (before, until) = (file::length(feed), Instant::now() + PATIENCE);
    let mut child = command.spawn()?;
    drop(command); // and with it the handle of the lock that was meant for the child
    loop {
        let ended = child.try_wait()?;
        if file::length(feed) > before {
            tokio::spawn(async move { child.wait().await });
            return Ok(());
        }
        if let Some(status) = ended {
            return Err(io::Error::other(format!("{status}{}", last_words(&mut child).await)));
        }
        if Instant::now() >= until {
            let _ = child.kill().await; // it may have just ended
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("it has not begun after {} s", PATIENCE.as_secs())));
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn last_words(child: &mut Child) -> String {
    let mut said = Vec::new();
    if let Some(stderr) = &mut child.stderr {
        let _ = stderr.take(2000).read_to_end(&mut said).await; // without them the status alone has to do
    }
    let said = String::from_utf8_lossy(&said).trim().replace('\n', "; ");
    if said.is_empty() { said } else { format!(": {said}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_has_the_lock_as_its_input_and_is_followed_when_it_fails() {
        let unit = TransientUnit { silver: "/usr/local/bin/silver".into(), options: vec!["--root".into(), "/srv".into()] };
        let work = Work { app: "shop".into(), id: "20261122t1-ab".into(), settle: false };
        assert_eq!(
            unit.arguments(&work).join(" "),
            "--quiet --collect --pipe --service-type=exec --unit=silver-carry-20261122t1-ab \
             --description=silver: a change of shop --property=OnFailure=silver-recover.service \
             --property=OOMScoreAdjust=-900 -- /usr/local/bin/silver agent carry --root /srv 20261122t1-ab"
        );
        let settling = unit.arguments(&Work { settle: true, ..work });
        assert!(settling.iter().any(|word| word == "--unit=silver-settle-20261122t1-ab"));
        assert!(settling.join(" ").ends_with("carry --root /srv --settle 20261122t1-ab"));
    }

    #[tokio::test]
    async fn what_does_not_begin_is_told_with_its_last_words() {
        let dir = tempfile::tempdir().unwrap();
        let feed = dir.path().join("feed");
        let run = |script: String| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", &script]).stderr(Stdio::piped());
            command
        };
        let error = begun(run("echo no such unit >&2; exit 3".into()), &feed).await.unwrap_err();
        assert_eq!(error.to_string(), "exit status: 3: no such unit");
        begun(run(format!("echo begun >> {}; exit 1", feed.display())), &feed).await.unwrap();
        let error = begun(run("exit 1".into()), &feed).await.unwrap_err();
        assert_eq!(error.to_string(), "exit status: 1", "what another has written before is no beginning");
    }
}
