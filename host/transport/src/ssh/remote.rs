//! Commands at the far end.

use super::{config::Place, failure, master};
use openssh::{Session, Stdio};
use silver_core::node::NodeError;
use silver_plugin_api::path::plain;
use std::{
    future::ready,
    process::ExitStatus,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    task::JoinHandle,
    time::timeout,
};

/// The most that is kept of what a command says, its end.
const SAID: usize = 16 << 10;
/// So long the last words of a command are waited for.
const LAST: Duration = Duration::from_secs(2);

/// A server that can be logged in to.
pub struct Remote {
    pub(super) place: Place,
    session: Arc<Session>,
    kept: bool,
}

/// A command that has ended: what it said, fit for a terminal.
#[derive(Debug)]
pub struct Said {
    /// Did it succeed?
    pub success: bool,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// A command that runs.
pub(super) struct Running {
    pub(super) input: openssh::ChildStdin,
    pub(super) output: openssh::ChildStdout,
    /// What it says, and how it ends.
    pub(super) errors: Tail<Result<ExitStatus, openssh::Error>>,
}

impl Remote {
    /// Logs in, or finds that somebody did lately.
    pub async fn reach(place: &Place) -> Result<Self, NodeError> {
        let (session, kept) = master::session(place).await?;
        Ok(Self { place: place.clone(), session: Arc::new(session), kept })
    }

    /// The one that somebody has logged in to lately.
    pub(super) async fn kept(place: &Place) -> Option<Self> {
        let session = master::kept(place).await?;
        Some(Self { place: place.clone(), session: Arc::new(session), kept: true })
    }

    /// Was the connection there before?
    pub(super) fn was_kept(&self) -> bool {
        self.kept
    }

    /// Has the connection gone?
    pub(super) async fn is_gone(&self) -> bool {
        self.session.check().await.is_err()
    }

    /// Logs in anew, whatever connections there are.
    pub(super) async fn reach_afresh(place: &Place) -> Result<Self, NodeError> {
        Ok(Self { place: place.clone(), session: Arc::new(master::fresh(place).await?), kept: false })
    }

    /// The node's name.
    pub fn node(&self) -> &str {
        &self.place.node
    }

    /// Starts a command, which the login shell is given as it stands.
    pub(super) async fn spawn(&self, command: &str) -> Result<Running, NodeError> {
        let lost = |error: openssh::Error| failure::lost(&self.place, &error);
        let mut command = Arc::clone(&self.session).arc_raw_command(command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().await.map_err(lost)?;
        let streams = (child.stdin().take(), child.stdout().take(), child.stderr().take());
        let (Some(input), Some(output), Some(errors)) = streams else {
            return Err(failure::lost(&self.place, &openssh::Error::Disconnected));
        };
        // Not before all was heard: ssh tells of the end as soon as it knows of it, what was said before may come later, and
        // whoever has been told of the end gets no more of it.
        Ok(Running { input, output, errors: Tail::of(errors, child.wait()) })
    }

    /// Runs a command to its end.
    pub async fn run(&self, command: &str, bytes: &[u8]) -> Result<Said, NodeError> {
        let Running { mut input, output, errors } = self.spawn(command).await?;
        let output = Tail::of(output, ready(()));
        // who does not read all of it says why
        let _ = input.write_all(bytes).await;
        drop(input);
        let ((out, _), (err, ended)) = tokio::join!(output.end(), errors.end());
        match ended.unwrap_or(Err(openssh::Error::Disconnected)) {
            Ok(status) => Ok(Said { success: status.success(), out, err }),
            // how the crate says 127
            Err(openssh::Error::Remote(_)) => Ok(Said { success: false, out, err }),
            Err(error) => Err(failure::lost(&self.place, &error)),
        }
    }
}

/// The end of what somebody says, read as it comes, and what is done after it.
#[derive(Debug)]
pub(super) struct Tail<T> {
    said: Arc<Mutex<Vec<u8>>>,
    reading: JoinHandle<T>,
}

impl<T: Send + 'static> Tail<T> {
    fn of(mut from: impl AsyncRead + Send + Unpin + 'static, then: impl Future<Output = T> + Send + 'static) -> Self {
        let said = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&said);
        let reading = tokio::spawn(async move {
            let mut piece = vec![0; 4096];
            while let Ok(read @ 1..) = from.read(&mut piece).await {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&piece[..read]);
                let over = kept.len().saturating_sub(SAID);
                kept.drain(..over);
            }
            then.await
        });
        Self { said, reading }
    }

    /// What was said last, once nothing more comes, or not soon.
    pub(super) async fn last(mut self) -> String {
        let _ = timeout(LAST, &mut self.reading).await;
        self.reading.abort();
        self.text()
    }

    /// What was said last, once nothing more comes, and what came of what is done then.
    async fn end(mut self) -> (String, Option<T>) {
        let then = (&mut self.reading).await.ok();
        (self.text(), then)
    }

    fn text(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&said);
        text.lines().map(|line| plain(line.trim_end()).into_owned()).collect::<Vec<_>>().join("\n")
    }
}
