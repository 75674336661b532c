//! `uninstall-plugin NAME…`: its wheel goes, and the wheels of what only it needed.

use crate::{INDEX, install::remove_replaced, plugins, values, wanted};
use silver_plugin::{
    Failure,
    commands::{Invocation, Outcome, Reach, Workspace},
    customizer::AppPlugin,
    index::Requirement,
};
use std::collections::{BTreeMap, BTreeSet};
use trac_wheel::normalized;

pub(crate) fn run(what: &Invocation, workspace: &mut dyn Workspace, reach: &dyn Reach) -> Result<Outcome, Failure> {
    let locked = plugins::locked(what)?;
    let mut rest = locked.clone();
    for text in values(what, "plugin") {
        let name = normalized(&wanted::parse(text)?.name);
        match rest.get(&name) {
            Some(plugin) if plugin.requested => drop(rest.remove(&name)),
            Some(plugin) => {
                let message = format!("{} came with another plugin that needs it", plugin.name);
                return Err(Failure::invalid("needed", message, Some("uninstall the plugin that you installed: `list-plugins`")));
            }
            None => {
                let message = format!("the plugin `{text}` is not installed by `install-plugin`");
                return Err(Failure::invalid("not-installed", message, Some("`list-plugins` shows what is there")));
            }
        }
    }
    let rest = still_needed(rest, what, workspace, reach)?;
    let gone = locked.iter().filter(|(name, _)| !rest.contains_key(*name));
    let gone: Vec<String> = gone.map(|(_, plugin)| format!("{} {}", plugin.name, plugin.version)).collect();
    if what.dry_run {
        return Ok(Outcome { summary: format!("would remove {}", gone.join(", ")), ..Outcome::default() });
    }
    remove_replaced(&locked, &rest, workspace)?;
    plugins::outcome(format!("removed {}; its data stays. `silver update` deploys the change", gone.join(", ")), &rest)
}

/// What is left without those that nothing needs any more. The index is asked only when something
/// is there because of something else.
fn still_needed(
    mut rest: BTreeMap<String, AppPlugin>,
    what: &Invocation,
    workspace: &dyn Workspace,
    reach: &dyn Reach,
) -> Result<BTreeMap<String, AppPlugin>, Failure> {
    if rest.values().any(|plugin| plugin.requested) && rest.values().any(|plugin| !plugin.requested) {
        let constraints: Vec<Requirement> = plugins::pins(&*workspace.app())?.into_values().collect();
        let closure = reach.index(INDEX)?.resolve_all(&plugins::kept(&rest), &constraints, &what.target)?;
        let needed: BTreeSet<String> = closure.iter().map(|package| normalized(&package.name)).collect();
        rest.retain(|name, plugin| plugin.requested || needed.contains(name));
    } else {
        rest.retain(|_, plugin| plugin.requested);
    }
    Ok(rest)
}
