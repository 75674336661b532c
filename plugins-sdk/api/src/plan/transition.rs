//! A transition: the whole change of one application on one node, with its undo list. The agent
//! journals every step and carries the transition through, whatever becomes of the client.

use super::release::{Access, Check, FileFormat, Hook, Probe, Release, SetKey};
use crate::{Settings, digest::Digest, path::TreePath};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Which command a transition carries out; also the event kind in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransitionKind {
    /// `silver update`.
    Deploy,
    /// `silver rollback`.
    Rollback,
    /// `silver disable`.
    Disable,
    /// `silver enable`.
    Enable,
    /// `silver deactivate`.
    Deactivate,
    /// `silver activate`.
    Activate,
}

/// What a migration does to the data; revert and rollback follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataClass {
    /// Nothing. Nothing is closed, nothing is restored.
    #[default]
    Unchanged,
    /// The old release still understands it. A checkpoint is taken, nothing is closed or restored.
    Additive,
    /// The old release does not understand it: writes are closed from checkpoint to the end, and a
    /// failure restores the checkpoint.
    Breaking,
}

/// The plan that is submitted to the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Transition {
    /// Unique; the journal's name.
    pub id: String,
    /// What it carries out.
    pub kind: TransitionKind,
    /// The application.
    pub app: String,
    /// Label of the release that is expected to be current; the agent refuses when it is not.
    pub parent: Option<String>,
    /// The release that will be current: its label and value. `None` when the release stays.
    pub release: Option<(String, Release)>,
    /// Locations after the transition; the first is canonical.
    pub locations: Vec<String>,
    /// What the migration does to the data.
    pub data: DataClass,
    /// Steps in order.
    pub steps: Vec<Step>,
    /// What the registry shall say about it.
    pub deployment: Deployment,
}

/// One step. When a later one fails, the undo actions of the steps that were begun run in reverse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// Unique in the plan: `checkpoint`, `check:plugins load`.
    pub id: String,
    /// What is done.
    pub action: Action,
    /// How it is undone, in this order (empty: there is nothing to undo); must be harmless when the
    /// action was only half done or not done, and when it is done twice.
    #[serde(default)]
    pub undo: Vec<Action>,
    /// For the person who reads the plan.
    pub why: String,
}

/// Everything an agent can do to an application. Each is idempotent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Hold requests at the front for up to so long, then answer 503.
    CloseWrites {
        /// How long requests are held.
        hold_ms: u64,
    },
    /// Let requests through.
    OpenWrites,
    /// Copy the data as the recipe says.
    Checkpoint {
        /// Name of the checkpoint.
        id: String,
        /// What it consists of.
        recipe: Recipe,
    },
    /// Put the data back as it was in a checkpoint; what was written since is moved to the trash.
    RestoreCheckpoint {
        /// Name of the checkpoint.
        id: String,
    },
    /// Make the state paths that are missing, from their seeds.
    MakeState,
    /// Remove the application's data and secrets: the undo of a first deployment.
    RemoveState,
    /// Make the generated secrets that are missing.
    MakeSecrets,
    /// Set the owned keys of a config that the application also writes; its former bytes are kept
    /// with the journal.
    SetKeys {
        /// File below the data directory.
        file: TreePath,
        /// Its format.
        format: FileFormat,
        /// Owned keys; those not in `set` are removed.
        owned: Vec<String>,
        /// Values.
        set: Vec<SetKey>,
    },
    /// Put the former owned keys back.
    RestoreKeys {
        /// File below the data directory.
        file: TreePath,
    },
    /// Run a hook of the new release.
    Run {
        /// `init`, `migrate`, …
        name: String,
        /// What is run.
        hook: Hook,
    },
    /// Start a release's web processes on private sockets, without traffic. `check` is the phase
    /// that the processes see; workers start only when it is not set.
    Start {
        /// Which release.
        label: String,
        /// For a check (`SILVER_PHASE=check`), or to serve?
        check: bool,
    },
    /// Stop a release's processes of that phase.
    Stop {
        /// Which release.
        label: String,
        /// Those started for a check, or those that serve?
        check: bool,
    },
    /// Look at the release that was started for a check.
    Check(Check),
    /// Wait until the release that was started answers as the probe expects.
    Ready {
        /// Which release.
        label: String,
        /// The probe.
        probe: Probe,
        /// Ask the release that was started for a check?
        check: bool,
    },
    /// Make the release current: one pointer, and the front's routes. Requests stay held while
    /// writes are closed.
    Switch {
        /// Which release; `None`: no release is current (the undo of a first deployment).
        label: Option<String>,
    },
    /// Wait until whoever submitted the transition says `go` for it, as one of several that switch
    /// together. Without it in this time the step fails.
    Barrier {
        /// How long.
        timeout_ms: u64,
    },
    /// The locations the front answers for this app; empty: none.
    SetLocations {
        /// `host[/path]`, the canonical one first.
        locations: Vec<String>,
    },
    /// Ask through the front, past the gate.
    Probe(Access),
    /// The point of no return: from here on silver does not revert by itself.
    Open,
    /// Wait for the old release's requests, then stop it.
    Drain {
        /// Which release.
        label: String,
        /// How long.
        timeout_ms: u64,
    },
    /// 503 at the locations, processes stopped, or the reverse.
    SetDisabled(bool),
    /// Routes removed, processes stopped, or the reverse.
    SetDeactivated(bool),
    /// Move a release's directory to the trash.
    RemoveRelease {
        /// Which release.
        label: String,
    },
    /// Keep so many old releases; the trash is emptied.
    Prune {
        /// How many besides the current one.
        keep: u32,
    },
}

/// What a checkpoint or backup consists of; made by the backup plugin.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Recipe {
    /// Parts, in order.
    pub parts: Vec<RecipePart>,
    /// Opaque to the host; stored beside the copy and given back on restore.
    pub notes: Settings,
}

/// One part of a recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecipePart {
    /// Unique: `data`, `secrets`.
    pub id: String,
    /// Where the bytes are.
    pub source: Source,
}

/// Where the bytes of a part are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A file or directory below the app's data directory; SQLite databases in it are copied
    /// consistently while they are in use.
    Data {
        /// Path below the data directory.
        path: TreePath,
        /// Globs that are left out.
        exclude: Vec<String>,
    },
    /// The app's secrets.
    Secrets,
}

/// What the registry shall say, as far as the client knows it; the node adds what it observes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deployment {
    /// Who, as claimed by the client: `user@host`.
    pub operator: String,
    /// `--reason`.
    pub reason: Option<String>,
    /// Flags that loosened a check: `--allow-downgrade`.
    pub loosened: Vec<String>,
    /// sha256 over the customization directory's tree; with bases, over the names and digests of all; `None`
    /// without one.
    pub customization: Option<Digest>,
    /// The directories that a customization with bases consists of, by name and digest; the site's own has no name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub customization_layers: Vec<(String, Digest)>,
    /// Digest of the JSON that says of every path why it is what it is (`silver explain`).
    pub reasons: Option<Digest>,
    /// VCS revision of the customization directory, `dirty` appended where it is.
    pub customization_revision: Option<String>,
    /// Plugins that took part: file, digest.
    pub plugins: Vec<(String, Digest)>,
    /// App plugins: name and version.
    pub app_plugins: Vec<(String, String)>,
    /// The client's silver version.
    pub silver: String,
    /// The client's clock at submission, RFC 3339.
    pub client_time: String,
    /// Digest of the plan as it was shown.
    pub plan: Option<Digest>,
    /// The operator's SSH signature over that digest, in the armour of `ssh-keygen -Y sign`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// Room to grow.
    pub extra: Settings,
}

/// How a transition ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// Done.
    Done,
    /// Failed, and everything is as before.
    Reverted,
    /// Failed, and undoing failed too: needs a person.
    RevertFailed,
}

/// The end of a transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outcome {
    /// How.
    pub kind: OutcomeKind,
    /// The step that failed.
    pub failed_step: Option<String>,
    /// Why, in words; text of the application is data.
    pub message: Option<String>,
    /// The tail of what the application said, line by line.
    pub log: Vec<String>,
    /// What failed while undoing, step by step.
    pub undo_errors: Vec<String>,
    /// The release that is current now.
    pub current: Option<String>,
    /// Index of the registry event.
    pub event: Option<u64>,
    /// Milliseconds during which requests were held or refused.
    pub closed_ms: u64,
}
