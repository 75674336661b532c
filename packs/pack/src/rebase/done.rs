//! What becomes of a file.

use super::Side;
use silver_plugin_api::TreePath;

/// What is done with one file, or one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Nothing is to be done.
    Nothing,
    /// The lock knows now what it was made from.
    Recorded,
    /// Nothing says what it was made from.
    Unknown,
    /// Both sides' changes are in it.
    Merged,
    /// Both changed the same; the conflicts stand between markers in these lines.
    Marked(Vec<usize>),
    /// The chosen side counts where both changed the same.
    Chosen(Side),
    /// The operator's file goes: the pack's stands, or nothing.
    Removed,
    /// It replaces the pack's file at its new path.
    Moved(TreePath),
    /// The operator has to choose a side, or give the base; why.
    Open(Why),
}

/// Why a file is not brought up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is no text, or too long to be merged.
    Opaque,
    /// The pack has nothing to merge with.
    Gone,
    /// The bytes that it was made from are nowhere to be found.
    NoBase,
    /// Its conflict markers are not in order.
    Markers,
    /// It comes from a base, and is settled there for all sites.
    InBase,
}

impl Done {
    /// Its word in reports.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Recorded => "recorded",
            Self::Unknown => "unknown",
            Self::Merged => "merged",
            Self::Marked(_) => "marked",
            Self::Chosen(Side::Ours) => "ours",
            Self::Chosen(Side::Theirs) => "theirs",
            Self::Removed => "removed",
            Self::Moved(_) => "moved",
            Self::Open(_) => "open",
        }
    }

    /// Is there something left for the operator to settle?
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Marked(_) | Self::Open(_))
    }
}
