//! Environments of interpreters: built by the commands of their description at their final place,
//! where they are used by every release with the same inputs. `.complete` is written last; what has
//! none is removed before it is built again.

use crate::{
    dirs::Dirs,
    disk::{DiskError, make_dir, sync_file_system, write_atomic},
    feed::Feed,
    trash,
};
use silver_plugin_api::plan::{EnvironmentSpec, ProgressKind};
use std::{collections::VecDeque, path::Path, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::{Mutex, mpsc, watch},
};

/// The step that progress is told of.
const STEP: &str = "stage:environment";
/// The longest that one command may take.
const TIMEOUT: Duration = Duration::from_mins(15);
/// So many lines of a failed command are shown.
const TAIL: usize = 40;
/// The longest line that is passed on.
const MAX_LINE: usize = 2000;

/// One at a time: two releases that wait for the same environment build it once.
static BUILDING: Mutex<()> = Mutex::const_new(());

/// Why an environment could not be built. Nothing of it stays.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// A command failed.
    #[error("building the environment failed: `{command}` {how}")]
    Command {
        /// Program and arguments.
        command: String,
        /// How it ended.
        how: String,
        /// The last of what it said: data, to be escaped.
        log: Vec<String>,
    },
    /// A command could not be started.
    #[error("building the environment failed: `{command}` cannot be started")]
    Start {
        /// Program and arguments.
        command: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A command of nothing.
    #[error("the description of the environment has an empty command")]
    Empty,
    /// Reading or writing failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The client is gone.
    #[error("building the environment was given up")]
    GivenUp,
}

/// Builds an environment that is not there yet.
pub(super) async fn build(
    dirs: &Dirs,
    spec: &EnvironmentSpec,
    tree: &Path,
    path: &str,
    feed: &Feed,
    mut cancel: watch::Receiver<bool>,
) -> Result<(), EnvironmentError> {
    let _one_at_a_time = BUILDING.lock().await;
    let place = dirs.environment(&spec.id);
    let complete = place.join(".complete");
    if complete.is_file() {
        return Ok(());
    }
    feed.say(STEP, ProgressKind::Begin(format!("build the environment of {}", spec.interpreter)));
    trash::discard(dirs, &place)?;
    make_dir(&place)?;
    let home = dirs.environments().join(format!(".{}.home", spec.id.hex()));
    make_dir(&home)?;
    let built = async {
        for argv in &spec.build {
            run(&argv_of(argv, &place, tree), path, &home, feed, &mut cancel).await?;
        }
        sync_file_system(&place)?;
        write_atomic(&complete, spec.interpreter.as_bytes(), 0o444)?;
        Ok(())
    };
    let built = built.await;
    trash::discard(dirs, &home)?;
    if built.is_err() {
        trash::discard(dirs, &place)?;
    }
    feed.say(STEP, ProgressKind::Done);
    built
}

fn argv_of(argv: &[String], place: &Path, tree: &Path) -> Vec<String> {
    let (place, tree) = (place.to_string_lossy(), tree.to_string_lossy());
    argv.iter().map(|word| word.replace("${SILVER_ENV_DIR}", &place).replace("${SILVER_TREE_DIR}", &tree)).collect()
}

/// Runs a command with an environment of its own: nothing of the agent's is inherited.
async fn run(
    argv: &[String],
    path: &str,
    home: &Path,
    feed: &Feed,
    cancel: &mut watch::Receiver<bool>,
) -> Result<(), EnvironmentError> {
    let [program, arguments @ ..] = argv else { return Err(EnvironmentError::Empty) };
    let command = argv.join(" ");
    let started = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs([("PATH", path), ("LANG", "C.UTF-8"), ("PYTHONDONTWRITEBYTECODE", "1"), ("PIP_DISABLE_PIP_VERSION_CHECK", "1")])
        .env("HOME", home)
        .env("TMPDIR", home)
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    let mut child = started.map_err(|source| EnvironmentError::Start { command: command.clone(), source })?;
    let mut tail = VecDeque::new();
    let ended = tokio::select! {
        ended = follow(&mut child, feed, &mut tail) => ended,
        _ = cancel.wait_for(|given_up| *given_up) => { kill(&child); return Err(EnvironmentError::GivenUp) }
        () = tokio::time::sleep(TIMEOUT) => { kill(&child); Err(format!("took longer than {} minutes", TIMEOUT.as_secs() / 60)) }
    };
    ended.map_err(|how| EnvironmentError::Command { command, how, log: tail.into() })
}

/// Passes on what a command says until it has ended; the text says how it failed.
async fn follow(child: &mut Child, feed: &Feed, tail: &mut VecDeque<String>) -> Result<(), String> {
    let (sender, mut lines) = mpsc::channel(64);
    if let Some(out) = child.stdout.take() {
        tokio::spawn(read_lines(out, sender.clone()));
    }
    if let Some(err) = child.stderr.take() {
        tokio::spawn(read_lines(err, sender));
    }
    while let Some(line) = lines.recv().await {
        feed.say(STEP, ProgressKind::Line(line.clone()));
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

async fn read_lines(from: impl AsyncRead + Unpin, to: mpsc::Sender<String>) {
    let mut lines = BufReader::new(from).split(b'\n');
    while let Ok(Some(mut line)) = lines.next_segment().await {
        line.truncate(MAX_LINE);
        if to.send(String::from_utf8_lossy(&line).trim_end().to_owned()).await.is_err() {
            return;
        }
    }
}

/// The whole group: what the command has started itself goes too.
fn kill(child: &Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL); // it may have just ended
    }
}
