//! Node setup: from bare machine to ready. A draft, as `silver:node` is.

use crate::{Settings, diagnostic::Diagnostic, failure::Failure, plan::NodeFacts, setup::Plan};
use alloc::vec::Vec;

/// Says what shall be so on a node.
pub trait NodeSetup {
    /// Findings about the node.
    fn check(&self, node: &NodeFacts, settings: &Settings) -> Vec<Diagnostic>;
    /// What shall be so; the digest of the plan is the setup version.
    fn make_plan(&self, node: &NodeFacts, settings: &Settings) -> Result<Plan, Failure>;
}
