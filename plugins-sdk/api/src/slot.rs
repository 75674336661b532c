//! Slots: the places in an application that a customization may fill.

use alloc::string::String;
use serde::{Deserialize, Serialize};

/// How a slot's files meet the pack's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlotMode {
    /// A new file; one that the pack has is an error.
    Add,
    /// Stands in place of the pack's file (see [`Slot::must_exist`]).
    Override,
    /// Keys are set in the pack's ini file.
    MergeIni,
    /// Keys are set in the pack's TOML file, tables are merged.
    MergeToml,
    /// Keys are set in the pack's JSON file, objects are merged.
    MergeJson,
    /// Appended to the pack's text file.
    Append,
}

/// What kind of thing a slot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlotNature {
    /// Small, kept for ever.
    #[default]
    Code,
    /// Big: the digest is recorded for ever, the bytes are kept for the last editions.
    Content,
}

/// A resolved slot, as the overlay customizer gets it: `into` is a path of the release tree
/// (`instance:` already replaced by the layout's root).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Slot {
    /// Unique in the pack.
    pub name: String,
    /// Glob over the customization directory, e.g. `templates/**`. What the glob's fixed leading
    /// directories match is cut off before the rest is put below `into`.
    pub from: String,
    /// Directory (or, for a glob without wildcards, file) of the release tree.
    pub into: String,
    /// How files meet.
    pub mode: SlotMode,
    /// For `override`: must the pack have the file? (default: it must)
    pub must_exist: bool,
    /// Code or content.
    #[serde(default)]
    pub nature: SlotNature,
    /// Shown by `inspect` and in hints.
    #[serde(default)]
    pub summary: String,
}
