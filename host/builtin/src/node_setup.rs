//! The built-in set-up of nodes: from a bare Debian or Ubuntu to a server that is ready for applications.
//!
//! What follows from a fact of the machine (a container has no clock of its own) names that fact; facts that
//! change by themselves are not looked at, so that the plan's digest, the setup version, changes only when something
//! shall be otherwise. Everything that is not a matter of course is one file below `node_setup/`.

mod agent;
mod caddy;
mod clock;
mod directories;
mod firewall;
mod journal;
mod machine;
mod operators;
mod runtimes;
mod settings;
mod swap;
mod upgrades;
mod write;

pub use settings::{LOGIN, OPERATORS};

use machine::Machine;
use settings::Wanted;
use silver_plugin_api::{
    Diagnostic, Failure, Settings, Severity,
    node_setup::NodeSetup,
    plan::NodeFacts,
    setup::{Item, Plan},
};

/// Silver's own set-up.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltinNodeSetup;

impl NodeSetup for BuiltinNodeSetup {
    fn check(&self, node: &NodeFacts, settings: &Settings) -> Vec<Diagnostic> {
        let mut found = Machine::of(node).check();
        if let Err(wrong) = Wanted::of(settings) {
            found.extend(wrong);
        }
        found
    }

    fn make_plan(&self, node: &NodeFacts, settings: &Settings) -> Result<Plan, Failure> {
        let wanted = Wanted::of(settings).map_err(Failure::Invalid)?;
        let machine = Machine::of(node);
        let errors: Vec<Diagnostic> = machine.check().into_iter().filter(|found| found.severity == Severity::Error).collect();
        if !errors.is_empty() {
            return Err(Failure::Invalid(errors));
        }
        let parts: [Vec<Item>; 10] = [
            directories::items(),
            caddy::items(&wanted),
            runtimes::items(&wanted),
            firewall::items(&machine, &wanted),
            upgrades::items(&machine),
            journal::items(&wanted),
            clock::items(&machine),
            swap::items(&machine, &wanted),
            operators::items(&machine, &wanted),
            agent::items(),
        ];
        let facts_used = machine::USED.map(str::to_owned).into();
        Ok(Plan { items: parts.into_iter().flatten().collect(), facts_used })
    }
}

#[cfg(test)]
mod tests;
