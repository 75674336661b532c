//! Plugins of nodes.toml that set nodes up: each is the component that its digest says, and its plan holds nothing but
//! what was allowed.

use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    extensions, findings,
    nodes::NodesFile,
};
use silver_core::nodes::NodePlugin;
use silver_extensions::{Plugin, WasmNodeSetup};
use silver_pack::{hash, manifest::Name};
use silver_plugin_api::{Diagnostic, Failure, Severity, node_setup::NodeSetup, plan::NodeFacts, setup::Plan};
use std::{fs, path::Path};

/// All of them.
pub(super) struct Plugins(Vec<(Name, NodePlugin, WasmNodeSetup)>);

impl Plugins {
    /// Those of this file.
    pub(super) fn load(context: &Context, file: &NodesFile) -> Result<Self> {
        if file.nodes.plugins.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let host = extensions::open(context)?;
        let dir = file.path.parent().unwrap_or(Path::new("."));
        let load = |(name, plugin): (&Name, &NodePlugin)| {
            let wasm = component(name, plugin, dir)?;
            let loaded = host.node_setup(&Plugin::new(&**name), name, &wasm, plugin.allow.clone())?;
            Ok((name.clone(), plugin.clone(), loaded))
        };
        file.nodes.plugins.iter().map(load).collect::<Result<_>>().map(Self)
    }

    /// What they want of a node with these facts, and what they find.
    pub(super) fn plan(&self, facts: &NodeFacts) -> Result<(Plan, Vec<Diagnostic>)> {
        let (mut plan, mut found) = (Plan::default(), Vec::new());
        for (name, plugin, loaded) in &self.0 {
            demand_grants(name, plugin, loaded, facts)?;
            let findings = loaded.check(facts, &plugin.settings);
            if findings.iter().any(|finding| finding.severity == Severity::Error) {
                return Err(findings::failed(Failure::Invalid(findings)));
            }
            found.extend(findings);
            plan = plan.join(loaded.make_plan(facts, &plugin.settings).map_err(findings::failed)?);
        }
        Ok((plan, found))
    }
}

/// The component, if it is the one that was looked at.
fn component(name: &str, plugin: &NodePlugin, dir: &Path) -> Result<Vec<u8>> {
    let path = dir.join(&plugin.file);
    let read = fs::read(&path);
    let wasm = read.map_err(|error| CommandError::usage(format!("plugin `{name}`: cannot read {}: {error}", path.display())))?;
    let digest = hash::sha256(&wasm);
    let write = format!("write `digest = \"{digest}\"` into [plugins.{name}] of nodes.toml");
    match plugin.digest {
        Some(known) if known == digest => Ok(wasm),
        Some(known) => {
            let (is, was) = (digest.short(), known.short());
            let message = format!("plugin `{name}` is not the one that nodes.toml names: {} has {is}, not {was}", path.display());
            Err(CommandError::new(Exit::Integrity, message).hint(format!("if it shall be this one, {write}")))
        }
        None => {
            let message = format!("nodes.toml does not say which component plugin `{name}` is");
            Err(CommandError::usage(message).hint(format!("what it plans is carried out as root. If you trust it, {write}")))
        }
    }
}

fn demand_grants(name: &str, plugin: &NodePlugin, loaded: &WasmNodeSetup, facts: &NodeFacts) -> Result<()> {
    let lacks = loaded.lacks(facts, &plugin.settings).map_err(findings::failed)?;
    if lacks.is_empty() {
        return Ok(());
    }
    let all: Vec<String> =
        plugin.allow.iter().map(ToString::to_string).chain(lacks.iter().cloned()).map(|grant| format!("\"{grant}\"")).collect();
    let error = CommandError::new(Exit::Error, format!("plugin `{name}` wants {}, which it was not allowed", lacks.join(", ")));
    Err(error.hint(format!("if it shall, write into [plugins.{name}] of nodes.toml: allow = [{}]", all.join(", "))))
}
