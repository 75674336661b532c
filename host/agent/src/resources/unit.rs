//! Units of systemd.

use super::{
    ResourceError,
    machine::{Machine, Step},
    paths::{self, roots},
};
use silver_pack::hash;
use silver_plugin_api::setup::{Found, OnChange, Unit, UnitState};
use std::collections::BTreeMap;

const PROPERTIES: &str =
    "--property=Id,LoadState,UnitFileState,ActiveState,Type,Result,ExecMainStartTimestampMonotonic,NeedDaemonReload";
/// So many lines of the journal say why a unit did not start.
const LINES: &str = "--lines=20";

/// What systemd says of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    state: UnitState,
    needs_reload: bool,
}

/// What systemd says of these units, by one question.
pub(crate) async fn show(machine: &Machine, names: &[&str]) -> Result<BTreeMap<String, Shown>, ResourceError> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut argv = vec!["systemctl", "show", PROPERTIES, "--"];
    argv.extend(names);
    let text = machine.text(&argv).await?;
    // one block for each name, in their order; `Id` is another name where one is an alias
    Ok(names.iter().map(|name| (*name).to_owned()).zip(text.split("\n\n").map(shown)).collect())
}

fn shown(block: &str) -> Shown {
    let lines: BTreeMap<&str, &str> = block.lines().filter_map(|line| line.split_once('=')).collect();
    let is = |name: &str| lines.get(name).copied().unwrap_or_default();
    let started = is("ExecMainStartTimestampMonotonic").parse::<u64>().is_ok_and(|at| at > 0);
    Shown {
        state: UnitState {
            load: is("LoadState").to_owned(),
            enabled: is("UnitFileState").to_owned(),
            active: is("ActiveState").to_owned(),
            ran: is("Type") == "oneshot" && is("Result") == "success" && is("ActiveState") == "inactive" && started,
            content: None,
        },
        needs_reload: is("NeedDaemonReload") == "yes",
    }
}

pub(crate) fn observe(machine: &Machine, shown: &BTreeMap<String, Shown>, unit: &Unit) -> Result<Found, ResourceError> {
    let Some(shown) = shown.get(&unit.name) else {
        return Ok(Found::Unknown("systemd says nothing about it".into()));
    };
    let content = paths::text(machine, &unit.path())?.map(|text| hash::sha256(text.as_bytes()));
    Ok(Found::Unit(UnitState { content, ..shown.state.clone() }))
}

/// Puts it right; true when it was started or restarted.
pub(crate) async fn apply(machine: &Machine, step: Step<'_>, unit: &Unit) -> Result<bool, ResourceError> {
    let mut rewritten = false;
    if let Some(content) = &unit.content {
        let bytes = machine.bytes(content)?;
        if paths::text(machine, &unit.path())?.is_none_or(|text| text.as_bytes() != &*bytes) {
            machine.made(&unit.path())?.write(&bytes, roots())?;
            rewritten = true;
        }
    }
    let name = unit.name.as_str();
    let before = one(machine, name).await?;
    if rewritten || before.needs_reload {
        machine.run(step, &["systemctl", "daemon-reload"]).await?;
    }
    let before = one(machine, name).await?.state;
    if unit.enabled && !matches!(before.enabled.as_str(), "enabled" | "static" | "alias" | "indirect" | "generated" | "linked") {
        machine.run(step, &["systemctl", "enable", "--", name]).await?;
    } else if !unit.enabled && before.enabled == "enabled" {
        machine.run(step, &["systemctl", "disable", "--", name]).await?;
    }
    let runs = matches!(before.active.as_str(), "active" | "activating" | "reloading");
    match (unit.running, runs) {
        (true, true) if rewritten => start(machine, step, "restart", name).await.map(|()| true),
        (true, false) if rewritten || !before.ran => start(machine, step, "start", name).await.map(|()| true),
        (false, true) => machine.run(step, &["systemctl", "stop", "--", name]).await.map(|()| false),
        _ => Ok(false),
    }
}

/// Something that it reads has changed.
pub(crate) async fn poke(machine: &Machine, step: Step<'_>, unit: &Unit, how: OnChange) -> Result<(), ResourceError> {
    let name = unit.name.as_str();
    if one(machine, name).await?.needs_reload {
        machine.run(step, &["systemctl", "daemon-reload"]).await?;
    }
    start(machine, step, verb(unit, how), name).await
}

/// What systemctl is told; a unit that shall not run is not started by it.
pub(crate) const fn verb(unit: &Unit, how: OnChange) -> &'static str {
    match (how, unit.running) {
        (OnChange::Restart, true) => "restart",
        (OnChange::Restart, false) => "try-restart",
        (_, true) => "reload-or-restart",
        (_, false) => "try-reload-or-restart",
    }
}

async fn start(machine: &Machine, step: Step<'_>, verb: &str, name: &str) -> Result<(), ResourceError> {
    let error = match machine.run(step, &["systemctl", verb, "--", name]).await {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    // systemctl only says that one should look there
    let journal = machine.text(&["journalctl", "--no-pager", "--output=cat", LINES, "--unit", name]).await;
    let log = journal.unwrap_or_default().lines().map(Into::into).collect();
    match error {
        ResourceError::Program { program, ended, .. } => Err(ResourceError::Program { program, ended, log }),
        other => Err(other),
    }
}

pub(crate) async fn one(machine: &Machine, name: &str) -> Result<Shown, ResourceError> {
    Ok(show(machine, &[name]).await?.remove(name).unwrap_or_default())
}

impl Shown {
    /// As it was, in systemctl's verbs: what brings it back there.
    pub(crate) fn verbs(&self) -> Vec<&'static str> {
        let enabled = match self.state.enabled.as_str() {
            "enabled" => Some("enable"),
            "disabled" => Some("disable"),
            _ => None,
        };
        let active = if self.state.active == "active" { "restart" } else { "stop" };
        enabled.into_iter().chain([active]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read() {
        let said = "Type=notify\nResult=success\nId=caddy.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n\
                    NeedDaemonReload=yes\nExecMainStartTimestampMonotonic=12\n\n\
                    Type=oneshot\nResult=success\nLoadState=loaded\nActiveState=inactive\nUnitFileState=static\n\
                    NeedDaemonReload=no\nExecMainStartTimestampMonotonic=12\n\n\
                    LoadState=not-found\nActiveState=inactive\nUnitFileState=\n";
        let all: Vec<Shown> = said.split("\n\n").map(shown).collect();
        assert!(all[0].needs_reload && !all[0].state.ran && all[0].state.enabled == "enabled");
        assert_eq!(all[0].verbs(), ["enable", "restart"]);
        assert!(all[1].state.ran && !all[1].needs_reload);
        assert_eq!((all[2].state.load.as_str(), all[2].state.enabled.as_str(), all[2].verbs()), ("not-found", "", vec!["stop"]));
    }
}
