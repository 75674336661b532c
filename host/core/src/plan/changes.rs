//! What is different between two releases.

use serde::{Deserialize, Serialize};
use silver_pack::listing::Listing;
use silver_plugin_api::{Settings, TreePath};

/// How a path differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Only the new release has it.
    Added,
    /// Content or kind differ.
    Changed,
    /// Only the old release has it.
    Removed,
}

/// One path that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileChange {
    /// Path in the release tree.
    pub path: TreePath,
    /// How.
    pub change: Change,
    /// Bytes before; 0 when it is new.
    pub before: u64,
    /// Bytes after; 0 when it is removed.
    pub after: u64,
}

/// The files of two releases compared.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileChanges {
    /// Paths that differ, sorted; for a first deployment only counted, not listed.
    pub paths: Vec<FileChange>,
    /// How many are new.
    pub added: u64,
    /// How many differ.
    pub changed: u64,
    /// How many are gone.
    pub removed: u64,
    /// Files of the new release.
    pub total: u64,
    /// Bytes of the new release.
    pub total_bytes: u64,
}

impl FileChanges {
    /// Compares; without an old tree all files are new.
    pub fn between(old: Option<&Listing>, new: &Listing) -> Self {
        let mut changes = Self { total: new.len() as u64, total_bytes: new.total_size(), ..Self::default() };
        let Some(old) = old else {
            changes.added = changes.total;
            return changes;
        };
        for (path, node) in new {
            let (change, before) = match old.get(path) {
                Some(before) if before == node => continue,
                Some(before) => (Change::Changed, before.size),
                None => (Change::Added, 0),
            };
            changes.push(FileChange { path: path.clone(), change, before, after: node.size });
        }
        for (path, node) in old.iter().filter(|(path, _)| new.get(path).is_none()) {
            changes.push(FileChange { path: path.clone(), change: Change::Removed, before: node.size, after: 0 });
        }
        changes.paths.sort_by(|a, b| a.path.cmp(&b.path));
        changes
    }

    fn push(&mut self, change: FileChange) {
        match change.change {
            Change::Added => self.added += 1,
            Change::Changed => self.changed += 1,
            Change::Removed => self.removed += 1,
        }
        self.paths.push(change);
    }
}

/// A setting that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SettingChange {
    /// Name.
    pub name: String,
    /// Value before.
    pub before: Option<String>,
    /// Value after.
    pub after: Option<String>,
}

/// The settings that differ, sorted by name.
pub(super) fn settings(old: Option<&Settings>, new: &Settings) -> Vec<SettingChange> {
    let none = Settings::new();
    let old = old.unwrap_or(&none);
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| SettingChange { name: name.clone(), before: old.get(name).cloned(), after: new.get(name).cloned() })
        .collect()
}
