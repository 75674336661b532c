//! What a node tells of its set-up, and of what became of a plan.

use super::{FoundItem, OnChange, Plan};
use crate::digest::Digest;
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// What a node is asked to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SetupOrder {
    /// What shall be so.
    pub plan: Plan,
    /// Who asks, as claimed.
    pub operator: String,
    /// Why, in their words.
    pub reason: Option<String>,
}

/// The set-up of a node, and what is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SetupState {
    /// The last set-up; `None`: it never had one.
    pub last: Option<LastSetup>,
    /// What is there in the place of each item that was asked for.
    pub found: Vec<FoundItem>,
}

/// The last set-up of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LastSetup {
    /// Its version.
    pub version: Digest,
    /// Was every item brought in place?
    pub complete: bool,
    /// When it ended, RFC 3339; while it is under way or was cut short, when it began.
    pub at: String,
    /// What it says.
    pub plan: Plan,
    /// Who is still to be poked, because it was cut short.
    pub pending: Vec<Pending>,
}

/// A poke that is still due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pending {
    /// Who.
    pub item: String,
    /// How.
    pub how: OnChange,
}

/// What became of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Applied {
    /// Its version.
    pub version: Digest,
    /// What became of each item, in the plan's order.
    pub items: Vec<ItemResult>,
    /// Index of the event in the node's registry; `None`: nothing was changed.
    pub event: Option<u64>,
}

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ItemResult {
    /// Its id.
    pub id: String,
    /// What became of it.
    pub fate: Fate,
    /// How it was poked.
    #[serde(default)]
    pub poked: Option<OnChange>,
}

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It was as it shall be.
    InPlace,
    /// It was put right.
    Changed,
    /// It could not be put right.
    Failed {
        /// Why, outermost first.
        causes: Vec<String>,
        /// The way out, if the node knows one.
        hint: Option<String>,
        /// What a program said last: data, to be escaped.
        log: Vec<String>,
    },
    /// It was not tried, because this item, which comes before it, is not in place.
    Skipped {
        /// Its id.
        after: String,
    },
    /// It was put right and undone again: no fresh connection came in time, or another change of its round failed.
    Undone,
}

impl ItemResult {
    /// Is it as it shall be now?
    pub const fn is_in_place(&self) -> bool {
        matches!(self.fate, Fate::InPlace | Fate::Changed)
    }

    /// Was it touched, or poked?
    pub fn is_touched(&self) -> bool {
        !matches!(self.fate, Fate::InPlace | Fate::Skipped { .. }) || self.poked.is_some()
    }
}

impl Applied {
    /// Is everything in place now?
    pub fn is_complete(&self) -> bool {
        self.items.iter().all(ItemResult::is_in_place)
    }

    /// Was anything touched?
    pub fn has_changed(&self) -> bool {
        self.items.iter().any(ItemResult::is_touched)
    }
}
