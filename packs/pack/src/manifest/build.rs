//! `[build]`: how `silver pack` gathers the bytes.

use super::scalar::{Glob, Span, directory, maybe_directory};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use silver_plugin_api::TreePath;
use std::collections::BTreeMap;

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
    pub npm: Option<NpmBuild>,
    /// Files of Debian packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debian: Option<DebianBuild>,
    /// Commands that make files, in a sandbox.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<CommandBuild>,
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

/// `build.npm`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NpmBuild {
    /// The lock file of npm 7 or later, every package with its integrity. `package.json` lies beside
    /// it, and both enter the pack.
    #[serde(default = "npm_lock")]
    #[schemars(with = "String")]
    pub lock: TreePath,
    /// Directory of the pack that gets `node_modules`. Default: where the lock lies.
    #[serde(default, deserialize_with = "maybe_directory", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub into: Option<TreePath>,
    /// Development dependencies, too? They can be used by `build.command`.
    #[serde(default)]
    pub dev: bool,
    /// What is left out, as globs below `node_modules`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Glob>,
}

fn npm_lock() -> TreePath {
    TreePath::new("package-lock.json").unwrap_or_default()
}

/// `build.debian`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DebianBuild {
    /// The packages: a file with a line `NAME=VERSION sha256:DIGEST` for each. It enters the pack.
    #[serde(default = "debian_lock")]
    #[schemars(with = "String")]
    pub packages: TreePath,
    /// Which of their files enter the pack, as paths below the root that they would be installed
    /// in. Links are replaced by what they lead to, in any of the packages. Without any rule, all of
    /// it is taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copy: Vec<CopyRule>,
}

fn debian_lock() -> TreePath {
    TreePath::new("debian.lock").unwrap_or_default()
}

/// One row of `build.command`: a command that runs in a sandbox without network, in a copy of the
/// pack's source directory to which the recipes before have added theirs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CommandBuild {
    /// Program and arguments. There is no shell, and nothing is substituted.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// The files that it sees, as globs below the source directory. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Glob>,
    /// Files and directories that it makes. They enter the pack under the same paths; what else it
    /// writes does not.
    #[serde(deserialize_with = "directories")]
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub outputs: Vec<TreePath>,
    /// Environment variables besides `PATH`, `HOME`, `LANG`, `TZ` and `SOURCE_DATE_EPOCH`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// How long it may take.
    #[serde(default = "command_timeout")]
    pub timeout: Span,
}

fn command_timeout() -> Span {
    Span::seconds(600)
}

/// As [`directory`], of a list.
fn directories<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<TreePath>, D::Error> {
    #[derive(Deserialize)]
    struct Directory(#[serde(deserialize_with = "directory")] TreePath);
    let paths: Vec<Directory> = Vec::deserialize(deserializer)?;
    Ok(paths.into_iter().map(|path| path.0).collect())
}

impl NpmBuild {
    /// The directory that gets `node_modules`.
    pub fn into(&self) -> TreePath {
        self.into.clone().or_else(|| self.lock.parent()).unwrap_or_default()
    }
}

impl Build {
    /// Is there no recipe at all?
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
