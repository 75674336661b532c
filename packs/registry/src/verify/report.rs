//! What was found.

use crate::log::TreeHead;

/// In what way something is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// Its bytes are not those that were recorded.
    Altered,
    /// It was recorded and is not there.
    Missing,
    /// It is there and silver did not put it there.
    Extra,
    /// The log is not a continuation of the older tree head.
    Rewritten,
}

impl Finding {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Altered => "altered",
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Rewritten => "rewritten",
        }
    }
}

/// Something that is not as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path below the registry.
    pub path: String,
    /// In what way.
    pub finding: Finding,
    /// More about it.
    pub detail: String,
}

/// The result of verifying.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What is wrong, by path. Empty: the registry is as it was recorded.
    pub problems: Vec<Problem>,
    /// Paths and words: sound files that count for nothing, such as a crash leaves.
    pub leftovers: Vec<(String, String)>,
    /// The tree head, if it is the key's.
    pub head: Option<TreeHead>,
    /// Events in the log.
    pub events: u64,
    /// Trees that were checked.
    pub trees: u64,
    /// Contents and packs that were checked.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Report {
    /// Is everything as it was recorded?
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn problem(&mut self, finding: Finding, path: impl Into<String>, detail: impl Into<String>) {
        self.problems.push(Problem { path: path.into(), finding, detail: detail.into() });
    }

    pub(super) fn leftover(&mut self, path: impl Into<String>, detail: impl Into<String>) {
        self.leftovers.push((path.into(), detail.into()));
    }

    pub(super) fn sort(&mut self) {
        self.problems.sort_by(|a, b| (&a.path, a.finding).cmp(&(&b.path, b.finding)));
        self.leftovers.sort();
    }
}
