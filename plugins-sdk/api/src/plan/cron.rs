//! Periodic commands.

mod schedule;

pub use schedule::{Schedule, ScheduleError};

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// A fact of nodes that can run periodic commands; what runs them there.
pub const TIMERS: &str = "timers";

/// A periodic command of a release. It never runs twice at once: when it is due while it still runs, that time
/// is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cron {
    /// Unique among the release's.
    pub name: String,
    /// When it is due.
    pub schedule: Schedule,
    /// Program and arguments; `${NAME}` is replaced from the application's environment, nothing else.
    pub argv: Vec<String>,
    /// On which nodes of a group. A node runs what is in its release: whoever plans for a group leaves out
    /// what is for another node.
    pub on: CronOn,
    /// Then it is killed and counts as failed.
    pub timeout_ms: u64,
}

/// On which nodes of a group a periodic command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CronOn {
    /// On one of them.
    #[default]
    One,
    /// On each.
    All,
}
