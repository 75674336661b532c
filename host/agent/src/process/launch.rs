//! Starting a process.

use std::{
    io,
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};
use tokio::process::{Child, Command};

/// Why a process could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LaunchError {
    /// Nothing to run.
    #[error("the command is empty")]
    Empty,
    /// No such program.
    #[error("`{program}` is not a program on the app's PATH ({path})")]
    NotFound { program: String, path: String },
    /// The system refused.
    #[error("cannot start `{program}`")]
    Start {
        program: String,
        #[source]
        source: io::Error,
    },
}

/// A process that is to be started.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) directory: PathBuf,
}

impl Launch {
    /// Starts it in a group of its own, with nothing inherited, its output in pipes.
    pub(crate) fn start(&self, input: Stdio) -> Result<Child, LaunchError> {
        let mut command = self.command()?;
        command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        self.spawn(&mut command)
    }

    /// The command without its standard streams.
    pub(crate) fn command(&self) -> Result<Command, LaunchError> {
        let name = self.argv.first().ok_or(LaunchError::Empty)?;
        let path = self.env.iter().find(|(name, _)| name == "PATH").map_or("", |(_, value)| value.as_str());
        let program = find_program(name, path, &self.directory)
            .ok_or_else(|| LaunchError::NotFound { program: name.clone(), path: path.to_owned() })?;
        let mut command = Command::new(program);
        command.arg0(name).args(&self.argv[1..]).env_clear().current_dir(&self.directory);
        command.envs(self.env.iter().map(|(name, value)| (name, value))).kill_on_drop(false);
        Ok(command)
    }

    /// Starts what [`Self::command`] made.
    pub(crate) fn spawn(&self, command: &mut Command) -> Result<Child, LaunchError> {
        command.spawn().map_err(|source| LaunchError::Start { program: self.argv.first().cloned().unwrap_or_default(), source })
    }
}

/// Where a program is, as execvp(3) would find it on `path`.
pub(crate) fn find_program(name: &str, path: &str, directory: &Path) -> Option<PathBuf> {
    let runs = |path: &PathBuf| path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    if name.contains('/') {
        return Some(directory.join(name)).filter(runs);
    }
    std::env::split_paths(path).map(|directory| directory.join(name)).find(runs)
}

/// How a process ended, in words.
pub(crate) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}
