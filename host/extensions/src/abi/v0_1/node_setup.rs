//! A node's set-up: the draft `silver:node`, whose values and log are those of version 0.1.

use super::{
    V01,
    bindings::node::{
        NodePlugin, NodePluginPre,
        exports::silver::node::node_setup as wit,
        silver::node::{facts, plans as vocabulary},
    },
    convert::{answered, diagnostics, pairs},
    plans,
};
use crate::{extensions::Loaded, host::State, limits::Limit};
use silver_plugin_api::{Diagnostic, Failure, Settings, node_setup::NodeSetup, plan::NodeFacts, setup::Plan};
use std::sync::Arc;
use wasmtime::{Store, component::HasSelf};

/// Facts that change by themselves: a plan that depended on them would be outdated for no reason.
const VOLATILE: [&str; 1] = ["packages"];

// they hold types only
impl facts::Host for State {}
impl vocabulary::Host for State {}

impl V01<NodePluginPre<State>> {
    /// Joins the component with its imports.
    pub(crate) fn node_setup(loaded: Arc<Loaded>) -> wasmtime::Result<Self> {
        let mut linker = loaded.linker()?;
        NodePlugin::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        let pre = NodePluginPre::new(loaded.prepare(&linker)?)?;
        Ok(Self { loaded, pre })
    }

    fn run<R>(
        &self,
        call: &'static str,
        run: impl FnOnce(&mut Store<State>, &NodePlugin) -> wasmtime::Result<Result<R, wit::Failure>>,
    ) -> Result<R, Failure> {
        let answer = self.loaded.run(call, |store| {
            let instance = self.pre.instantiate(&mut *store)?;
            run(store, &instance)
        })?;
        answer.map_err(|failure| self.loaded.blame(answered(failure)))
    }
}

impl NodeSetup for V01<NodePluginPre<State>> {
    /// A plugin that fails here is one more finding, since findings are all that there is.
    fn check(&self, node: &NodeFacts, settings: &Settings) -> Vec<Diagnostic> {
        let found = self.run("check", |store, plugin| {
            let found = plugin.silver_node_node_setup().call_check(&mut *store, &told(node), &pairs(settings))?;
            bounded(store, found.len())?;
            Ok(Ok(diagnostics(found)))
        });
        found.unwrap_or_else(|failure| vec![Diagnostic::error("node-plugin-failed", failure.to_string())])
    }

    fn make_plan(&self, node: &NodeFacts, settings: &Settings) -> Result<Plan, Failure> {
        self.run("make-plan", |store, plugin| {
            let answer = plugin.silver_node_node_setup().call_make_plan(&mut *store, &told(node), &pairs(settings))?;
            let plan = match answer {
                Ok(plan) => plan,
                Err(failure) => return Ok(Err(failure)),
            };
            bounded(store, plan.items.len() + plan.facts_used.len())?;
            plans::plan(plan).map(Ok)
        })
    }
}

fn bounded(store: &Store<State>, items: usize) -> wasmtime::Result<()> {
    let state = store.data();
    if items > state.limits.items { Err(state.reached(Limit::Items)) } else { Ok(()) }
}

fn told(node: &NodeFacts) -> wit::NodeFacts {
    let extra = node.extra.iter().filter(|(key, _)| !VOLATILE.contains(&key.as_str()));
    wit::NodeFacts {
        name: node.name.clone(),
        os: node.os.clone(),
        arch: node.arch.clone(),
        cpus: node.cpus,
        memory_mib: node.memory_mib,
        extra: extra.map(|(key, value)| (key.clone(), value.clone())).collect(),
    }
}
