//! Why each path of a merged tree is as it is.

use serde::{Deserialize, Serialize};
use silver_plugin_api::{Digest, TreePath};
use std::collections::BTreeMap;

/// One change of one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    /// Who made it: `overlay` (the pack's slots), a plugin's file, `customize.toml`, `assembled` (a
    /// build step of the pack).
    pub by: String,
    /// The rule, in words an operator understands: `slot templates: override`.
    pub rule: String,
    /// What decided it, as `role:path`: `customization:templates/site_header.html`.
    pub inputs: Vec<String>,
    /// Digest of what is there now; `None`: it was removed.
    pub digest: Option<Digest>,
    /// Digest of what was there before; `None`: nothing.
    pub replaced: Option<Digest>,
}

/// All changes of a merge, by path, each path's in the order they were made. A path that is not here
/// is as the pack has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reasons(BTreeMap<TreePath, Vec<Change>>);

impl Reasons {
    /// The changes of a path, the last one last; empty: as the pack has it.
    pub fn of(&self, path: &TreePath) -> &[Change] {
        self.0.get(path).map_or(&[], Vec::as_slice)
    }

    /// All paths that were changed, with their changes.
    pub fn iter(&self) -> impl Iterator<Item = (&TreePath, &[Change])> {
        self.0.iter().map(|(path, changes)| (path, changes.as_slice()))
    }

    /// Is all as the pack has it?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text that is kept in the registry beside the tree: JSON, paths sorted. The same reasons
    /// give the same bytes.
    pub fn to_json(&self) -> String {
        // a map of texts always has a text
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Gives inputs other names; `None`: it keeps its own.
    pub(crate) fn rename_inputs(&mut self, name: &dyn Fn(&str) -> Option<String>) {
        for input in self.0.values_mut().flatten().flat_map(|change| &mut change.inputs) {
            if let Some(new) = name(input) {
                *input = new;
            }
        }
    }

    /// Adds a change to those of a path.
    pub fn record(&mut self, path: &TreePath, change: Change) {
        self.0.entry(path.clone()).or_default().push(change);
    }
}
