//! A customizer behind the sandbox.

use crate::{extensions::Loaded, inspect::Inspection, usage::Usage};
use silver_plugin_api::{
    Diagnostic, Failure, Overlay, Tree,
    customizer::{Claim, Customizer, Options},
};
use std::sync::Arc;

/// A WASM customizer; every call gets a fresh store.
pub struct WasmCustomizer {
    pub(crate) adapter: Box<dyn Customizer + Send + Sync>,
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) inspection: Inspection,
}

impl WasmCustomizer {
    /// What the component is; its digest belongs into the key of a cached merge.
    pub fn inspection(&self) -> &Inspection {
        &self.inspection
    }

    /// What the last call of each exported function used, also when it failed.
    pub fn usage(&self) -> Vec<Usage> {
        self.loaded.usage()
    }
}

impl Customizer for WasmCustomizer {
    fn claims(&self, options: &Options) -> Result<Vec<Claim>, Failure> {
        self.adapter.claims(options)
    }

    fn check(&self, app: &dyn Tree, customization: &dyn Tree, options: &Options) -> Result<Vec<Diagnostic>, Failure> {
        self.adapter.check(app, customization, options)
    }

    fn merge(
        &self,
        app: &dyn Tree,
        customization: &dyn Tree,
        into: &mut dyn Overlay,
        options: &Options,
    ) -> Result<Vec<Diagnostic>, Failure> {
        let mut found = self.adapter.merge(app, customization, into, options)?;
        found.extend(self.loaded.near_limits("merge"));
        Ok(found)
    }
}
