//! What a call of a plugin used of its limits.

use crate::limits::{Limit, Limits};
use silver_plugin_api::Diagnostic;

/// What one call of a plugin used. All of it is the same on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The exported function: `merge`.
    pub call: &'static str,
    /// Units of fuel, about one per instruction.
    pub fuel: u64,
    /// Bytes of linear memory, at its most.
    pub memory: u64,
    /// Calls into the host.
    pub operations: u64,
    /// Bytes of content that it read.
    pub read: u64,
    /// Bytes of new content.
    pub written: u64,
}

impl Usage {
    /// A warning for each limit of which more than half was used: a bigger customization may reach it.
    pub(crate) fn warnings(&self, plugin: &str, limits: &Limits) -> Vec<Diagnostic> {
        let parts = [
            (Limit::Fuel, self.fuel, limits.fuel),
            (Limit::Memory, self.memory, limits.memory as u64),
            (Limit::Operations, self.operations, limits.operations),
            (Limit::Read, self.read, limits.read),
            (Limit::Written, self.written, limits.written),
        ];
        let near = parts.into_iter().filter(|&(_, used, most)| used > most / 2);
        let warning = |(limit, used, most): (Limit, u64, u64)| {
            let percent = u128::from(used) * 100 / u128::from(most.max(1));
            Diagnostic::warning("plugin-near-limit", format!("plugin `{plugin}` used {percent} % of its limit of {limit}"))
                .help("tell the author of the plugin; limits are the same everywhere")
        };
        near.map(warning).collect()
    }
}
