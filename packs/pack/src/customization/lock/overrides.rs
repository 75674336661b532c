//! `[[override]]`: which file of the pack an operator's file replaces, and from which bytes it started.

use semver::Version;
use serde::{Deserialize, Serialize};
use silver_plugin_api::{Digest, TreePath};
use toml_edit::{InlineTable, Value};

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Overridden {
    /// The file in the release.
    pub path: TreePath,
    /// The operator's file, below the customization. Absent in locks of the first silver.
    #[serde(default)]
    pub file: Option<TreePath>,
    /// Digest of the pack's file that the operator's was made from.
    pub base: Digest,
    /// Digest of the pack's file that it was made from before: both were merged into it, and it may
    /// still hold conflict markers.
    #[serde(default)]
    pub conflict: Option<Digest>,
    /// Who brought it up to date with `base`; absent when it was made from it.
    #[serde(default)]
    pub settled: Option<Settled>,
}

/// Who brought a file up to date with a new version of the pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settled {
    /// Who, as claimed: `user@host`.
    pub by: String,
    /// The version of the pack.
    pub version: Version,
    /// When, RFC 3339.
    pub at: String,
}

impl Overridden {
    /// The operator's file `file` in place of the pack's `path`, made from the content `base`.
    pub fn new(path: TreePath, file: TreePath, base: Digest) -> Self {
        Self { path, file: Some(file), base, conflict: None, settled: None }
    }
}

/// The row's fields, in the order in which they are written.
pub(super) fn row(row: &Overridden) -> Vec<(&'static str, Value)> {
    let mut fields = vec![("path", row.path.as_str().into())];
    fields.extend(row.file.as_ref().map(|file| ("file", file.as_str().into())));
    fields.push(("base", row.base.to_string().into()));
    fields.extend(row.conflict.map(|digest| ("conflict", digest.to_string().into())));
    fields.extend(row.settled.as_ref().map(|settled| {
        let mut table = InlineTable::new();
        table.insert("by", settled.by.as_str().into());
        table.insert("version", settled.version.to_string().into());
        table.insert("at", settled.at.as_str().into());
        ("settled", Value::InlineTable(table))
    }));
    fields
}
