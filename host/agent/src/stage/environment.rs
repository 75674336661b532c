//! Environments of interpreters: built by the commands of their description at their final place,
//! where they are used by every release with the same inputs. `.complete` is written last; what has
//! none is removed before it is built again.

use super::program::{self, ProgramError};
use crate::{
    dirs::Dirs,
    disk::{DiskError, make_dir, make_open_dir, sync_file_system, write_atomic},
    feed::Feed,
    lock::{self, With},
    trash,
};
use silver_plugin_api::plan::{EnvironmentSpec, ProgressKind};
use std::{path::Path, time::Duration};
use tokio::{process::Command, sync::watch};

/// The step that progress is told of.
const STEP: &str = "stage:environment";
/// The longest that one command may take.
const TIMEOUT: Duration = Duration::from_mins(15);

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
    // one at a time: two releases that wait for the same environment build it once
    let _one_at_a_time = lock::wait(&dirs.short_lock("building"), With::Nobody).await?;
    let place = dirs.environment(&spec.id);
    let complete = place.join(".complete");
    if complete.is_file() {
        return Ok(());
    }
    feed.say(STEP, ProgressKind::Begin(format!("build the environment of {}", spec.interpreter)));
    trash::discard(dirs, &place)?;
    make_dir(&dirs.environments())?;
    make_open_dir(&place)?;
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
    let mut prepared = Command::new(program);
    prepared
        .args(arguments)
        .env_clear()
        .envs([("PATH", path), ("LANG", "C.UTF-8"), ("PYTHONDONTWRITEBYTECODE", "1"), ("PIP_DISABLE_PIP_VERSION_CHECK", "1")])
        .env("HOME", home)
        .env("TMPDIR", home)
        .current_dir(home);
    program::run(&mut prepared, STEP, TIMEOUT, feed, cancel).await.map_err(|error| match error {
        ProgramError::Start(source) => EnvironmentError::Start { command, source },
        ProgramError::Failed { how, log } => EnvironmentError::Command { command, how, log },
        ProgramError::GivenUp => EnvironmentError::GivenUp,
    })
}
