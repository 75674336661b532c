//! Commands behind the sandbox.

use crate::{extensions::Loaded, inspect::Inspection, usage::Usage};
use silver_plugin_api::{
    Failure,
    commands::{CommandSpec, Commands, Invocation, Outcome, Reach, Workspace},
};
use std::sync::Arc;

/// WASM commands; every call gets a fresh store.
pub struct WasmCommands {
    pub(crate) adapter: Box<dyn Commands + Send + Sync>,
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) inspection: Inspection,
}

impl WasmCommands {
    /// What the component is; grants are kept by its digest.
    pub fn inspection(&self) -> &Inspection {
        &self.inspection
    }

    /// What the last call of each exported function used, also when it failed.
    pub fn usage(&self) -> Vec<Usage> {
        self.loaded.usage()
    }
}

impl Commands for WasmCommands {
    fn list(&self) -> Result<Vec<CommandSpec>, Failure> {
        self.adapter.list()
    }

    fn run(&self, what: &Invocation, workspace: &mut dyn Workspace, reach: &dyn Reach) -> Result<Outcome, Failure> {
        let mut outcome = self.adapter.run(what, workspace, reach)?;
        outcome.diagnostics.extend(self.loaded.near_limits("run-command"));
        Ok(outcome)
    }
}
