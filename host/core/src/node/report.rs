//! What a node tells about its applications.

use serde::{Deserialize, Serialize};
use silver_plugin_api::{
    Digest,
    monitor::Sample,
    plan::{AppState, Outcome, Release},
};

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
    /// Its processes.
    pub processes: Vec<ProcessReport>,
    /// The newest sample of each probe.
    pub samples: Vec<Sample>,
}

/// A process of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProcessReport {
    /// `web`, `worker`, …
    pub name: String,
    /// From 0, where there are several of a kind.
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

/// What became of a transition that was looked on at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// It ended so.
    Ended(Outcome),
    /// None was under way; the last one ended so, if the node remembers: its id and end.
    Idle(Option<(String, Outcome)>),
}

/// What a node does not have yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Missing {
    /// The pack's zip.
    pub archive: bool,
    /// Contents of files.
    pub blobs: Vec<Digest>,
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

/// A line of a log; data of the application, control characters and all.
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
    /// Where it comes from: `silver`, `bind`, `customization`, …
    pub from: String,
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
