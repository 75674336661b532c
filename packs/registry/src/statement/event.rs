//! The kinds of events, each with what is to be known about it.

use super::change::{Change, Lost};
use serde::{Deserialize, Serialize};
use silver_plugin_api::{
    Digest,
    plan::{Publisher, TransitionKind},
};

macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident($content:ty) = $word:literal,)*) => {
        /// One thing that happened.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        pub enum Event {
            $($(#[$doc])* #[serde(rename = $word)] $variant($content),)*
        }

        /// The kind of an [`Event`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind {
            $($(#[$doc])* $variant,)*
        }

        impl Event {
            /// Its kind.
            pub const fn kind(&self) -> EventKind {
                match self {
                    $(Self::$variant(_) => EventKind::$variant,)*
                }
            }

            /// An event of that kind that says nothing.
            #[cfg(test)]
            pub(crate) fn empty(kind: EventKind) -> Self {
                match kind {
                    $(EventKind::$variant => Self::$variant(<$content>::default()),)*
                }
            }
        }

        impl EventKind {
            /// All kinds.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$variant),*];

            /// Its word in the log, in queries and in help texts.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}

events! {
    /// A release was to become current: `silver update`.
    Deploy(Change) = "deploy",
    /// An earlier release was to become current again.
    Rollback(Change) = "rollback",
    /// The routes came back.
    Activate(Change) = "activate",
    /// The routes went.
    Deactivate(Change) = "deactivate",
    /// The locations answer 503 from now on.
    Disable(Change) = "disable",
    /// The locations serve again.
    Enable(Change) = "enable",
    /// Settings or locations changed without a new pack.
    Configure(Change) = "configure",
    /// A secret got a new generation.
    Secret(Rotation) = "secret",
    /// Data was put back.
    Restore(Restored) = "restore",
    /// Data was removed.
    Clear(Cleared) = "clear",
    /// The application was made as a copy of another.
    Clone(CloneOf) = "clone",
    /// A backup was taken.
    BackupTaken(BackupTaken) = "backup-taken",
    /// A command was run in the application's environment.
    Run(Session) = "run",
    /// A shell was opened in the application's environment.
    Shell(Session) = "shell",
    /// The node was set up.
    Setup(SetUp) = "setup",
    /// A key or plugin was trusted, or no longer is.
    Trust(Trusted) = "trust",
    /// A check was overridden by an operator.
    Override(Overridden) = "override",
    /// Files of a release were found altered, missing or extra.
    DriftFound(Drift) = "drift-found",
    /// The bytes of a blob were removed; its proofs stay.
    Redact(Redacted) = "redact",
}

impl EventKind {
    /// The kind of event that a finished transition makes.
    pub const fn of_transition(kind: TransitionKind) -> Self {
        match kind {
            TransitionKind::Deploy => Self::Deploy,
            TransitionKind::Rollback => Self::Rollback,
            TransitionKind::Disable => Self::Disable,
            TransitionKind::Enable => Self::Enable,
            TransitionKind::Deactivate => Self::Deactivate,
            TransitionKind::Activate => Self::Activate,
        }
    }
}

impl std::str::FromStr for EventKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| UnknownKind(text.into()))
    }
}

impl std::fmt::Display for EventKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Not a kind of event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a kind of event ({kinds})", kinds = EventKind::ALL.map(EventKind::as_str).join(", "))]
pub struct UnknownKind(pub String);

impl Event {
    /// The event that a finished transition makes.
    pub fn of_transition(kind: TransitionKind, change: Change) -> Self {
        match kind {
            TransitionKind::Deploy => Self::Deploy(change),
            TransitionKind::Rollback => Self::Rollback(change),
            TransitionKind::Disable => Self::Disable(change),
            TransitionKind::Enable => Self::Enable(change),
            TransitionKind::Deactivate => Self::Deactivate(change),
            TransitionKind::Activate => Self::Activate(change),
        }
    }

    /// What it says about a change of the application, if it is one.
    pub const fn change(&self) -> Option<&Change> {
        match self {
            Self::Deploy(change)
            | Self::Rollback(change)
            | Self::Activate(change)
            | Self::Deactivate(change)
            | Self::Disable(change)
            | Self::Enable(change)
            | Self::Configure(change) => Some(change),
            _ => None,
        }
    }

    /// Label and tree of the release that it is about.
    pub fn subject(&self) -> Option<(&str, Digest)> {
        match self {
            Self::Run(session) | Self::Shell(session) => Some((session.release.as_deref()?, session.tree?)),
            _ => {
                let release = self.change()?.release.as_ref()?;
                Some((&release.label, release.tree))
            }
        }
    }
}

/// A secret's new generation; the value is nowhere in the registry.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rotation {
    /// Name of the secret.
    pub name: String,
    /// Its generation, counted from 1.
    pub generation: u64,
}

/// Data that was put back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Restored {
    /// Checkpoint or backup.
    pub from: String,
    /// Writes that were lost by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Lost>,
}

/// Data that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cleared {
    /// What: `data`, `cache`, `releases`, …
    pub what: Vec<String>,
    /// The checkpoint that was taken before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
}

/// Where a clone came from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CloneOf {
    /// Node.
    pub node: String,
    /// Application.
    pub app: String,
    /// Label of its release.
    pub release: String,
}

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BackupTaken {
    /// Its name.
    pub id: String,
    /// Where it went.
    pub destination: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Digest, where the destination gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// A command or shell in the application's environment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Session {
    /// Label of the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Its tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<Digest>,
    /// Program and arguments as they were given; empty for a shell.
    pub argv: Vec<String>,
    /// Exit code; absent when it was killed or never started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Did it have a terminal?
    pub tty: bool,
}

/// A set-up of the node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SetUp {
    /// Digest of the plan: the setup version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Digest>,
    /// Ids of the resources that were changed.
    pub changed: Vec<String>,
}

/// A change of what is trusted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Trusted {
    /// What: `publisher`, `host-key`, `plugin`, …
    pub what: String,
    /// Key or digest; `unsigned` where a publisher's packs need no key.
    pub key: String,
    /// Trusted from now on, or no longer?
    pub trusted: bool,
    /// What is granted to it.
    pub grants: Vec<String>,
    /// Of a publisher: the id of the pack that the key signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
    /// Of a publisher: whose packs the application was made of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<Publisher>,
}

/// An overridden check.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Overridden {
    /// Which check.
    pub check: String,
    /// What it had said.
    pub finding: String,
}

/// Files that are not as they were deployed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Drift {
    /// Label of the release.
    pub release: String,
    /// Paths in its tree.
    pub paths: Vec<String>,
}

/// A blob whose bytes were removed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Redacted {
    /// Blobs or packs that are gone.
    pub digests: Vec<Digest>,
}
