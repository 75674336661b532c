//! A node's set-up behind the sandbox.

use crate::{extensions::Loaded, inspect::Inspection, usage::Usage};
use silver_plugin_api::{
    Diagnostic, Failure, Settings,
    node_setup::NodeSetup,
    plan::NodeFacts,
    setup::{Grant, Plan},
};
use std::sync::Arc;

/// A WASM plugin that sets nodes up; every call gets a fresh store. Its plan holds nothing but what it was
/// granted: what it asks for beyond is denied as a whole, and named.
pub struct WasmNodeSetup {
    pub(crate) adapter: Box<dyn NodeSetup + Send + Sync>,
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) inspection: Inspection,
    /// What the ids of its items begin with.
    pub(crate) name: String,
    pub(crate) grants: Vec<Grant>,
}

impl WasmNodeSetup {
    /// What the component is.
    pub fn inspection(&self) -> &Inspection {
        &self.inspection
    }

    /// What the last call of each exported function used, also when it failed.
    pub fn usage(&self) -> Vec<Usage> {
        self.loaded.usage()
    }

    /// What its plan for this node needs and is not granted.
    pub fn lacks(&self, node: &NodeFacts, settings: &Settings) -> Result<Vec<String>, Failure> {
        Ok(self.lacking(&self.adapter.make_plan(node, settings)?))
    }

    fn lacking(&self, plan: &Plan) -> Vec<String> {
        plan.ungranted(&self.grants).iter().map(ToString::to_string).collect()
    }
}

impl NodeSetup for WasmNodeSetup {
    fn check(&self, node: &NodeFacts, settings: &Settings) -> Vec<Diagnostic> {
        self.adapter.check(node, settings)
    }

    fn make_plan(&self, node: &NodeFacts, settings: &Settings) -> Result<Plan, Failure> {
        let plan = self.adapter.make_plan(node, settings)?;
        plan.check().map_err(|flaws| self.loaded.blame(Failure::Internal(flaws[0].to_string())))?;
        let lacking = self.lacking(&plan);
        if !lacking.is_empty() {
            let plugin = &self.loaded.plugin.name;
            return Err(Failure::Denied(format!("plugin `{plugin}` wants {}, which it was not granted", lacking.join(", "))));
        }
        plan.named(&self.name).map_err(|foreign| self.loaded.blame(Failure::Internal(foreign.to_string())))
    }
}
