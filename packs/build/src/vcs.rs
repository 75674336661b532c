//! What version control knows of a directory. A repository can bring programs of its own (filters, hooks, extensions,
//! ways to fetch); whoever packs or deploys a directory that somebody else made has not agreed to run them, so none
//! is run.

mod git;
mod hg;

use crate::{process, provenance::Source};
use git::Git;
use hg::Hg;
use std::{path::Path, process::Command, time::Duration};

/// The revision that is checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// As the program writes it.
    pub revision: String,
    /// Are there changes in the directory that no revision holds?
    pub dirty: bool,
}

/// Where the files of `dir` come from; `None` when it is under no version control, the program for it is not there, or
/// cannot be asked without running what the repository brings.
pub fn source(dir: &Path) -> Option<Source> {
    Git::of(dir).and_then(|git| git.source()).or_else(|| Hg::of(dir, Path::new("hg"))?.source())
}

/// The revision that is checked out around `dir`; `None` as for [`source`].
pub fn head(dir: &Path) -> Option<Head> {
    Git::of(dir).and_then(|git| git.head()).or_else(|| Hg::of(dir, Path::new("hg"))?.head())
}

/// What a program says, whole; `None` when it fails.
fn answer(command: &mut Command) -> Option<String> {
    let output = process::run(command.env("LC_ALL", "C.UTF-8"), Duration::from_mins(1)).ok()?;
    let whole = output.status.success() && (output.stdout.len() as u64) < process::MAX_OUTPUT;
    whole.then(|| output.stdout.trim_end_matches('\n').to_owned())
}
