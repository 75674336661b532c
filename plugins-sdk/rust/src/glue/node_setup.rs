//! The exports of the world `node-plugin`.

use super::{
    convert::{diagnostics, failure},
    plans,
};
use crate::{
    bindings::{customizer::silver::plugin::types, node::exports::silver::node::node_setup as wit},
    log::install_panic_hook,
};
use silver_plugin_api::{node_setup::NodeSetup, plan::NodeFacts};

pub fn check(plugin: &impl NodeSetup, node: wit::NodeFacts, settings: Vec<(String, String)>) -> Vec<types::Diagnostic> {
    install_panic_hook();
    diagnostics(plugin.check(&heard(node), &settings.into_iter().collect()))
}

pub fn make_plan(
    plugin: &impl NodeSetup,
    node: wit::NodeFacts,
    settings: Vec<(String, String)>,
) -> Result<wit::Plan, types::Failure> {
    install_panic_hook();
    plugin.make_plan(&heard(node), &settings.into_iter().collect()).map(plans::plan).map_err(failure)
}

/// What of the facts a plugin is told.
fn heard(node: wit::NodeFacts) -> NodeFacts {
    NodeFacts {
        name: node.name,
        os: node.os,
        arch: node.arch,
        cpus: node.cpus,
        memory_mib: node.memory_mib,
        extra: node.extra.into_iter().collect(),
        ..NodeFacts::default()
    }
}
