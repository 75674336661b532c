//! The planner: (what is wanted, what was observed) → [`Plan`]. A pure function without input or
//! output; what it returns is shown, hashed, refused when stale, and executed as it stands.

mod approved;
mod changes;
mod deploy;
mod facts;
mod refusal;
mod rollback;
mod state;
mod steps;
mod text;

pub use approved::{PLANNED_BY, differences};
pub use changes::{Change, FileChange, FileChanges, SettingChange};
pub use facts::{BuildStep, Reversal, Summary, Writes};
pub use refusal::Refusal;
pub use rollback::rollback;
pub use state::{StateChange, change_state};

pub(crate) use deploy::{APP_PLUGINS, locations};
pub(crate) use steps::{BARRIER, OPEN};

use crate::resolve::Overrides;
use serde::{Deserialize, Serialize};
use silver_pack::{hash, listing::Listing};
use silver_plugin_api::{
    Digest,
    backup::Backup,
    plan::{DataClass, Deployment, Missing, NodeFacts, Observed, Release, Transition},
};

/// What is wanted: everything the planner has to know about a resolved release.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The release.
    pub release: Release,
    /// Its tree: merged, and with what those build steps made that are done.
    pub tree: Listing,
    /// So many of its build steps are done: what they made is in the tree.
    pub assembled: usize,
    /// What the operator wants otherwise than the pack; part of the release's id.
    pub overrides: Overrides,
    /// Settings that only `init` uses.
    pub init_settings: Vec<String>,
    /// Locations, the canonical one first; `None`: those it has, or the default.
    pub locations: Option<Vec<String>>,
    /// `[commands.migrate] data`: what its migration does when it runs.
    pub migrate: DataClass,
    /// The oldest version of the pack that it can be an update of.
    pub min_upgradable: Option<String>,
    /// May it live below a path of a host?
    pub subpath: bool,
    /// Bytes of the zip, for what is to be sent.
    pub archive_bytes: u64,
    /// What the registry shall say.
    pub deployment: Deployment,
}

/// What was observed.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// The node.
    pub facts: &'a NodeFacts,
    /// The application on it.
    pub observed: &'a Observed,
    /// The tree of the current release, if there is one.
    pub tree: Option<&'a Listing>,
    /// What the node does not have yet.
    pub missing: &'a Missing,
    /// Given secrets that have another value than on the node, sorted.
    pub renewed: &'a [String],
    /// Says what a checkpoint consists of.
    pub backup: &'a dyn Backup,
}

/// What the operator allows or wants otherwise than usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flags {
    /// Name of this attempt: letters, digits, `-` and `_`. It becomes the transition's id, and part
    /// of the names of copies of the data that no second attempt may take for its own.
    pub attempt: String,
    /// An older version may replace a newer one.
    pub allow_downgrade: bool,
    /// How long requests are held while writes are closed, then they get 503.
    pub hold_ms: u64,
    /// How long requests of the old release may take to end.
    pub drain_ms: u64,
    /// How many old releases stay on the node.
    pub keep: u32,
    /// The label of the release; `None`: the one that the node gives it.
    pub label: Option<String>,
    /// As one of a group: how long it waits before the switch until the others are ready, too.
    pub barrier_ms: Option<u64>,
}

impl Flags {
    /// As usual, under the name of this attempt.
    pub fn new(attempt: impl Into<String>) -> Self {
        Self {
            attempt: attempt.into(),
            allow_downgrade: false,
            hold_ms: 30_000,
            drain_ms: 30_000,
            keep: 3,
            label: None,
            barrier_ms: None,
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Everything is as wanted.
    Nothing {
        /// Why, for people.
        why: String,
    },
    /// This.
    Do(Box<Plan>),
}

/// An immutable, printable value: what is shown is what is executed, failure branches included.
///
/// The time of its submission is empty; it is filled in then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// Version of this format: [`FORMAT`].
    pub format: u32,
    /// The node it is for.
    pub node: String,
    /// What the node will execute.
    pub transition: Transition,
    /// What it means, for people and programs.
    pub summary: Summary,
}

impl Plan {
    fn new(seen_node: &str, transition: Transition, summary: Summary) -> Self {
        Self { format: FORMAT, node: seen_node.into(), transition, summary }
    }

    /// sha256 over the plan's JSON as it is shown: what an operator approves. The name of the attempt
    /// and the time of its submission are not part of it.
    pub fn digest(&self) -> Digest {
        let mut shown = self.clone();
        shown.transition.id.clear();
        shown.transition.deployment.client_time.clear();
        shown.transition.deployment.plan = None;
        // serialising plain data to memory cannot fail: no maps with keys that are not text
        hash::sha256(&serde_json::to_vec(&shown).unwrap_or_default())
    }
}

/// Version of [`Plan`] as JSON.
pub const FORMAT: u32 = 1;

/// Plans `silver update`.
pub fn plan(wanted: &Wanted, seen: Seen<'_>, flags: &Flags) -> Result<Decision, Refusal> {
    deploy::plan(wanted, seen, flags)
}
