//! Running a program: bounded in time and output, and never left behind.

use rustix::process::{Pid, Signal, kill_process_group};
use silver_plugin_api::path::plain;
use std::{
    io::{self, Read},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

/// The most output that is kept of each stream; more is read and dropped.
pub(crate) const MAX_OUTPUT: u64 = 16 << 20;

/// What a program said.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Why a program did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("it cannot be started")]
    Start(#[source] io::Error),
    #[error("it took longer than {} s and was stopped", .0.as_secs())]
    Timeout(Duration),
}

/// The process groups of programs that run just now.
static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

fn running() -> MutexGuard<'static, Vec<Pid>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills every program that this crate has started, and starts no more: for a process that ends at once.
pub fn stop() {
    let running = running();
    for group in running.iter() {
        let _ = kill_process_group(*group, Signal::KILL); // it may have just ended
    }
    std::mem::forget(running);
}

/// How a program ended, in words.
pub(crate) fn status(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}

/// What a program said, on lines of their own below a message.
pub(crate) fn below<S: AsRef<str>>(lines: impl IntoIterator<Item = S>) -> String {
    lines.into_iter().fold(String::new(), |all, line| all + "\n    " + &plain(line.as_ref()))
}

/// Runs `command` to its end, without input. After `limit` the whole process group is killed.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<Output, RunError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command.env("TMPDIR", tempfile::env::temp_dir());
    let (mut child, group) = {
        let mut running = running();
        let child = command.spawn().map_err(RunError::Start)?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        running.extend(group);
        (child, group)
    };
    let stdout = child.stdout.take().map(collect);
    let stderr = child.stderr.take().map(collect);
    let (ended, end) = mpsc::channel();
    let waiter = thread::spawn(move || {
        let status = child.wait();
        let _ = ended.send(());
        status
    });
    let in_time = end.recv_timeout(limit).is_ok();
    if let Some(group) = group {
        // also after a good end: what the program left running would keep its pipes open
        let _ = kill_process_group(group, Signal::KILL);
        running().retain(|running| *running != group);
    }
    let text = |thread: Option<thread::JoinHandle<Vec<u8>>>| {
        let bytes = thread.and_then(|thread| thread.join().ok()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let (stdout, stderr) = (text(stdout), text(stderr));
    let status = waiter.join().unwrap_or_else(|_| Err(io::Error::other("the waiting thread died")));
    if !in_time {
        return Err(RunError::Timeout(limit));
    }
    Ok(Output { status: status.map_err(RunError::Start)?, stdout, stderr })
}

fn collect(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut kept = Vec::new();
        let _ = (&mut stream).take(MAX_OUTPUT).read_to_end(&mut kept);
        let _ = io::copy(&mut stream, &mut io::sink());
        kept
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn shell(script: &str, limit: Duration) -> Result<Output, RunError> {
        run(Command::new("sh").args(["-c", script]), limit)
    }

    #[test]
    fn output_and_status() {
        let output = shell("echo out; echo err >&2; exit 3", Duration::from_secs(20)).unwrap();
        assert_eq!((output.stdout.as_str(), output.stderr.as_str(), output.status.code()), ("out\n", "err\n", Some(3)));
    }

    #[test]
    fn a_program_that_hangs_is_stopped_with_its_children() {
        let start = Instant::now();
        let error = shell("sleep 600 & sleep 600", Duration::from_millis(200)).unwrap_err();
        assert!(matches!(error, RunError::Timeout(_)), "{error:?}");
        assert!(start.elapsed() < Duration::from_mins(1));
    }

    #[test]
    fn a_child_left_behind_does_not_hold_us() {
        let start = Instant::now();
        let output = shell("sleep 600 & echo done", Duration::from_mins(5)).unwrap();
        assert_eq!(output.stdout, "done\n");
        assert!(start.elapsed() < Duration::from_mins(1));
    }

    #[test]
    fn a_program_that_is_not_there() {
        let error = run(&mut Command::new("/nonexistent/program"), Duration::from_secs(1)).unwrap_err();
        assert!(matches!(error, RunError::Start(_)));
    }
}
