//! `silver disable`, `enable`, `deactivate`, `activate`.

use super::{
    Decision, FileChanges, Flags, Plan, Refusal, Seen, Summary, deploy,
    facts::{Reversal, Writes},
    steps::{Labelled, Steps},
};
use silver_plugin_api::plan::{Action, AppState, DataClass, Deployment, Transition, TransitionKind};

/// Which change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateChange {
    /// The locations answer 503, the processes stop.
    Disable,
    /// Undoes `Disable`.
    Enable,
    /// The routes go too; release and data stay.
    Deactivate,
    /// Undoes `Deactivate`.
    Activate,
}

/// Plans a change of state.
pub fn change_state(change: StateChange, deployment: &Deployment, seen: Seen<'_>, flags: &Flags) -> Result<Decision, Refusal> {
    let observed = seen.observed;
    let app = &observed.app;
    if let Some(id) = &observed.running {
        return Err(Refusal::Running { app: app.clone(), id: id.clone() });
    }
    let current = observed.current_release().ok_or_else(|| Refusal::NoApp { app: app.clone(), node: seen.facts.name.clone() })?;
    let release = Labelled { label: &current.label, release: &current.release };
    let refused = |state, first| Err(Refusal::State { app: app.clone(), state, first });
    let nothing = |why: &str| Ok(Decision::Nothing { why: format!("{app} is {why}") });

    let mut steps = Steps::default();
    let (kind, title) = match (change, observed.state) {
        (_, AppState::Absent) => return Err(Refusal::NoApp { app: app.clone(), node: seen.facts.name.clone() }),
        (StateChange::Disable, AppState::Disabled) => return nothing("disabled already"),
        (StateChange::Disable | StateChange::Enable, AppState::Deactivated) => return refused("deactivated", "activate"),
        (StateChange::Disable, AppState::Active) => {
            let undo = Action::SetDisabled(false);
            steps.add("disable", "answer 503 and stop the processes", Action::SetDisabled(true), [undo]);
            (TransitionKind::Disable, format!("{app}: disable"))
        }
        (StateChange::Enable, AppState::Active) => return nothing("enabled already"),
        (StateChange::Enable, AppState::Disabled) => {
            steps.start(release, None, flags.drain_ms);
            steps.add("enable", "let requests through", Action::SetDisabled(false), [Action::SetDisabled(true)]);
            steps.probe(release);
            (TransitionKind::Enable, format!("{app}: enable"))
        }
        (StateChange::Deactivate, AppState::Deactivated) => return nothing("deactivated already"),
        (StateChange::Deactivate, state) => {
            let undo = if state == AppState::Disabled { Action::SetDisabled(true) } else { Action::SetDeactivated(false) };
            steps.add("deactivate", "remove the routes and stop the processes", Action::SetDeactivated(true), [undo]);
            (TransitionKind::Deactivate, format!("{app}: deactivate"))
        }
        (StateChange::Activate, AppState::Active) => return nothing("active already"),
        (StateChange::Activate, AppState::Disabled) => return refused("disabled", "enable"),
        (StateChange::Activate, AppState::Deactivated) => {
            steps.start(release, None, flags.drain_ms);
            steps.add("activate", "answer at the locations", Action::SetDeactivated(false), [Action::SetDeactivated(true)]);
            steps.probe(release);
            (TransitionKind::Activate, format!("{app}: activate"))
        }
    };
    steps.open();
    let summary = Summary {
        title,
        from: Some(deploy::edition(release)),
        to: Some(deploy::edition(release)),
        files: FileChanges::default(),
        settings: Vec::new(),
        new_secrets: Vec::new(),
        environment: None,
        assemble: Vec::new(),
        locations_before: observed.locations.clone(),
        writes: Writes::NotServing,
        on_failure: "everything is as before".into(),
        reversal: Reversal::Nothing,
        lost: None,
        send_bytes: 0,
        remarks: Vec::new(),
    };
    let transition = Transition {
        id: flags.attempt.clone(),
        kind,
        app: app.clone(),
        parent: Some(current.label.clone()),
        release: None,
        locations: observed.locations.clone(),
        data: DataClass::Unchanged,
        steps: steps.finish(),
        deployment: deployment.clone(),
    };
    Ok(Decision::Do(Box::new(Plan::new(&seen.facts.name, transition, summary))))
}
