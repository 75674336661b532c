//! Runtimes: how an application's code is executed.

use crate::{
    failure::Failure,
    plan::{EnvironmentSpec, Listen, NodeFacts},
    tree::Tree,
};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// A process as the manifest gives it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Program {
    /// `module:attribute` of a WSGI or ASGI application.
    pub callable: Option<String>,
    /// Or program and arguments.
    pub command: Vec<String>,
    /// `socket` or `port`, when the manifest says so.
    pub listen: Option<Listen>,
}

/// What a runtime needs to know of an application.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RuntimeNeeds {
    /// `[runtime] version`, e.g. `>=3.9`; empty for any.
    pub version: String,
    /// Directory of the tree with the pack's wheels; empty when there is none.
    pub wheels: Vec<String>,
    /// Room to grow.
    pub extra: crate::Settings,
}

/// How an application's code is executed. Pure: it says what is to be run, the agent runs it.
pub trait Runtime {
    /// `static`, `python`, `command`, …
    fn kind(&self) -> &'static str;
    /// Can this node run it? The error names what is missing and the way out.
    fn check(&self, needs: &RuntimeNeeds, node: &NodeFacts) -> Result<(), Failure>;
    /// The environment that is shared by releases, if the runtime has one. Its id is a digest of
    /// all inputs, computed with `digest` (the crate itself does not hash).
    fn environment(
        &self,
        needs: &RuntimeNeeds,
        tree: &dyn Tree,
        node: &NodeFacts,
        digest: &dyn Fn(&[u8]) -> crate::Digest,
    ) -> Result<Option<EnvironmentSpec>, Failure>;
    /// Environment that the runtime wants for every process and hook; the pack's and the operator's
    /// own values win.
    fn env(&self) -> Vec<(String, String)> {
        Vec::new()
    }
    /// Program, arguments and the way to reach it; `None` when the front serves the app by itself.
    fn process(&self, program: &Program, tree: &dyn Tree) -> Result<Option<(Vec<String>, Listen)>, Failure>;
}
