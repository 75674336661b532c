//! What shall be so on a node: the vocabulary of set-up plans, in which node-setup plugins and services
//! say what they need. A draft, as `silver:node` is.
//!
//! A [`Plan`] is data. It can be checked ([`Plan::check`]), ordered ([`Plan::edges`]), compared with what
//! is there ([`standing`]) and hashed ([`Plan::version`]); the agent brings it about. Who makes one
//! touches no node.

mod canonical;
mod check;
mod content;
mod cut_off;
mod found;
mod grant;
mod join;
mod order;
mod report;
mod resource;
mod standing;

#[cfg(test)]
mod tests;

pub use check::{Flaw, MAX_CONTENT, MAX_ITEMS};
pub use content::Content;
pub use cut_off::is_way_in;
pub use found::{Found, FoundItem, Loaded, PathKind, PathState, UnitState, UserState};
pub use grant::{Grant, GrantError, Need};
pub use join::Foreign;
pub use order::Cycle;
pub use report::{Applied, Fate, ItemResult, LastSetup, Pending, SetupOrder, SetupState};
pub use resource::{
    Command, Directory, File, Firewall, Group, IniKeys, Link, Package, Presence, Protocol, Repository, Resource, Sysctl, Unit,
    User,
};
pub use standing::{Difference, Standing, standing};

use crate::digest::Digest;
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// The fact that says which setup version a node was set up with: 64 hex digits.
pub const SETUP_VERSION: &str = "setup.version";
/// The fact that says whether that set-up was brought to its end: `true` or `false`.
pub const SETUP_COMPLETE: &str = "setup.complete";

/// Computes SHA-256; given by the host, since this crate computes no digests (`silver_pack::hash::sha256`).
pub type Sha256 = fn(&[u8]) -> Digest;

/// Everything that shall be so on a node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// In any order.
    pub items: Vec<Item>,
    /// Names of the facts that were looked at: the plan holds until one of them changes.
    #[serde(default)]
    pub facts_used: Vec<String>,
}

/// A resource in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Item {
    /// Unique in the plan, stable over versions: the key of a diff.
    pub id: String,
    /// What.
    pub resource: Resource,
    /// Ids that have to be in place first. What follows from the resources themselves need not be said:
    /// a file comes after its directory, its owner and its group, a user after their groups.
    #[serde(default)]
    pub after: Vec<String>,
    /// Who is poked when this one changed, and how. They come after this one.
    #[serde(default)]
    pub notify: Vec<Notify>,
    /// Shown to the operator.
    pub why: String,
    /// Can it cut the operator off, though [`Resource::can_cut_off`] does not see it?
    #[serde(default)]
    pub guard: bool,
}

/// Who is poked by a change, and how.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Notify {
    /// Its id.
    pub item: String,
    /// How.
    pub how: OnChange,
}

/// What a change elsewhere means for an item; of several the strongest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnChange {
    /// A command is run again.
    Rerun,
    /// A unit is told to read its configuration again; one that cannot is restarted.
    Reload,
    /// A unit is restarted.
    Restart,
}

impl Plan {
    /// The setup version: the digest of the canonical form. What is only said (`why`), which facts
    /// were looked at and the order of items are not in it.
    pub fn version(&self, sha256: Sha256) -> Digest {
        sha256(self.canonical(sha256).as_bytes())
    }

    /// The item with this id.
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }
}

impl Item {
    /// An item that says only what and why.
    pub fn new(id: impl Into<String>, resource: Resource, why: impl Into<String>) -> Self {
        Self { id: id.into(), resource, after: Vec::new(), notify: Vec::new(), why: why.into(), guard: false }
    }

    /// The same, after these.
    #[must_use]
    pub fn after<I: Into<String>>(mut self, ids: impl IntoIterator<Item = I>) -> Self {
        self.after.extend(ids.into_iter().map(Into::into));
        self
    }

    /// The same; when it changes, `id` is poked.
    #[must_use]
    pub fn notify(mut self, id: impl Into<String>, how: OnChange) -> Self {
        self.notify.push(Notify { item: id.into(), how });
        self
    }
}

impl OnChange {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rerun => "rerun",
            Self::Reload => "reload",
            Self::Restart => "restart",
        }
    }
}
