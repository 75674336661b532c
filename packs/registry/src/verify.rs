//! Is everything in a registry as it was recorded?
//!
//! Every file below the directory is accounted for: it is what the log, seen from its signed head,
//! says it must be, or it is reported with its path. What only a crash can have left (a file under
//! construction, an event beyond the head, a sound object that no event names) is told apart from
//! damage: see [`Report::leftovers`].

mod contents;
mod files;
mod history;
mod report;

pub use report::{Finding, Problem, Report};

use crate::{
    error::RegistryError,
    registry::{self, DIRS, FORMAT},
    signer::VerifierKey,
};
use files::Files;
use rustix::fs::FlockOperation;
use std::{fs, path::Path};

/// What to verify against.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// The node's public key, from outside the registry.
    pub key: &'a VerifierKey,
    /// An older tree head, kept elsewhere: the log must still begin with the events it was signed
    /// over.
    pub since: Option<&'a str>,
}

/// Verifies the registry in `dir`. `progress` is called with the bytes checked so far and the bytes
/// there are, from several threads.
///
/// Errors are only those that keep from looking; what is found wrong is in the report.
pub fn verify(dir: &Path, options: Options<'_>, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Report, RegistryError> {
    if !dir.join("format").exists() && !dir.join("log").exists() {
        return Err(RegistryError::Absent(dir.into()));
    }
    let older = options.since.map(history::parse_older).transpose()?;
    let mut report = Report::default();
    // the agent may go on appending afterwards: what is looked at is the log as it is now
    let log = registry::lock(&dir.join("log"), FlockOperation::LockShared).ok();
    let mut files = Files::walk(dir, &mut report)?;
    check_frame(dir, &mut files, &mut report)?;
    let events = history::check(dir, options.key, older.as_ref(), &mut files, &mut report)?;
    drop(log);
    contents::check(dir, &events, &mut files, &mut report, progress)?;
    check_index(dir, &mut files, &mut report)?;
    for path in files.left() {
        report.problem(Finding::Extra, path, "silver wrote no such file");
    }
    report.sort();
    Ok(report)
}

/// The derived index is no evidence, but nobody shall be lied to by it.
#[cfg_attr(not(feature = "index"), expect(clippy::unnecessary_wraps, reason = "only the index can fail"))]
fn check_index(dir: &Path, files: &mut Files, report: &mut Report) -> Result<(), RegistryError> {
    let [index, seal, _] = ["index.sqlite", "index.sqlite.sha256", "index.sqlite-journal"].map(|name| files.take(name));
    if index.is_none() && seal.is_some() {
        report.leftover("index.sqlite.sha256", "belongs to an index that is not here");
    }
    #[cfg(feature = "index")]
    if index.is_some() && report.is_sound() {
        let registry = crate::Registry::open(dir)?;
        if let Some(why) = crate::index::check(&registry)? {
            report.problem(Finding::Altered, "index.sqlite", why);
        }
    }
    #[cfg(not(feature = "index"))]
    let _ = dir;
    Ok(())
}

/// The format file, the directories, files under construction.
fn check_frame(dir: &Path, files: &mut Files, report: &mut Report) -> Result<(), RegistryError> {
    if files.take("format").is_none() {
        report.problem(Finding::Missing, "format", "the registry's format is not told");
    } else {
        let path = dir.join("format");
        let found = fs::read(&path).map_err(RegistryError::io("read", &path))?;
        if found != FORMAT.as_bytes() {
            report.problem(Finding::Altered, "format", "it does not say `silver-registry 1`");
        }
    }
    for path in files.take_below("tmp/") {
        report.leftover(path, "was under construction when the work was interrupted");
    }
    for missing in files.missing_directories(&DIRS) {
        report.problem(Finding::Missing, missing, "the directory is not there");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
