//! Every file below a registry, ticked off as it is accounted for.

use super::report::{Finding, Report};
use crate::{error::RegistryError, registry::MIRRORS};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

/// Directories deeper than this are not silver's.
const DEEPEST: usize = 16;

/// The files that nothing has accounted for yet, with their sizes.
pub(super) struct Files {
    left: BTreeMap<String, u64>,
    directories: BTreeSet<String>,
}

impl Files {
    /// Finds all files. What is neither a file nor a directory, or has a name that is no text, is
    /// reported at once and never opened.
    pub(super) fn walk(dir: &Path, report: &mut Report) -> Result<Self, RegistryError> {
        let mut files = Self { left: BTreeMap::new(), directories: BTreeSet::new() };
        files.enter(dir, "", 0, report)?;
        Ok(files)
    }

    fn enter(&mut self, dir: &Path, prefix: &str, depth: usize, report: &mut Report) -> Result<(), RegistryError> {
        for entry in fs::read_dir(dir).map_err(RegistryError::io("read", dir))? {
            let entry = entry.map_err(RegistryError::io("read", dir))?;
            let path = entry.path();
            let Ok(name) = entry.file_name().into_string() else {
                report.problem(Finding::Extra, format!("{prefix}{}", entry.file_name().to_string_lossy()), "its name is no text");
                continue;
            };
            let at = format!("{prefix}{name}");
            let kind = entry.file_type().map_err(RegistryError::io("look at", &path))?;
            if kind.is_dir() && prefix.strip_suffix('/') == Some(MIRRORS) {
                continue; // a registry of its own, with a key of its own
            }
            if kind.is_dir() && depth < DEEPEST {
                self.enter(&path, &format!("{at}/"), depth + 1, report)?;
                self.directories.insert(at);
            } else if kind.is_file() {
                match entry.metadata() {
                    Ok(metadata) => _ = self.left.insert(at, metadata.len()),
                    // a file under construction that has its name by now
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(RegistryError::io("look at", &path)(error)),
                }
            } else {
                report.problem(Finding::Extra, at, "it is not a regular file");
            }
        }
        Ok(())
    }

    /// Is this file there, and nothing has accounted for it?
    pub(super) fn has(&self, path: &str) -> bool {
        self.left.contains_key(path)
    }

    /// Ticks off a file; returns its size, or `None` when there is no such file.
    pub(super) fn take(&mut self, path: &str) -> Option<u64> {
        self.left.remove(path)
    }

    /// Ticks off all files whose path begins with `prefix`.
    pub(super) fn take_below(&mut self, prefix: &str) -> Vec<String> {
        self.take_with_sizes(prefix).into_iter().map(|(path, _)| path).collect()
    }

    /// Ticks off all files whose path begins with `prefix`, and tells their sizes.
    pub(super) fn take_with_sizes(&mut self, prefix: &str) -> Vec<(String, u64)> {
        self.left.extract_if(prefix.to_owned().., |path, _| path.starts_with(prefix)).collect()
    }

    /// Those of `expected` that are not there.
    pub(super) fn missing_directories(&self, expected: &[&str]) -> Vec<String> {
        expected.iter().filter(|dir| !self.directories.contains(**dir)).map(|dir| (*dir).to_owned()).collect()
    }

    /// The files that nobody accounted for, and directories that hold nothing and are not silver's.
    pub(super) fn left(self) -> Vec<String> {
        let own = |dir: &str| {
            ["objects", "trees", "events", "log", "tmp", MIRRORS].contains(&dir.split('/').next().unwrap_or_default())
        };
        self.left.into_keys().chain(self.directories.into_iter().filter(|dir| !own(dir))).collect()
    }
}
