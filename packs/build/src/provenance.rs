//! Where the pieces of a pack came from. No machine's paths, no time: the same input gives the same
//! text.

use crate::process;
use serde::Serialize;
use silver_plugin_api::Digest;
use std::{path::Path, process::Command, time::Duration};

/// `.silver/provenance.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// 1.
    pub format: u32,
    /// Version of the silver that made the pack.
    pub silver: &'static str,
    /// What version control knows of the pack's directory; absent when it is not under any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The zip that the pack was made of, if it was not made of a directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zip: Option<Input>,
    /// Packages that were fetched.
    pub packages: Vec<Package>,
    /// Commands that made files, in a sandbox without network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Ran>,
    /// Compiled plugins, which are pinned inputs.
    pub plugins: Vec<Input>,
}

/// The state of a directory under version control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// `git` or `hg`.
    pub vcs: &'static str,
    /// The last revision that changed the directory.
    pub revision: String,
    /// The directory inside the repository; empty for its root.
    pub directory: String,
    /// Were there changes that no revision holds?
    pub dirty: bool,
}

/// A fetched package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Package {
    /// `pypi`, `npm`, `deb`.
    pub kind: &'static str,
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// File or directory in the pack; empty when its files are in several places.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// The digest of what was fetched, with the name of the function: `sha256:…`.
    pub digest: String,
}

/// A command that made files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ran {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Files and directories of the pack that it made.
    pub outputs: Vec<String>,
}

/// A file that was given, not made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Input {
    /// File in the pack, or the name of the zip.
    pub file: String,
    /// Its digest.
    pub digest: Digest,
}

impl Provenance {
    /// The document's text.
    pub fn to_json(&self) -> String {
        pretty(self)
    }
}

/// JSON for people and tools, ending with a line feed.
pub(crate) fn pretty(value: &impl Serialize) -> String {
    // plain structs of text and numbers have no way to fail
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

/// What version control knows of `dir`; `None` when it is under none, or its program is not there.
pub fn source(dir: &Path) -> Option<Source> {
    git(dir).or_else(|| hg(dir))
}

fn git(dir: &Path) -> Option<Source> {
    let ask = |arguments: &[&str]| {
        let mut command = Command::new("git");
        // nothing that the repository's own configuration names is run
        command.args(["-c", "core.fsmonitor=false", "--no-pager"]).args(arguments).current_dir(dir);
        answer(command.env("GIT_OPTIONAL_LOCKS", "0"))
    };
    let directory = ask(&["rev-parse", "--show-prefix"])?;
    let revision = ask(&["log", "-1", "--format=%H", "--", "."])?;
    if revision.is_empty() {
        return None;
    }
    let dirty = !ask(&["status", "--porcelain", "--", "."])?.is_empty();
    Some(Source { vcs: "git", revision, directory: directory.trim_end_matches('/').to_owned(), dirty })
}

fn hg(dir: &Path) -> Option<Source> {
    let ask = |arguments: &[&str]| {
        let mut command = Command::new("hg");
        command.args(arguments).current_dir(dir);
        answer(command.env("HGPLAIN", "1"))
    };
    let root = ask(&["root"])?;
    let revision = ask(&["log", "-l", "1", "-T", "{node}", "."])?;
    if revision.is_empty() {
        return None;
    }
    let full = dir.canonicalize().ok()?;
    let directory = full.strip_prefix(Path::new(&root).canonicalize().ok()?).ok()?.to_str()?.to_owned();
    let dirty = !ask(&["status", "."])?.is_empty();
    Some(Source { vcs: "hg", revision, directory, dirty })
}

fn answer(command: &mut Command) -> Option<String> {
    let output = process::run(command.env("LC_ALL", "C.UTF-8"), Duration::from_mins(1)).ok()?;
    output.status.success().then(|| output.stdout.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn run(dir: &Path, arguments: &[&str]) {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]);
        let status = command.args(arguments).current_dir(dir).output().unwrap().status;
        assert!(status.success(), "{arguments:?}");
    }

    #[test]
    fn a_directory_under_git() {
        let repository = tempfile::tempdir().unwrap();
        let dir = repository.path().join("packs/mine");
        fs::create_dir_all(&dir).unwrap();
        assert_eq!(source(&dir), None);
        run(repository.path(), &["init", "-q"]);
        assert_eq!(source(&dir), None);
        fs::write(dir.join("pack.toml"), "x").unwrap();
        run(repository.path(), &["add", "."]);
        run(repository.path(), &["commit", "-q", "-m", "one"]);
        let first = source(&dir).unwrap();
        assert_eq!((first.vcs, first.directory.as_str(), first.dirty), ("git", "packs/mine", false));
        // a revision that changes something else changes nothing here
        fs::write(repository.path().join("other"), "x").unwrap();
        run(repository.path(), &["add", "."]);
        run(repository.path(), &["commit", "-q", "-m", "two"]);
        assert_eq!(source(&dir), Some(first.clone()));
        fs::write(dir.join("pack.toml"), "y").unwrap();
        assert_eq!(source(&dir), Some(Source { dirty: true, ..first }));
    }
}
