//! `silver rollback`: the same machine backwards.

use super::{
    FileChanges, Flags, Plan, Refusal, Seen, Summary, changes, deploy,
    facts::{EnvironmentUse, Lost, Reversal, Writes},
    steps::{Labelled, Steps},
};
use silver_pack::listing::Listing;
use silver_plugin_api::plan::{
    Action, AppState, DataClass, Deployment, Observed, ObservedRelease, Overlap, Transition, TransitionKind,
};

/// Plans the way back to the release that the current one replaced, or to `to`, one of those
/// before. `tree` is the tree of that release, if it is known.
///
/// Code and customization go back always; the data only when a migration on the way was breaking.
pub fn rollback(
    to: Option<&str>,
    tree: Option<&Listing>,
    deployment: &Deployment,
    seen: Seen<'_>,
    flags: &Flags,
) -> Result<Plan, Refusal> {
    let observed = seen.observed;
    let app = &observed.app;
    if let Some(id) = &observed.running {
        return Err(Refusal::Running { app: app.clone(), id: id.clone() });
    }
    let current = observed.current_release().ok_or_else(|| Refusal::NoApp { app: app.clone(), node: seen.facts.name.clone() })?;
    let (target, left) = way_back(observed, current, to)?;
    if let Some(environment) = &target.release.environment
        && !observed.environments.contains(&environment.id)
    {
        return Err(Refusal::NoEnvironment { label: target.label.clone() });
    }
    let breaking = left.iter().rev().find(|release| release.data == DataClass::Breaking);
    let restore = match breaking {
        None => None,
        Some(release) => {
            let gone = || Refusal::NoCheckpoint { label: release.label.clone() };
            Some((release.checkpoint.clone().ok_or_else(gone)?, release.created.clone()))
        }
    };

    let old = Labelled { label: &current.label, release: &current.release };
    let new = Labelled { label: &target.label, release: &target.release };
    let serving = observed.state == AppState::Active;
    let exclusive = old.release.overlap == Overlap::None || new.release.overlap == Overlap::None;
    let close = serving && (restore.is_some() || (exclusive && old.runs()));
    let serving_old = Some(old).filter(|old| serving && old.runs());

    let mut steps = Steps::default();
    if close {
        steps.close(flags.hold_ms);
    }
    if let Some(old) = serving_old.filter(|_| close) {
        steps.stop_serving(old);
    }
    let kept_as = format!("rollback-{}", flags.attempt);
    if let Some((checkpoint, _)) = &restore {
        let recipe = deploy::checkpoint_recipe(&seen, &[Some(new), Some(old)])?;
        let keep = Action::Checkpoint { id: kept_as.clone(), recipe };
        steps.add("checkpoint", "keep a copy of the data as they are", keep, []);
        let undo = Action::RestoreCheckpoint { id: kept_as.clone() };
        let why = format!("put the data back as they were before {}", breaking.map_or("", |release| &release.label));
        steps.add("restore", why, Action::RestoreCheckpoint { id: checkpoint.clone() }, [undo]);
    }
    steps.set_keys(&new.release.state);
    steps.verify(new);
    if serving {
        steps.start(new, serving_old.filter(|_| !close), flags.drain_ms);
    }
    steps.switch(new, Some(old.label));
    if serving {
        steps.probe(new);
    }
    steps.open();
    if let Some(old) = serving_old.filter(|_| !close) {
        steps.drain(old, flags.drain_ms);
    }
    steps.add("prune", format!("keep {} old releases", flags.keep), Action::Prune { keep: flags.keep }, []);

    let writes = match (serving, steps.closed()) {
        (false, _) => Writes::NotServing,
        (true, false) => Writes::Open,
        (true, true) => Writes::Closed { held_ms: flags.hold_ms, at_most_ms: steps.closed_at_most_ms(&[old, new]) },
    };
    let summary = Summary {
        title: format!("{app}: back to {} ({})", new.label, new.release.pack.version),
        from: Some(deploy::edition(old)),
        to: Some(deploy::edition(new)),
        files: tree.map(|tree| FileChanges::between(seen.tree, tree)).unwrap_or_default(),
        settings: changes::settings(Some(&old.release.settings), &new.release.settings),
        new_secrets: Vec::new(),
        environment: new
            .release
            .environment
            .as_ref()
            .map(|environment| EnvironmentUse { interpreter: environment.interpreter.clone(), build: false }),
        assemble: Vec::new(),
        locations_before: observed.locations.clone(),
        writes,
        on_failure: format!("{} serves on, with the data as they are now", old.label),
        reversal: target.parent.as_ref().map_or(Reversal::Nothing, |_| Reversal::CodeOnly),
        lost: restore.map(|(checkpoint, since)| Lost { checkpoint, since, kept_as }),
        send_bytes: 0,
        remarks: Vec::new(),
    };
    let transition = Transition {
        id: flags.attempt.clone(),
        kind: TransitionKind::Rollback,
        app: app.clone(),
        parent: Some(old.label.into()),
        release: Some((new.label.into(), new.release.clone())),
        locations: observed.locations.clone(),
        data: DataClass::Unchanged,
        steps: steps.finish(),
        deployment: deployment.clone(),
    };
    Ok(Plan::new(&seen.facts.name, transition, summary))
}

/// The release to go back to, and those that are left, the current one first.
fn way_back<'a>(
    observed: &'a Observed,
    current: &'a ObservedRelease,
    to: Option<&str>,
) -> Result<(&'a ObservedRelease, Vec<&'a ObservedRelease>), Refusal> {
    let app = || observed.app.clone();
    let not_before = |label: &str| Refusal::NotBefore { app: app(), label: label.into(), current: current.label.clone() };
    let nothing = || Refusal::NothingBefore { app: app(), current: current.label.clone() };
    let mut left = vec![current];
    loop {
        let here = left[left.len() - 1];
        let parent = here.parent.as_deref().and_then(|label| observed.releases.iter().find(|release| release.label == label));
        // a chain that bites its tail is not one: what a node says is not believed blindly
        let parent = parent.filter(|parent| left.iter().all(|seen| seen.label != parent.label));
        match (parent, to) {
            (Some(parent), None) => return Ok((parent, left)),
            (Some(parent), Some(label)) if parent.label == label => return Ok((parent, left)),
            (Some(parent), Some(_)) => left.push(parent),
            (None, Some(label)) => return Err(not_before(label)),
            (None, None) => return Err(nothing()),
        }
    }
}
