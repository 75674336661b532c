//! `static`: the front serves files of the release by itself.

use silver_plugin_api::{
    Digest, Failure, Tree,
    plan::{EnvironmentSpec, Listen, NodeFacts},
    runtime::{Program, Runtime, RuntimeNeeds},
};

/// Files, and nothing that runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct StaticFiles;

impl Runtime for StaticFiles {
    fn kind(&self) -> &'static str {
        "static"
    }

    fn check(&self, _: &RuntimeNeeds, _: &NodeFacts) -> Result<(), Failure> {
        Ok(())
    }

    fn environment(
        &self,
        _: &RuntimeNeeds,
        _: &dyn Tree,
        _: &NodeFacts,
        _: &dyn Fn(&[u8]) -> Digest,
    ) -> Result<Option<EnvironmentSpec>, Failure> {
        Ok(None)
    }

    fn process(&self, _: &Program, _: &dyn Tree) -> Result<Option<(Vec<String>, Listen)>, Failure> {
        Ok(None)
    }
}
