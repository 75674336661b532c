//! What a node tells and is asked besides plans: its applications, their processes, logs and
//! environment, programs that are run in them, and the agent itself. All text in it that an
//! application said is data, control characters and all.

use super::{node::AppState, publisher::Publisher, release::Release, transition::Outcome};
use crate::{digest::Digest, monitor::Sample};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// An application with what runs of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AppReport {
    /// Its name.
    pub app: String,
    /// Does it answer?
    pub state: AppState,
    /// Label of the current release.
    pub current: Option<String>,
    /// The current release.
    pub release: Option<Release>,
    /// When the current release was made, RFC 3339.
    pub created: Option<String>,
    /// Locations, the canonical one first.
    pub locations: Vec<String>,
    /// Id of the transition that is under way.
    pub running: Option<String>,
    /// The step of it that was begun, or is being undone, last.
    #[serde(default)]
    pub step: Option<String>,
    /// Was whoever carried that transition ended? Then the next change of the application settles it first.
    #[serde(default)]
    pub left: bool,
    /// Its processes, of all releases.
    pub processes: Vec<ProcessReport>,
    /// The newest sample of each probe.
    pub samples: Vec<Sample>,
    /// Whose packs may replace it.
    #[serde(default)]
    pub publisher: Option<Publisher>,
}

/// A process of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProcessReport {
    /// `web`, `worker`, …
    pub name: String,
    /// Which of [`super::Process::count`], from 0.
    pub index: u32,
    /// Release it belongs to.
    pub label: String,
    /// Started for a check?
    pub check: bool,
    /// Its process id while it runs.
    pub pid: Option<u32>,
    /// How often it was started again after it had ended by itself.
    pub restarts: u32,
    /// Seconds since it was last started.
    pub uptime_seconds: u64,
    /// Bytes of memory of its process group, where it can be told.
    pub memory: Option<u64>,
    /// How it last ended, in words.
    pub last_exit: Option<String>,
}

/// A transition that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finished {
    /// [`super::Transition::id`].
    pub id: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// What a node does not have yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Missing {
    /// The pack's zip.
    pub archive: bool,
    /// So many bytes of the zip are there from an upload that was cut: the next one begins behind them.
    #[serde(default)]
    pub archive_part: u64,
    /// Contents of files.
    pub blobs: Vec<Digest>,
}

/// The files of a release as they lie on a node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LaidOut {
    /// Label of the release.
    pub label: String,
    /// The lines of a tree: of what is there, by content.
    pub lines: String,
    /// Names of what is there and can be part of no tree (a pipe, a name that is not text); of many
    /// only the first.
    pub odd: Vec<String>,
}

/// The longest content that a node gives for being looked at.
pub const MAX_CONTENT: u64 = 1 << 20;
/// So many contents are asked for at once.
pub const MAX_CONTENTS: usize = 64;
/// So many contents are sent to a node in one go.
pub const MAX_SENT: usize = 4096;

/// The head of a node's log, and the key that signs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LogHead {
    /// The signed tree head.
    pub text: String,
    /// The public key: `<name>+<id>+<base64>`.
    pub key: String,
    /// What proves that the log begins with as many events as was asked for: hashes of its Merkle tree. Empty when it has
    /// less.
    #[serde(default)]
    pub proof: Vec<Digest>,
}

/// Which lines of which log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LogQuery {
    /// Application.
    pub app: String,
    /// `web`, `access`, …; all without it.
    pub process: Option<String>,
    /// So many of the newest lines.
    pub lines: u32,
    /// And then whatever comes.
    pub follow: bool,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LogLine {
    /// Release that said it, where it is known.
    pub label: String,
    /// Which log: `web`, `worker`, `access`, …
    pub process: String,
    /// The line without its end.
    pub text: String,
}

/// One name of an application's environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EnvironmentEntry {
    /// Name.
    pub name: String,
    /// Value; secrets are `***`.
    pub value: String,
    /// Where it comes from: `silver`, `runtime`, `bind`, `customization`.
    pub from: String,
}

/// A program to be run in an application's environment: `silver run`, `silver shell`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunRequest {
    /// Application.
    pub app: String,
    /// What is run.
    pub spec: RunSpec,
    /// Who, as the caller claims: `user@host`.
    pub operator: String,
    /// `--reason`, for the registry.
    pub reason: Option<String>,
}

/// Another publisher is accepted for an application: `silver keys trust`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrustRequest {
    /// Application; it need not be there yet.
    pub app: String,
    /// Whose packs may replace it from now on.
    pub publisher: Publisher,
    /// Who, as the caller claims: `user@host`.
    pub operator: String,
    /// `--reason`, for the registry.
    pub reason: Option<String>,
}

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunSpec {
    /// Program and arguments; empty: the application's `shell` command, or a shell.
    pub argv: Vec<String>,
    /// Columns and rows of the caller's terminal; without one plain pipes are used.
    pub tty: Option<(u16, u16)>,
    /// `SILVER_PHASE`: `run` or `shell`.
    pub phase: String,
}

/// What goes to a program that is being run. As a message only what is not data: bytes travel as
/// they are, and [`RunInput::Data`] cannot be serialized.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunInput {
    /// Bytes of its standard input, or of its terminal.
    #[serde(skip)]
    Data(Vec<u8>),
    /// Standard input has ended.
    End,
    /// The terminal has now so many columns and rows.
    Size(u16, u16),
    /// A signal by its name without `SIG`: `INT`.
    Signal(String),
}

/// What a program that is being run says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunOutput {
    /// Bytes of standard output, or of the terminal if there is one.
    Out(Vec<u8>),
    /// Bytes of standard error.
    Err(Vec<u8>),
}

/// The agent of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AgentStatus {
    /// Its process id.
    pub pid: u32,
    /// Its version of silver.
    pub silver: String,
    /// Seconds since it was started.
    pub uptime_seconds: u64,
    /// How many applications it has.
    pub apps: u32,
    /// The port of its front.
    pub port: u16,
}

/// How the files of a release are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReleaseDrift {
    /// Its label.
    pub label: String,
    /// Does it serve?
    pub current: bool,
    /// Files that are altered, missing or extra: `path (altered)`.
    pub paths: Vec<String>,
}
