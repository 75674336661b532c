//! Backup and restore. A draft, as `silver:node` is.

use crate::{
    Settings,
    failure::Failure,
    plan::{NodeFacts, Recipe},
    service::AppInfo,
};

/// Says what a checkpoint or backup consists of. The bytes flow on the node and never through a
/// plugin.
pub trait Backup {
    /// What to copy.
    fn plan_backup(&self, app: &AppInfo, node: &NodeFacts, settings: &Settings) -> Result<Recipe, Failure>;
    /// What to put back, from the notes stored beside a copy.
    fn plan_restore(&self, app: &AppInfo, node: &NodeFacts, notes: &Settings) -> Result<Recipe, Failure>;
}
