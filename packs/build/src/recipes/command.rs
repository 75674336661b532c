//! `build.command`: a program that makes files, in a sandbox without network.

use super::Addition;
use crate::{
    process::{self, RunError},
    sandboxed,
    sources::SourceError,
};
use silver_pack::{
    export::{ExportError, export},
    limits::Limits,
    manifest::CommandBuild,
    sandbox::{self, Sandbox},
    snapshot::{CaptureError, Snapshot},
};
use silver_plugin_api::{TreePath, path::plain};
use std::{path::PathBuf, time::Duration};

/// Where a command finds the files, in the sandbox.
const DIRECTORY: &str = "/build";
/// 1980-01-01, the date of every file in a pack.
const EPOCH: &str = "315532800";
/// So many lines of what a program said last are shown.
const LAST: usize = 12;

/// Why a command did not make its files.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The sandbox does not work here.
    #[error("`build.command` needs the sandbox `{}`, which does not work here: {why}", sandbox::PROGRAM)]
    NoSandbox {
        /// What was seen.
        why: String,
    },
    /// The directory that it runs in could not be made.
    #[error("cannot make the directory that `{command}` runs in")]
    Directory {
        /// The command.
        command: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The files that it is to see could not be written.
    #[error("cannot give the files to `{command}`")]
    Export {
        /// The command.
        command: String,
        /// Why.
        #[source]
        source: Box<ExportError>,
    },
    /// It failed.
    #[error("`{command}` failed with {status}{said}")]
    Failed {
        /// The command.
        command: String,
        /// `status 1`, `signal 9`.
        status: String,
        /// The end of what it said, on lines of their own.
        said: String,
    },
    /// It took too long.
    #[error("`{command}` took longer than {} s and was stopped", limit.as_secs())]
    Timeout {
        /// The command.
        command: String,
        /// How long it may take.
        limit: Duration,
    },
    /// An output is not there.
    #[error("`{command}` ended well, but did not make `{output}`")]
    Missing {
        /// The command.
        command: String,
        /// What is missing.
        output: TreePath,
    },
    /// What it made cannot be part of a pack.
    #[error("what `{command}` made cannot be part of a pack")]
    Output {
        /// The command.
        command: String,
        /// Why.
        #[source]
        source: Box<CaptureError>,
    },
    /// What it made does not go together with the rest.
    #[error("what `{command}` made does not go together with the rest of the pack")]
    Clash {
        /// The command.
        command: String,
        /// Why.
        #[source]
        source: Box<SourceError>,
    },
}

impl CommandError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoSandbox { .. } => Some(sandbox::HINT.to_owned()),
            Self::Export { source, .. } => source.hint(),
            Self::Failed { .. } => Some(
                "it sees the files of the source directory that `inputs` names, the system's programs, and no network".to_owned(),
            ),
            Self::Timeout { .. } => Some("set `timeout` of this row of `build.command`".to_owned()),
            Self::Missing { .. } => Some("correct `outputs`: they are paths below the directory it runs in".to_owned()),
            Self::Output { source, .. } => source.hint(),
            Self::Clash { source, .. } => source.hint(),
            Self::Directory { .. } => None,
        }
    }
}

/// Runs the command where `tree` lies, and takes its outputs.
pub(crate) fn make(row: &CommandBuild, tree: &Snapshot) -> Result<Addition, CommandError> {
    let command = plain(&row.command.join(" ")).replace('\n', " ");
    sandboxed::probe().map_err(|why| CommandError::NoSandbox { why })?;
    let named = |source| CommandError::Directory { command: command.clone(), source };
    let scratch = tempfile::tempdir().map_err(named)?;
    let work = scratch.path().canonicalize().map_err(named)?.join("build");
    export(tree, &work).map_err(|source| CommandError::Export { command: command.clone(), source: source.into() })?;
    std::fs::create_dir_all(&work).map_err(named)?;

    run(row, &command, work.clone())?;
    let keep = |path: &TreePath| row.outputs.iter().any(|output| path.below(output).is_some() || output.below(path).is_some());
    let made = Snapshot::capture_if(&work, &Limits::default(), &keep)
        .map_err(|source| CommandError::Output { command: command.clone(), source: source.into() })?;
    if let Some(output) = row.outputs.iter().find(|output| made.listing().stat(output).is_none()) {
        return Err(CommandError::Missing { command, output: output.clone() });
    }
    let (listing, blobs) = ((**made.listing()).clone(), vec![made.blobs().clone()]);
    Ok(Addition { listing, blobs, scratch: vec![scratch], ..Addition::default() })
}

fn run(row: &CommandBuild, command: &str, work: PathBuf) -> Result<(), CommandError> {
    let mut sandbox = Sandbox::new().write(work, DIRECTORY).directory(DIRECTORY);
    for (name, value) in [("TZ", "UTC"), ("SOURCE_DATE_EPOCH", EPOCH)] {
        sandbox = sandbox.env(name, value);
    }
    for (name, value) in &row.env {
        sandbox = sandbox.env(name, value);
    }
    let limit = row.timeout.as_duration();
    let output = sandboxed::run(&sandbox, &row.command, limit).map_err(|error| match error {
        RunError::Start(error) => CommandError::NoSandbox { why: error.to_string() },
        RunError::Timeout(limit) => CommandError::Timeout { command: command.to_owned(), limit },
    })?;
    if output.status.success() {
        return Ok(());
    }
    let lines: Vec<&str> = output.stdout.lines().chain(output.stderr.lines()).filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(LAST)..];
    let said = process::below(last);
    let status = process::status(output.status);
    Err(CommandError::Failed { command: command.to_owned(), status, said })
}
