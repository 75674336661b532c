//! What a plan means, apart from its steps.

use super::{FileChanges, SettingChange};
use serde::{Deserialize, Serialize};
use silver_plugin_api::TreePath;

/// A release as people name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Edition {
    /// `trac.20261122_1`.
    pub label: String,
    /// Version of the pack.
    pub version: String,
    /// Version of the application.
    pub app_version: String,
}

/// Do requests go on?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Writes {
    /// Nothing is held or refused.
    Open,
    /// Requests are held, then answered with 503.
    Closed {
        /// Held for so long.
        held_ms: u64,
        /// Closed at most for so long: the sum of the time limits of the steps in between, without
        /// the time that copying the data takes.
        at_most_ms: u64,
    },
    /// The application does not answer anyway.
    NotServing,
}

/// What going back will mean once the plan is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reversal {
    /// Code and customization go back, the data stay as they are then.
    CodeOnly,
    /// The data go back too, to this checkpoint: what is written from now on would be lost.
    WithData {
        /// The checkpoint.
        checkpoint: String,
    },
    /// There is nothing to go back to.
    Nothing,
}

/// Writes that a rollback throws away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Lost {
    /// The checkpoint that the data go back to.
    pub checkpoint: String,
    /// What was written after this moment is lost (RFC 3339): when that release was made.
    pub since: String,
    /// A copy of the data as they are now is kept under this name.
    pub kept_as: String,
}

/// The interpreter's environment of the new release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EnvironmentUse {
    /// `python3.11 3.11.2`.
    pub interpreter: String,
    /// It has to be built; otherwise it is there already.
    pub build: bool,
}

/// A build step of the pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BuildStep {
    /// Program and arguments.
    pub command: String,
    /// The directory of the tree that it makes.
    pub outputs: TreePath,
    /// It has to be run; otherwise what it made from the same before is taken. What it will make is
    /// not among the files of the plan.
    pub run: bool,
}

/// What a plan means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// What is done, in one line.
    pub title: String,
    /// The release that is current.
    pub from: Option<Edition>,
    /// The release that will be.
    pub to: Option<Edition>,
    /// Files of the release tree.
    pub files: FileChanges,
    /// Settings that differ.
    pub settings: Vec<SettingChange>,
    /// Secrets that are made or stored.
    pub new_secrets: Vec<String>,
    /// The environment, if the runtime has one.
    pub environment: Option<EnvironmentUse>,
    /// Build steps of the pack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assemble: Vec<BuildStep>,
    /// Locations before.
    pub locations_before: Vec<String>,
    /// Are requests held or refused?
    pub writes: Writes,
    /// What is true after a failure.
    pub on_failure: String,
    /// What `silver rollback` will do afterwards.
    pub reversal: Reversal,
    /// Writes that this plan throws away.
    pub lost: Option<Lost>,
    /// Bytes that go to the node.
    pub send_bytes: u64,
    /// What else is worth knowing.
    pub remarks: Vec<String>,
}
