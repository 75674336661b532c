//! The commands that the plugins of a pack offer.

use super::arguments;
use crate::{
    error::{CommandError, Result},
    exit::Exit,
    findings,
    ui::Ui,
};
use serde::Serialize;
use silver_extensions::{Extensions, Grants, Plugin};
use silver_pack::{
    document::nearest,
    manifest::{PluginDef, World},
    pack::Pack,
};
use silver_plugin_api::{
    Digest,
    commands::{CommandSpec, Commands},
};

/// One command, with its plugin.
pub struct Offer {
    pub spec: CommandSpec,
    pub def: PluginDef,
    pub plugin: Plugin,
    pub wasm: Vec<u8>,
    pub digest: Digest,
}

/// All commands of the pack, in the order of its plugins. Nothing is granted for asking.
pub fn all(pack: &Pack, extensions: &Extensions) -> Result<Vec<Offer>> {
    let info = &pack.manifest().pack;
    let mut offers: Vec<Offer> = Vec::new();
    for def in pack.manifest().plugin.iter().filter(|def| def.world == World::CommandPlugin) {
        let (wasm, digest) = pack.tree().content(&def.file)?;
        let plugin = Plugin::new(format!("{} of {} {}", def.file, info.name, info.version)).checked(digest);
        if def.sha256.is_some_and(|stated| stated != digest) {
            let message = format!("plugin `{}` is not the one that pack.toml states: its digest is {digest}", plugin.name);
            return Err(CommandError::new(Exit::Integrity, message).hint("get the pack from its publisher again"));
        }
        let specs = extensions.commands(&plugin, &wasm, Grants::default())?.list().map_err(findings::failed)?;
        for spec in specs {
            if let Some(other) = offers.iter().find(|offer| offer.spec.name == spec.name) {
                let message = format!("`{}` is offered by `{}` and by `{}`", spec.name, other.def.file, def.file);
                return Err(CommandError::new(Exit::Error, message).hint("tell the publisher of the pack"));
            }
            offers.push(Offer { spec, def: def.clone(), plugin: plugin.clone(), wasm: wasm.clone(), digest });
        }
    }
    Ok(offers)
}

/// The command of this name.
pub fn find<'a>(offers: &'a [Offer], name: &str) -> Result<&'a Offer> {
    if let Some(offer) = offers.iter().find(|offer| offer.spec.name == name) {
        return Ok(offer);
    }
    let names = offers.iter().map(|offer| offer.spec.name.as_str());
    let hint = match nearest(name, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => hint(offers),
    };
    Err(CommandError::usage(format!("this pack has no command `{name}`")).hint(hint))
}

/// What there is.
pub fn hint(offers: &[Offer]) -> String {
    if offers.is_empty() {
        return "this pack offers no commands".to_owned();
    }
    let names: Vec<&str> = offers.iter().map(|offer| offer.spec.name.as_str()).collect();
    format!("this pack offers: {}", names.join(", "))
}

#[derive(Serialize)]
struct Row {
    command: String,
    usage: String,
    summary: String,
    plugin: String,
    needs: Vec<String>,
}

/// The list of commands.
pub fn show(ui: &Ui, offers: &[Offer]) -> Result {
    let row = |offer: &Offer| Row {
        command: offer.spec.name.clone(),
        usage: arguments::usage(&offer.spec),
        summary: offer.spec.summary.clone(),
        plugin: offer.def.file.to_string(),
        needs: offer.def.needs.iter().map(ToString::to_string).collect(),
    };
    let rows: Vec<Row> = offers.iter().map(row).collect();
    if ui.json() {
        ui.report_json(&rows)?;
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        ui.note("this pack offers no commands");
    }
    let width = rows.iter().map(|row| row.usage.chars().count()).max().unwrap_or(0);
    for row in &rows {
        ui.line(&format!("{:width$}  {}", row.usage, row.summary));
    }
    Ok(Exit::Done)
}
