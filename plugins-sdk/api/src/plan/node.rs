//! What a node tells: facts, the state of an application, progress.

use super::{publisher::Publisher, release::Release};
use crate::{Settings, digest::Digest};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// What was found out about a node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeFacts {
    /// Its name; `local` is this machine.
    pub name: String,
    /// `linux`.
    pub os: String,
    /// `x86_64`.
    pub arch: String,
    /// Platform of native code: `linux-x86_64-gnu2.36`.
    pub platform: String,
    /// CPUs.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Bytes free where silver keeps its files.
    pub free_bytes: u64,
    /// The agent's version.
    pub silver: String,
    /// The port that the front answers on.
    pub front_port: u16,
    /// Room to grow; sorted, unique. `python.path`, `python.version` (of the interpreter that
    /// environments are built with), `python.abi` (`cp311`); `nodejs.path`,
    /// `nodejs.version`, `nodejs.abi` (`node115`); `packages`: the installed packages of Debian, divided by spaces. Of a server
    /// also what its set-up follows from: `distribution`, `distribution.version`, `distribution.codename`; `container`, what kind
    /// of one it is; `swap.other`, swap that is not silver's; `ssh.ports`; `ssh.keys`, where sshd looks for keys;
    /// `clock.other`, who sets the clock; `web.other`, programs that listen on 80 or 443; `caddy.foreign`, a configuration of
    /// Caddy's that somebody wrote; and with which version it was set up, `setup.version`, `setup.complete`.
    pub extra: Settings,
}

/// Does an application answer?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppState {
    /// Unknown on this node.
    #[default]
    Absent,
    /// Serving.
    Active,
    /// 503.
    Disabled,
    /// No routes.
    Deactivated,
}

/// A release as it lies on the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ObservedRelease {
    /// `trac.20261122_1`.
    pub label: String,
    /// Its value.
    pub release: Release,
    /// The checkpoint that was taken before it became current.
    pub checkpoint: Option<String>,
    /// What its migration did to the data.
    pub data: super::transition::DataClass,
    /// When it was made, RFC 3339.
    pub created: String,
    /// The release that was current when it was deployed: where `rollback` leads. Not simply the
    /// one before it in the list, since a release that was rolled back stays on the node.
    #[serde(default)]
    pub parent: Option<String>,
}

/// An application as the agent found it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Observed {
    /// The application.
    pub app: String,
    /// Does it answer?
    pub state: AppState,
    /// Label of the current release.
    pub current: Option<String>,
    /// All releases on the node, oldest first.
    pub releases: Vec<ObservedRelease>,
    /// Locations, the canonical one first.
    pub locations: Vec<String>,
    /// The label the next release gets.
    pub next_label: String,
    /// Is there data (was `init` ever run to its end)?
    pub has_data: bool,
    /// Names of the secrets that exist.
    pub secrets: Vec<String>,
    /// Files of the current release that are altered, missing or extra.
    pub drift: Vec<String>,
    /// Locations that other applications hold: location, app.
    pub taken: Vec<(String, String)>,
    /// A transition that is under way, by id.
    pub running: Option<String>,
    /// Environments that exist.
    pub environments: Vec<Digest>,
    /// Whose packs may replace it, as the node has recorded it: see [`Observed::known_publisher`].
    #[serde(default)]
    pub publisher: Option<Publisher>,
}

impl Observed {
    /// The release that is current.
    pub fn current_release(&self) -> Option<&ObservedRelease> {
        let label = self.current.as_ref()?;
        self.releases.iter().find(|release| release.label == *label)
    }

    /// Whose packs may replace it. Where the node has recorded nothing, whoever published what is
    /// current, or was so last: an application without a current release still owns its name.
    pub fn known_publisher(&self) -> Option<Publisher> {
        let former = || Some(self.current_release().or(self.releases.last())?.release.pack.publisher());
        self.publisher.clone().or_else(former)
    }
}

/// One message of the progress stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Progress {
    /// The step or stage: `stage:blobs`, `migrate`.
    pub step: String,
    /// What about it.
    pub kind: ProgressKind,
    /// Milliseconds since the work began.
    pub at_ms: u64,
}

/// What is said about a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProgressKind {
    /// It begins; for people.
    Begin(String),
    /// So much is done; the total when it is known. Bytes or items.
    Amount {
        /// Done so far.
        done: u64,
        /// Of so many.
        total: Option<u64>,
    },
    /// A line of output of the application: data, control characters and all.
    Line(String),
    /// It is done.
    Done,
    /// It failed, and why.
    Failed(String),
    /// It is being undone.
    Undo,
}
