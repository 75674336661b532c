//! What a pack's plugins are and use: loaded, and tried on the pack without a customization. Nothing is granted to them.

use crate::{context::Context, error, extensions};
use serde::Serialize;
use silver_extensions::{ExtensionError, Extensions, Grants, Inspection, Plugin, Usage};
use silver_pack::{
    manifest::{PluginDef, World},
    merge,
    overlay::{Draft, OverlayLimits},
    pack::Pack,
    settings,
    snapshot::Snapshot,
};
use silver_plugin_api::{Failure, commands::Commands, customizer::Customizer};

/// One plugin, as it was found.
#[derive(Debug, Serialize)]
pub struct Tried {
    /// Its file in the pack.
    pub file: String,
    /// The version of the interface that it was built for.
    pub abi: String,
    /// Bytes.
    pub size: u64,
    /// What it imports.
    pub imports: Vec<String>,
    /// What its functions used.
    pub calls: Vec<Used>,
    /// Why it does not run, or what one of its functions ended with.
    pub failures: Vec<String>,
}

/// What a function used; the same on every machine.
#[derive(Debug, Serialize)]
pub struct Used {
    /// The function: `merge`.
    pub call: String,
    /// Units, about one per instruction.
    pub fuel: u64,
    /// Bytes.
    pub memory: u64,
    /// Calls into silver.
    pub operations: u64,
}

/// Tries all plugins of the pack.
pub fn all(context: &Context, pack: &Pack) -> error::Result<Vec<Tried>> {
    if pack.manifest().plugin.is_empty() {
        return Ok(Vec::new());
    }
    let host = extensions::open(context)?;
    let one = |def: &PluginDef| {
        let wasm = pack.tree().bytes(&def.file)?;
        let mut tried = Tried {
            file: def.file.to_string(),
            abi: String::new(),
            size: wasm.len() as u64,
            imports: Vec::new(),
            calls: Vec::new(),
            failures: Vec::new(),
        };
        let plugin = Plugin::new(def.file.as_str());
        let outcome = match def.world {
            World::CustomizerPlugin => customizer(&host, &plugin, &wasm, pack, &mut tried),
            World::CommandPlugin => commands(&host, &plugin, &wasm, &mut tried),
        };
        if let Err(error) = outcome {
            tried.failures.push(Failure::from(error).to_string());
        }
        Ok(tried)
    };
    pack.manifest().plugin.iter().map(one).collect()
}

fn customizer(host: &Extensions, plugin: &Plugin, wasm: &[u8], pack: &Pack, tried: &mut Tried) -> Result<(), ExtensionError> {
    let customizer = host.customizer(plugin, wasm)?;
    tried.is(customizer.inspection());
    let manifest = pack.manifest();
    // settings without a default are not there; a plugin that needs them says so
    let settings = settings::resolve(manifest, &std::collections::BTreeMap::new()).unwrap_or_default();
    let options = merge::options(manifest, None, manifest.pack.name.as_ref(), settings, "any");
    let (app, mine) = (pack.tree(), Snapshot::empty());
    let mut draft = Draft::new(app);
    draft.enter(&plugin.name, OverlayLimits::default());
    tried.ended(customizer.claims(&options).map(drop));
    tried.ended(customizer.check(app, &mine, &options).map(drop));
    tried.ended(customizer.merge(app, &mine, &mut draft, &options).map(drop));
    tried.used(&customizer.usage());
    Ok(())
}

fn commands(host: &Extensions, plugin: &Plugin, wasm: &[u8], tried: &mut Tried) -> Result<(), ExtensionError> {
    let commands = host.commands(plugin, wasm, Grants::default())?;
    tried.is(commands.inspection());
    tried.ended(commands.list().map(drop));
    tried.used(&commands.usage());
    Ok(())
}

impl Tried {
    fn is(&mut self, inspection: &Inspection) {
        self.abi.clone_from(&inspection.abi);
        self.imports.clone_from(&inspection.imports);
    }

    fn ended(&mut self, outcome: Result<(), Failure>) {
        self.failures.extend(outcome.err().map(|failure| failure.to_string()));
    }

    fn used(&mut self, usage: &[Usage]) {
        let call =
            |used: &Usage| Used { call: used.call.to_owned(), fuel: used.fuel, memory: used.memory, operations: used.operations };
        self.calls = usage.iter().map(call).collect();
    }

    /// The lines of the report, for people.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.abi.is_empty() {
            lines.push(format!("  built for silver ABI {}, {} kB", self.abi, self.size.div_ceil(1000)));
            lines.push(format!("  imports {}", self.imports.join(", ")));
        }
        for call in &self.calls {
            let memory = call.memory >> 10;
            lines.push(format!(
                "  {} without a customization: {} units of fuel, {memory} KiB of memory, {} calls into silver",
                call.call, call.fuel, call.operations
            ));
        }
        lines.extend(self.failures.iter().map(|failure| format!("  fails: {failure}")));
        lines
    }
}
