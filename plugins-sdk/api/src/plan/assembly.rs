//! Build steps between merge and release.

use crate::path::TreePath;
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// A build step after the merge, run in a sandbox while the release is staged. What it makes
/// becomes part of the release's tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Assembly {
    /// Program and arguments; `${NAME}` is replaced from the step's environment, nothing else.
    pub command: Vec<String>,
    /// Globs of the tree's files that the step sees.
    pub inputs: Vec<String>,
    /// Directory of the tree that it makes.
    pub outputs: TreePath,
    /// Then it is killed and counts as failed.
    pub timeout_ms: u64,
}
