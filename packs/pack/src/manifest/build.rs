//! `[build]`: how `silver pack` gathers the bytes.

use super::scalar::{Glob, NotYet, directory, maybe_directory};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use silver_plugin_api::TreePath;

/// `[build]`. The recipes run in the order of the fields here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Build {
    /// Files and directories of the pack's source directory. Without any rule, all of it is
    /// taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copy: Vec<CopyRule>,
    /// What is left out, as globs below the source directory. Version control, `target/`,
    /// `__pycache__/` and editors' backups are always left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Glob>,
    /// Python wheels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<PythonBuild>,
    /// Packages of npm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    npm: Option<NotYet>,
    /// Packages of Debian.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    debian: Option<NotYet>,
    /// A command that makes files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<NotYet>,
}

/// One row of `build.copy`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CopyRule {
    /// File or directory below the pack's source directory.
    #[serde(deserialize_with = "directory")]
    #[schemars(with = "String")]
    pub from: TreePath,
    /// Where it goes in the pack. Default: the same path.
    #[serde(default, deserialize_with = "maybe_directory", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub into: Option<TreePath>,
    /// What is left out, as globs below `from`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Glob>,
}

/// `build.python`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PythonBuild {
    /// Requirements with exact versions and hashes. The file enters the pack: it is also what app
    /// plugins are resolved against.
    #[schemars(with = "String")]
    pub requirements: TreePath,
    /// Directory of the pack that gets the wheels.
    #[serde(default = "wheels", deserialize_with = "directory")]
    #[schemars(with = "String")]
    pub wheels: TreePath,
}

fn wheels() -> TreePath {
    TreePath::new("wheels").unwrap_or_default()
}

impl Build {
    /// Is there no recipe at all?
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
