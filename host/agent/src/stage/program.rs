//! Programs that are run while a release is staged: what they say is progress, and they end with
//! their time, or when nobody wants the release any more.

use crate::feed::Feed;
use silver_plugin_api::plan::ProgressKind;
use std::{collections::VecDeque, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::{mpsc, watch},
};

/// So many lines of a failed program are shown.
const TAIL: usize = 40;
/// The longest line that is passed on.
const MAX_LINE: usize = 2000;

/// Why a program did not do its work.
#[derive(Debug)]
pub(crate) enum ProgramError {
    /// It could not be started.
    Start(std::io::Error),
    /// It failed.
    Failed {
        /// How it ended, in words.
        how: String,
        /// The last of what it said: data, to be escaped.
        log: Vec<String>,
    },
    /// The client is gone.
    GivenUp,
}

/// Runs a program to its end. Whatever it has started itself ends with it.
pub(crate) async fn run(
    command: &mut Command,
    step: &str,
    timeout: Duration,
    feed: &Feed,
    cancel: &mut watch::Receiver<bool>,
) -> Result<(), ProgramError> {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    let mut child = command.spawn().map_err(ProgramError::Start)?;
    let mut tail = VecDeque::new();
    let ended = tokio::select! {
        ended = follow(&mut child, step, feed, &mut tail) => ended,
        _ = cancel.wait_for(|given_up| *given_up) => { kill(&child); return Err(ProgramError::GivenUp) }
        () = tokio::time::sleep(timeout) => { kill(&child); Err(format!("took longer than {}", words(timeout))) }
    };
    ended.map_err(|how| ProgramError::Failed { how, log: tail.into() })
}

fn words(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        seconds @ 1..120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds / 60),
    }
}

/// Passes on what a program says until it has ended; the text says how it failed.
async fn follow(child: &mut Child, step: &str, feed: &Feed, tail: &mut VecDeque<String>) -> Result<(), String> {
    let (sender, mut lines) = mpsc::channel(64);
    if let Some(out) = child.stdout.take() {
        tokio::spawn(read_lines(out, sender.clone()));
    }
    if let Some(err) = child.stderr.take() {
        tokio::spawn(read_lines(err, sender));
    }
    while let Some(line) = lines.recv().await {
        feed.say(step, ProgressKind::Line(line.clone()));
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(line);
    }
    match child.wait().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("ended with {status}")),
        Err(error) => Err(format!("cannot be waited for: {error}")),
    }
}

/// What is over the longest line is left out while it is read: a build step of a pack may print what it likes, and the
/// agent is root's.
async fn read_lines(from: impl AsyncRead + Unpin, to: mpsc::Sender<String>) {
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        let bytes = reader.fill_buf().await.unwrap_or_default(); // a stream that fails has ended
        let at_end = bytes.is_empty();
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let used = end.map_or(bytes.len(), |end| end + 1);
        let room = MAX_LINE.saturating_sub(line.len());
        line.extend_from_slice(&bytes[..used.min(room)]);
        reader.consume(used);
        let is_whole = end.is_some() || at_end && !line.is_empty();
        if is_whole && to.send(String::from_utf8_lossy(&line).trim_end().to_owned()).await.is_err() {
            return;
        }
        if at_end {
            return;
        }
        if is_whole {
            line.clear();
        }
    }
}

/// The whole group: what the program has started itself goes too.
fn kill(child: &Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL); // it may have just ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_cut_and_all_of_them_come() {
        let mut said = b"one\r\n\n".to_vec();
        said.extend(vec![b'x'; 100 << 10]);
        said.extend(b"\nlast");
        let (sender, mut lines) = mpsc::channel(8);
        read_lines(&said[..], sender).await;
        let mut all = Vec::new();
        while let Some(line) = lines.recv().await {
            all.push(line);
        }
        assert_eq!(all, ["one", "", &"x".repeat(MAX_LINE), "last"]);
    }
}
