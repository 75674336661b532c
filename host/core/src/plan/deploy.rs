//! `silver update`: a release replaces another, or is the first.

use super::{
    Decision, FileChanges, Flags, Plan, Refusal, Seen, Summary, Wanted, changes,
    facts::{BuildStep, Edition, EnvironmentUse, Reversal, Writes},
    steps::{Labelled, Steps},
};
use crate::location;
use semver::Version;
use silver_plugin_api::{
    Digest,
    plan::{
        Action, AppState, Continuity, DataClass, Discontinuity, Observed, ObservedRelease, Overlap, PackRef, Publisher, Recipe,
        Release, SecretSource, Transition, TransitionKind, UNSIGNED,
    },
    service::AppInfo,
};
use std::collections::BTreeMap;

/// Where the key of [`Release::extra`] with the app plugins is.
pub(crate) const APP_PLUGINS: &str = "app-plugins";

pub(super) fn plan(wanted: &Wanted, seen: Seen<'_>, flags: &Flags) -> Result<Decision, Refusal> {
    let observed = seen.observed;
    let current = observed.current_release();
    let continuity = refuse(wanted, &seen, flags, current)?;
    let locations = locations(wanted, observed)?;
    if let Some(why) = nothing_to_do(wanted, &seen, current, &locations) {
        return Ok(Decision::Nothing { why });
    }

    let app = &wanted.release.app;
    let label = flags.label.as_ref().unwrap_or(&observed.next_label);
    let new = Labelled { label, release: &wanted.release };
    let old = current.map(|current| Labelled { label: &current.label, release: &current.release });
    let serving = observed.state == AppState::Active;
    let code_changed = old.is_none_or(|old| code_differs(old.release, new.release));
    let migrates = observed.has_data && code_changed && new.release.hooks.contains_key("migrate");
    let data = if migrates { wanted.migrate } else { DataClass::Unchanged };
    let exclusive = new.release.overlap == Overlap::None || old.is_some_and(|old| old.release.overlap == Overlap::None);
    let serving_old = old.filter(|old| serving && old.runs());
    let close = serving && (data == DataClass::Breaking || (exclusive && serving_old.is_some()));

    let mut steps = Steps::default();
    if close {
        steps.close(flags.hold_ms);
    }
    if let Some(old) = serving_old.filter(|_| close) {
        steps.stop_serving(old);
    }
    let checkpoint = (data != DataClass::Unchanged).then(|| format!("before-{}", new.label));
    if let Some(id) = &checkpoint {
        let recipe = checkpoint_recipe(&seen, &[old, Some(new)])?;
        steps.add("checkpoint", "copy the data", Action::Checkpoint { id: id.clone(), recipe }, []);
    }
    let first_state = (old.is_none() && !observed.has_data).then_some(Action::RemoveState);
    steps.add("make-state", "make what the application writes to, where it is missing", Action::MakeState, first_state);
    if !wanted.release.secrets.is_empty() {
        steps.add("make-secrets", "make the secrets that are missing", Action::MakeSecrets, []);
    }
    steps.set_keys(&wanted.release.state);
    let restore = checkpoint.clone().filter(|_| data == DataClass::Breaking).map(|id| Action::RestoreCheckpoint { id });
    hooks(&mut steps, new.release, old.map(|old| old.release), observed.has_data, restore, migrates);
    steps.verify(new);
    if serving || old.is_none() {
        steps.start(new, serving_old.filter(|_| !close), flags.drain_ms);
    }
    if let Some(timeout_ms) = flags.barrier_ms {
        steps.barrier(timeout_ms);
    }
    steps.locations(&locations, &observed.locations);
    steps.switch(new, old.map(|old| old.label));
    if serving || old.is_none() {
        steps.probe(new);
    }
    steps.open();
    if let Some(old) = serving_old.filter(|_| !close) {
        steps.drain(old, flags.drain_ms);
    }
    steps.add("prune", format!("keep {} old releases", flags.keep), Action::Prune { keep: flags.keep }, []);
    steps.undo_last(Action::RemoveRelease { label: new.label.into() });

    let writes = match (serving, steps.closed()) {
        (false, _) => Writes::NotServing,
        (true, false) => Writes::Open,
        (true, true) => Writes::Closed {
            held_ms: flags.hold_ms,
            at_most_ms: steps.closed_at_most_ms(&[Some(new), old].into_iter().flatten().collect::<Vec<_>>()),
        },
    };
    let summary = Summary {
        title: title(app, old, new),
        from: old.map(edition),
        to: Some(edition(new)),
        files: FileChanges::between(seen.tree, &wanted.tree),
        settings: changes::settings(old.map(|old| &old.release.settings), &new.release.settings),
        new_secrets: new_secrets(new.release, &seen),
        environment: environment(new.release, observed),
        assemble: (wanted.release.assemble.iter().enumerate())
            .map(|(at, step)| BuildStep {
                command: step.command.join(" "),
                outputs: step.outputs.clone(),
                run: at >= wanted.assembled,
            })
            .collect(),
        locations_before: observed.locations.clone(),
        writes,
        on_failure: on_failure(old, data, close),
        reversal: match (&checkpoint, old) {
            (_, None) => Reversal::Nothing,
            (Some(checkpoint), _) if data == DataClass::Breaking => Reversal::WithData { checkpoint: checkpoint.clone() },
            _ => Reversal::CodeOnly,
        },
        lost: None,
        send_bytes: send_bytes(wanted, &seen),
        remarks: remarks(observed, old, data, continuity, wanted),
    };
    let transition = Transition {
        id: flags.attempt.clone(),
        kind: TransitionKind::Deploy,
        app: app.clone(),
        parent: old.map(|old| old.label.into()),
        release: Some((new.label.into(), wanted.release.clone())),
        locations,
        data,
        steps: steps.finish(),
        deployment: wanted.deployment.clone(),
    };
    Ok(Decision::Do(Box::new(Plan::new(&seen.facts.name, transition, summary))))
}

pub(super) fn edition(labelled: Labelled<'_>) -> Edition {
    let Labelled { label, release } = labelled;
    Edition { label: label.into(), version: release.pack.version.clone(), app_version: release.pack.app_version.clone() }
}

/// What a checkpoint before a change consists of: whatever one of the releases keeps.
pub(super) fn checkpoint_recipe(seen: &Seen<'_>, releases: &[Option<Labelled<'_>>]) -> Result<Recipe, Refusal> {
    let mut state = BTreeMap::new();
    let mut info = AppInfo { name: seen.observed.app.clone(), ..AppInfo::default() };
    for Labelled { release, .. } in releases.iter().flatten() {
        info.version.clone_from(&release.pack.version);
        state.extend(release.state.iter().map(|path| (path.path.clone(), path.clone())));
    }
    info.state = state.into_values().collect();
    let failed = |error: silver_plugin_api::Failure| Refusal::Backup { app: info.name.clone(), why: error.to_string() };
    seen.backup.plan_backup(&info, seen.facts, &silver_plugin_api::Settings::new()).map_err(failed)
}

/// What a file may take beyond its length.
const BLOCK: u64 = 4096;

/// What a node writes beside a release: journal, records, logs. A disk that fills up in the middle of a
/// change cannot even take down that it is reverted.
const BESIDE: u64 = 4 << 20;

/// `None` when nobody's packs were there before.
fn refuse(
    wanted: &Wanted,
    seen: &Seen<'_>,
    flags: &Flags,
    current: Option<&ObservedRelease>,
) -> Result<Option<Continuity>, Refusal> {
    let (app, pack) = (&wanted.release.app, &wanted.release.pack);
    if let Some(id) = &seen.observed.running {
        return Err(Refusal::Running { app: app.clone(), id: id.clone() });
    }
    let needed = wanted.tree.total_size() + wanted.tree.len() as u64 * BLOCK + send_bytes(wanted, seen) + BESIDE;
    if seen.facts.free_bytes < needed {
        return Err(Refusal::NoRoom { node: seen.facts.name.clone(), free: seen.facts.free_bytes, needed });
    }
    let continuity = seen.observed.known_publisher().map(|known| follows(app, pack, &known)).transpose()?;
    // an application without a current release still owns its name through the ones before
    let Some(theirs) = current.or(seen.observed.releases.last()).map(|release| &release.release.pack) else {
        return Ok(continuity);
    };
    let (Ok(before), Ok(after)) = (Version::parse(&theirs.version), Version::parse(&pack.version)) else {
        return Ok(continuity);
    };
    if after < before && !flags.allow_downgrade {
        return Err(Refusal::Downgrade { app: app.clone(), current: theirs.version.clone(), wanted: pack.version.clone() });
    }
    let least = wanted.min_upgradable.as_deref().and_then(|least| Version::parse(least).ok());
    if let Some(least) = least.filter(|least| before < *least) {
        return Err(Refusal::TooOld {
            app: app.clone(),
            current: theirs.version.clone(),
            wanted: pack.version.clone(),
            least: least.to_string(),
        });
    }
    Ok(continuity)
}

/// An application is what it is by the pack's id and the key: nobody else's pack replaces it.
fn follows(app: &str, pack: &PackRef, known: &Publisher) -> Result<Continuity, Refusal> {
    pack.follows(known).map_err(|broken| {
        let (app, theirs) = (app.to_owned(), known.key.clone());
        match broken {
            Discontinuity::OtherPack => Refusal::OtherPack { app, theirs: known.pack.clone(), ours: pack.id.clone() },
            Discontinuity::OtherKey => Refusal::OtherKey { app, theirs, ours: pack.signature.clone() },
            Discontinuity::Unsigned => Refusal::Unsigned { app, theirs },
        }
    })
}

/// Where it will answer, the canonical location first.
pub(crate) fn locations(wanted: &Wanted, observed: &Observed) -> Result<Vec<String>, Refusal> {
    let app = &wanted.release.app;
    let locations = match &wanted.locations {
        Some(given) => given.clone(),
        None if observed.locations.is_empty() => vec![location::default_for(app)],
        None => observed.locations.clone(),
    };
    if let Some(first) = locations.first().filter(|first| location::is_wild(first)) {
        let why = "the first one is the address that the application knows itself by: name a host, and this one after it";
        return Err(Refusal::BadLocation { location: first.clone(), why });
    }
    for location in &locations {
        if let Some(why) = location::problem(location) {
            return Err(Refusal::BadLocation { location: location.clone(), why });
        }
        if let Some((_, by)) = observed.taken.iter().find(|(taken, by)| taken == location && by != app) {
            return Err(Refusal::LocationTaken { location: location.clone(), by: by.clone() });
        }
        if location.contains('/') && !wanted.subpath {
            return Err(Refusal::Subpath { app: app.clone(), location: location.clone() });
        }
    }
    Ok(locations)
}

fn nothing_to_do(wanted: &Wanted, seen: &Seen<'_>, current: Option<&ObservedRelease>, locations: &[String]) -> Option<String> {
    let (current, observed) = (current?, seen.observed);
    // the same files under a new signature: only a deployment makes it known whose they are
    let known = observed.known_publisher().is_some_and(|known| known == wanted.release.pack.publisher());
    let same = known
        && current.release.id == wanted.release.id
        // of a group one node has more of them, and may become another one
        && current.release.cron == wanted.release.cron
        && observed.locations == locations
        && observed.drift.is_empty()
        && seen.renewed.is_empty();
    let state = match observed.state {
        AppState::Disabled => "; it is disabled",
        AppState::Deactivated => "; it is deactivated",
        AppState::Active | AppState::Absent => "",
    };
    same.then(|| format!("{} is up to date: {} ({}){state}", observed.app, current.label, current.release.pack.version))
}

/// Did anything change that a migration could have to do with?
fn code_differs(old: &Release, new: &Release) -> bool {
    let environment = |release: &Release| release.environment.as_ref().map(|environment| environment.id);
    old.pack.digest != new.pack.digest || environment(old) != environment(new) || app_plugins(old) != app_plugins(new)
}

fn app_plugins(release: &Release) -> Option<&String> {
    release.extra.get(APP_PLUGINS).filter(|plugins| !plugins.is_empty())
}

fn hooks(steps: &mut Steps, new: &Release, old: Option<&Release>, has_data: bool, restore: Option<Action>, migrates: bool) {
    if migrates {
        steps.hook(new, "migrate", "bring the data up to the new code", restore);
    } else if !has_data {
        // an application without `init` makes its data by migrating nothing
        let name = if new.hooks.contains_key("init") { "init" } else { "migrate" };
        steps.hook(new, name, "make the first data", []);
    }
    if app_plugins(new) != old.and_then(app_plugins) {
        steps.hook(new, "plugins-changed", "tell the application about its plugins", []);
    }
}

fn title(app: &str, old: Option<Labelled<'_>>, new: Labelled<'_>) -> String {
    let version = |labelled: Labelled<'_>| labelled.release.pack.version.clone();
    match old {
        None => format!("{app}: first deployment of {} {}", new.release.pack.name, version(new)),
        Some(old) if version(old) == version(new) => format!("{app}: a new release of {}", version(new)),
        Some(old) => format!("{app}: {} → {}", version(old), version(new)),
    }
}

fn on_failure(old: Option<Labelled<'_>>, data: DataClass, close: bool) -> String {
    let Some(old) = old else { return "everything that was made is removed again".into() };
    let data = match data {
        DataClass::Unchanged => "the data are not touched",
        DataClass::Additive => "the data stay as the migration left them, which it understands",
        DataClass::Breaking => "the data go back to the checkpoint; nothing was written in between",
    };
    let code = if close { "is started again" } else { "serves on" };
    format!("{} {code}; {data}", old.label)
}

fn new_secrets(release: &Release, seen: &Seen<'_>) -> Vec<String> {
    let new = release.secrets.iter().filter(|secret| !seen.observed.secrets.contains(&secret.name));
    let words = |source: &SecretSource| if matches!(source, SecretSource::Given) { "given" } else { "generated" };
    let renewed = seen.renewed.iter().map(|name| format!("{name} (given, another value)"));
    new.map(|secret| format!("{} ({})", secret.name, words(&secret.source))).chain(renewed).collect()
}

fn environment(release: &Release, observed: &Observed) -> Option<EnvironmentUse> {
    let environment = release.environment.as_ref()?;
    let build = !observed.environments.contains(&environment.id);
    Some(EnvironmentUse { interpreter: environment.interpreter.clone(), build })
}

fn send_bytes(wanted: &Wanted, seen: &Seen<'_>) -> u64 {
    let sizes: BTreeMap<Digest, u64> = wanted.tree.iter().map(|(_, node)| (node.digest, node.size)).collect();
    let blobs: u64 = seen.missing.blobs.iter().filter_map(|blob| sizes.get(blob)).sum();
    blobs + if seen.missing.archive { wanted.archive_bytes } else { 0 }
}

fn remarks(
    observed: &Observed,
    old: Option<Labelled<'_>>,
    data: DataClass,
    continuity: Option<Continuity>,
    wanted: &Wanted,
) -> Vec<String> {
    let mut remarks = Vec::new();
    let (key, app) = (wanted.release.pack.signature.as_str(), &observed.app);
    match continuity {
        None | Some(Continuity::FirstKey) if key != UNSIGNED => {
            remarks.push(format!("the first pack of {app} with this signature: from now on only the key {key} replaces it"));
        }
        Some(Continuity::Rotated) => {
            let former = observed.known_publisher().map(|known| known.key).unwrap_or_default();
            remarks.push(format!("the publisher has another key from now on: {key}; the former one signed that: {former}"));
        }
        _ => {}
    }
    if let Some(old) = old.filter(|_| observed.has_data) {
        let (before, after) = (&old.release.settings, &wanted.release.settings);
        let late =
            wanted.init_settings.iter().filter(|name| before.get(*name).is_some_and(|value| after.get(*name) != Some(value)));
        remarks.extend(
            late.map(|name| format!("setting `{name}` is used when the first data are made: nothing comes of the new value")),
        );
    }
    if !observed.drift.is_empty() {
        remarks.push(format!("files of the current release were altered on the node: {}", observed.drift.join(", ")));
    }
    match observed.state {
        AppState::Disabled => remarks.push("it is disabled and stays so; `silver enable` starts the new release".into()),
        AppState::Deactivated => remarks.push("it is deactivated and stays so; `silver activate` starts the new release".into()),
        AppState::Active | AppState::Absent => {}
    }
    if old.is_none() && observed.has_data {
        remarks.push("it finds the data of an earlier deployment".into());
    }
    if data == DataClass::Additive {
        remarks.push("a checkpoint is taken; on a failure it is there to be restored by hand, nothing is thrown away".into());
    }
    remarks.extend(wanted.deployment.loosened.iter().map(|flag| format!("allowed by {flag}")));
    remarks
}
