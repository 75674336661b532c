//! What the registry is told of a change, as far as the command knows it.

use crate::operator;
use silver_plugin_api::plan::Deployment;
use std::{
    path::Path,
    process::{Command, Stdio},
};

/// Who, why and with which silver.
pub fn claimed(reason: Option<String>) -> Deployment {
    Deployment { operator: operator::claimed(), reason, silver: env!("CARGO_PKG_VERSION").into(), ..Deployment::default() }
}

/// The revision of the directory's version control, `-dirty` where something is not checked in;
/// `None` when there is none (or no program for it).
pub fn revision(directory: &Path) -> Option<String> {
    // looking for what marks a working copy is cheaper than starting programs that look for it
    let directory = std::path::absolute(directory).ok()?;
    if !directory.ancestors().any(|dir| [".git", ".hg"].iter().any(|mark| dir.join(mark).exists())) {
        return None;
    }
    let ask = |program: &str, arguments: &[&str]| {
        let asked = Command::new(program).args(arguments).current_dir(&directory).stdin(Stdio::null()).output().ok()?;
        let said = String::from_utf8(asked.stdout).ok().filter(|_| asked.status.success())?;
        Some(said.trim().to_owned())
    };
    if let Some(revision) = ask("git", &["rev-parse", "HEAD"]) {
        let dirty = ask("git", &["status", "--porcelain", "--", "."])?;
        return Some(if dirty.is_empty() { revision } else { format!("{revision}-dirty") });
    }
    // hg marks what is not checked in with a plus sign
    let id = ask("hg", &["identify", "--id"])?;
    Some(id.strip_suffix('+').map_or_else(|| id.clone(), |id| format!("{id}-dirty")))
}
