//! A release: everything that the node needs to lay out and run one version of an application.

use super::{assembly::Assembly, cron::Cron, front::Front, value::Value};
use crate::{Settings, digest::Digest, path::TreePath};
use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Which pack a release was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PackRef {
    /// `[pack] id`.
    pub id: String,
    /// `[pack] name`.
    pub name: String,
    /// Semver of the pack.
    pub version: String,
    /// Version of the application.
    pub app_version: String,
    /// The pack digest (sha256 of `.silver/tree`).
    pub digest: Digest,
    /// sha256 of the zip's bytes: where its blobs are found in the registry.
    pub archive: Digest,
    /// `unsigned`, or the public key that signed it, in minisign's form (`RW…`).
    pub signature: String,
    /// The keys before it, oldest first: each signed the statement that the next one follows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rotated_from: Vec<String>,
}

/// A release: tree + settings by value + secrets by name + environment, immutable.
///
/// Its `id` is the sha256 over those four; the label (`trac.20261122_1`) is assigned by the node.
/// Everything else here follows from the pack's manifest, which is part of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Release {
    /// See above.
    pub id: Digest,
    /// The application's name on the node.
    pub app: String,
    /// The pack.
    pub pack: PackRef,
    /// Digest of the tree: merged, and with what the build steps made.
    pub tree: Digest,
    /// Build steps that made a part of the tree, in order.
    #[serde(default)]
    pub assemble: Vec<Assembly>,
    /// Directories of the tree that hold content: its bytes are kept as long as a release on the node
    /// has them, its digests for ever.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub content: Vec<TreePath>,
    /// Settings by value; secrets are absent.
    pub settings: Settings,
    /// Secrets by name and origin.
    pub secrets: Vec<Secret>,
    /// The interpreter's environment, if the runtime has one.
    pub environment: Option<EnvironmentSpec>,
    /// `static`, `python`, `command`, …
    pub runtime: String,
    /// Directory of the tree that becomes the instance view (`SILVER_INSTANCE_DIR`).
    pub layout_root: TreePath,
    /// Programs; `web` answers HTTP.
    pub processes: Vec<Process>,
    /// Periodic commands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cron: Vec<Cron>,
    /// Environment of every process and hook, besides what silver itself sets.
    pub env: Vec<(String, Value)>,
    /// Files that are rendered when processes start.
    pub rendered: Vec<Rendered>,
    /// Paths that the application writes.
    pub state: Vec<StatePath>,
    /// Hooks by name: `init`, `migrate`, `plugins-changed`, `before-remove`, `warm`, `shell`, …
    pub hooks: BTreeMap<String, Hook>,
    /// Static directories, longest prefix first.
    pub statics: Vec<StaticDir>,
    /// Directories of the tree whose files get far-future addresses below `STATIC_URL`.
    pub assets: Vec<TreePath>,
    /// What has to be true of the new release, each before it may serve.
    pub checks: Vec<Check>,
    /// Continuous probes, made by the monitor plugin; `ready` gates the switch.
    pub probes: Vec<Probe>,
    /// May two releases share the data directory?
    pub overlap: Overlap,
    /// What keeps the data.
    pub services: Vec<Service>,
    /// What the front does before and after the application.
    #[serde(default)]
    pub front: Front,
    /// Room to grow.
    pub extra: Settings,
}

/// Begins the names in [`Release::extra`] that tell where a name of [`Release::env`] comes from, where
/// that is not a bind: `env-from.NAME` = `runtime` or `customization`.
pub const ENV_FROM: &str = "env-from.";

/// The name in [`Release::extra`] with the packages of the distribution that the pack asks for, divided by
/// spaces.
pub const REQUIRED_PACKAGES: &str = "required-packages";

impl Release {
    /// Where a name of the environment comes from: `bind`, `runtime`, `customization`.
    pub fn env_from(&self, name: &str) -> &str {
        self.extra.get(&format!("{ENV_FROM}{name}")).map_or("bind", String::as_str)
    }
}

/// A service the release uses; `files` and SQLite need nothing on the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Service {
    /// Name in the manifest: `db`.
    pub name: String,
    /// `files`, `postgresql`, …
    pub kind: String,
}

/// Where a secret's value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretSource {
    /// Made once on the node: so many random bytes, written as hex.
    Hex(u32),
    /// The bcrypt hash of another secret, made on the node.
    BcryptOf(String),
    /// Given by the operator when the release is staged (asked for, or `env:`, `file:`, `cmd:`).
    Given,
}

/// A secret by name; no value is ever here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Secret {
    /// Name.
    pub name: String,
    /// Origin.
    pub source: SecretSource,
}

/// An interpreter's environment, built at its final place by commands and shared by releases.
///
/// In `build` the words `${SILVER_ENV_DIR}` (where it is to be) and `${SILVER_TREE_DIR}` (the
/// release's tree) are replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EnvironmentSpec {
    /// Digest of all inputs (wheels, interpreter): the directory's name on the node.
    pub id: Digest,
    /// `python`.
    pub kind: String,
    /// What it is made with, e.g. `python3.11 3.11.2`.
    pub interpreter: String,
    /// Commands, in order.
    pub build: Vec<Vec<String>>,
    /// Directory below it that goes first on `PATH`.
    pub bin: String,
}

/// How a process is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Listen {
    /// Not at all.
    None,
    /// The Unix socket whose path is in `SILVER_SOCKET`.
    Socket,
    /// TCP on 127.0.0.1, the port in `PORT`.
    Port,
}

/// A named program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Process {
    /// `web`, `worker`, …
    pub name: String,
    /// Program and arguments; `${NAME}` is replaced from the process's environment, nothing else.
    pub argv: Vec<String>,
    /// How many.
    pub count: u32,
    /// How it is reached.
    pub listen: Listen,
    /// Memory limit in bytes, where the node can enforce one.
    pub memory: Option<u64>,
    /// Name without `SIG`: `TERM`.
    pub stop_signal: String,
    /// How long it may take to stop before it is killed.
    pub stop_timeout_ms: u64,
    /// Never two at once, also not during a switch.
    pub singleton: bool,
}

/// Where a rendered file's text comes from before values are bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RenderedSource {
    /// A file of the tree, into which keys are set; an absent one counts as empty.
    Keys {
        /// Format.
        format: FileFormat,
        /// The file below the layout root.
        base: TreePath,
        /// Keys and values.
        set: Vec<SetKey>,
    },
    /// A template of the tree: `conf/config.php.j2`. Its suffix decides the escaping.
    Template {
        /// The template below the layout root.
        template: TreePath,
        /// Values by the name used in the template.
        values: Vec<(String, Value)>,
    },
}

/// A file of the instance view that is rendered (mode 0400, in the run directory) when a process
/// starts, because it holds facts of the node or secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rendered {
    /// Where it appears in the instance view.
    pub path: TreePath,
    /// From what.
    pub source: RenderedSource,
}

/// Formats whose keys silver can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileFormat {
    /// `[section]` and `key = value`, as Python's configparser reads it; comments are kept.
    Ini,
    /// JSON.
    Json,
    /// TOML; comments are kept.
    Toml,
}

/// One key of a file: `trac.database` (the first dot divides section and key in an ini file; in
/// JSON and TOML each dot goes one level down).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SetKey {
    /// Dotted key.
    pub key: String,
    /// Its value.
    pub value: Value,
}

/// What kind of thing an application writes at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateNature {
    /// Kept, in every checkpoint and backup.
    Data,
    /// May vanish.
    Cache,
    /// Written by the application, read by `silver logs`.
    Log,
    /// A configuration file that the application also writes; silver changes only its owned keys.
    Config,
    /// Served to visitors, never executed.
    Public,
}

/// A path below the instance directory that lives in `data/<app>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StatePath {
    /// Below the instance directory, and below the data directory.
    pub path: TreePath,
    /// What kind.
    pub nature: StateNature,
    /// A file, or a directory?
    pub directory: bool,
    /// File or directory of the tree, below the layout root, copied once when there is nothing yet.
    pub seed: Option<TreePath>,
    /// In checkpoints and backups?
    pub backup: bool,
    /// For a config: its format and the keys silver owns (`components.*` is a whole section).
    pub owned: Option<(FileFormat, Vec<String>)>,
    /// For a config: the owned keys' values in this release. Owned keys that are not here are removed.
    pub set: Vec<SetKey>,
    /// For public state: the address it is served at.
    pub serve: Option<String>,
}

/// A directory of the release tree that the front serves by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StaticDir {
    /// Address below the app's location, starting and ending with `/`.
    pub prefix: String,
    /// Directory of the tree.
    pub dir: TreePath,
}

/// A command or address that is run by silver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hook {
    /// What is run.
    pub target: HookTarget,
    /// Then it is killed and counts as failed.
    pub timeout_ms: u64,
}

/// What a hook runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookTarget {
    /// Program and arguments in the application's environment.
    Command(Vec<String>),
    /// GET of this path; below 400 is success.
    Url(String),
}

/// A check of the new release before it may serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// Name.
    pub name: String,
    /// What is looked at.
    pub target: CheckTarget,
    /// Then it counts as failed.
    pub timeout_ms: u64,
}

/// What a check looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckTarget {
    /// A page.
    Http(Access),
    /// A command that must exit with 0.
    Command(Vec<String>),
    /// What the application logged since it was started for the check must not match.
    LogLacks {
        /// File below the instance directory.
        file: TreePath,
        /// Text that must not occur in any line.
        pattern: String,
    },
}

/// A page and what is expected of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Access {
    /// Path below the app's location.
    pub path: String,
    /// Expected status.
    pub status: u16,
    /// Must be in the body.
    pub body_contains: Option<String>,
    /// Must not be in the body.
    pub body_lacks: Option<String>,
}

/// A continuous probe of the monitor plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Probe {
    /// `ready`, `live`, …
    pub id: String,
    /// What is looked at.
    pub access: Access,
    /// How often.
    pub every_ms: u64,
    /// How long it may take to succeed, attempts included.
    pub timeout_ms: u64,
}

/// May two releases share the data directory?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overlap {
    /// The new one starts beside the old one.
    #[default]
    Web,
    /// Never: the old one is stopped first.
    None,
}
