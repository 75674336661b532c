//! `install-plugin NAME[==VERSION]…`: the wheel from the index, and those of what it needs.

use crate::{INDEX, plugins, values, wanted};
use silver_plugin::{
    Collision, Diagnostic, Failure, Location, Reason, Tree, TreePath, TreeRole,
    commands::{Invocation, Outcome, Reach, Workspace},
    customizer::AppPlugin,
    index::{PackageRef, Requirement},
    walk,
};
use std::collections::{BTreeMap, BTreeSet};
use trac_wheel::{WheelName, normalized};

pub(crate) fn run(what: &Invocation, workspace: &mut dyn Workspace, reach: &dyn Reach) -> Result<Outcome, Failure> {
    let locked = plugins::locked(what)?;
    let pins = plugins::pins(&*workspace.app())?;
    let (asked, requirements) = requirements(values(what, "plugin"), &locked, &pins)?;
    let constraints: Vec<Requirement> = pins.into_values().collect();
    let resolved = reach.index(INDEX)?.resolve_all(&requirements, &constraints, &what.target)?;
    refuse_strangers(&*workspace.current(), &locked, &resolved)?;

    let rows: Vec<Vec<String>> = resolved.iter().map(|package| row(package, &locked)).collect();
    reach.console().table(&["package", "version", "so far"].map(str::to_owned), &rows);
    let changes: Vec<&PackageRef> = resolved.iter().filter(|package| !is_locked(package, &locked)).collect();
    let newly_asked = asked.iter().any(|name| locked.get(name).is_some_and(|plugin| !plugin.requested));
    if changes.is_empty() && !newly_asked {
        return Ok(Outcome { summary: "installed already; nothing to do".into(), ..Outcome::default() });
    }
    let names: Vec<String> = changes.iter().map(|package| plugins::shown(package)).collect();
    if what.dry_run {
        return Ok(Outcome { summary: format!("would install {}", names.join(", ")), ..Outcome::default() });
    }

    let requested: BTreeSet<String> =
        asked.into_iter().chain(locked.iter().filter(|(_, plugin)| plugin.requested).map(|(name, _)| name.clone())).collect();
    let mut installed = BTreeMap::new();
    let mut findings = Vec::new();
    for (done, package) in (0u64..).zip(&resolved) {
        reach.console().progress("fetching", done, Some(resolved.len() as u64));
        let name = normalized(&package.name);
        let is_requested = requested.contains(&name);
        let plugin = match locked.get(&name).filter(|_| is_locked(package, &locked)) {
            Some(plugin) => AppPlugin { requested: is_requested, ..plugin.clone() },
            None => fetch(package, is_requested, workspace, reach, &mut findings)?,
        };
        installed.insert(name, plugin);
    }
    remove_replaced(&locked, &installed, workspace)?;
    let summary = format!("installed {}; `silver update` deploys it", names.join(", "));
    let outcome = plugins::outcome(if names.is_empty() { "kept from now on".into() } else { summary }, &installed)?;
    Ok(Outcome { diagnostics: findings, ..outcome })
}

/// What was asked for by name, and all requirements: those, and what was wanted before.
fn requirements(
    asked: &[String],
    locked: &BTreeMap<String, AppPlugin>,
    pins: &BTreeMap<String, Requirement>,
) -> Result<(BTreeSet<String>, Vec<Requirement>), Failure> {
    let mut all: BTreeMap<String, Requirement> =
        plugins::kept(locked).into_iter().map(|requirement| (normalized(&requirement.name), requirement)).collect();
    let mut names = BTreeSet::new();
    for text in asked {
        let requirement = wanted::parse(text)?;
        let name = normalized(&requirement.name);
        if let Some(pin) = pins.get(&name) {
            let message = format!("{} is part of the pack, with version {}", pin.name, pin.versions.trim_start_matches("=="));
            return Err(Failure::invalid("part-of-the-pack", message, Some("another version of it needs another pack")));
        }
        names.insert(name.clone());
        // without a version, what is installed stays as it is
        if !requirement.versions.is_empty() || !all.contains_key(&name) {
            all.insert(name, requirement);
        }
    }
    Ok((names, all.into_values().collect()))
}

fn is_locked(package: &PackageRef, locked: &BTreeMap<String, AppPlugin>) -> bool {
    locked.get(&normalized(&package.name)).is_some_and(|plugin| plugin.version == package.version)
}

fn row(package: &PackageRef, locked: &BTreeMap<String, AppPlugin>) -> Vec<String> {
    let so_far = locked.get(&normalized(&package.name)).map_or("-", |plugin| plugin.version.as_str());
    vec![package.name.clone(), package.version.clone(), so_far.to_owned()]
}

/// A wheel that was put there by hand is not ours to replace.
fn refuse_strangers(
    customization: &dyn Tree,
    locked: &BTreeMap<String, AppPlugin>,
    resolved: &[PackageRef],
) -> Result<(), Failure> {
    let ours: BTreeSet<&str> = locked.values().map(|plugin| plugin.path.as_str()).collect();
    let wanted: BTreeSet<String> = resolved.iter().map(|package| normalized(&package.name)).collect();
    let strangers: Vec<Diagnostic> = plugins::present(customization)?
        .into_iter()
        .filter(|(name, path)| wanted.contains(name) && !ours.contains(path.as_str()))
        .map(|(_, path)| {
            let message = format!("`{path}` was put there by hand");
            let at = Location::file(TreeRole::Customization, path);
            Diagnostic::error("wheel-by-hand", message).at(at).help("remove the file; it is then fetched and pinned")
        })
        .collect();
    if strangers.is_empty() { Ok(()) } else { Err(Failure::Invalid(strangers)) }
}

/// Puts the wheel into the customization.
fn fetch(
    package: &PackageRef,
    requested: bool,
    workspace: &mut dyn Workspace,
    reach: &dyn Reach,
    findings: &mut Vec<Diagnostic>,
) -> Result<AppPlugin, Failure> {
    let tree = reach.index(INDEX)?.fetch(package)?;
    let source = only_file(&*tree, package)?;
    let wheel = WheelName::parse(source.name()).map_err(|error| Failure::Internal(error.to_string()))?;
    let dest = plugins::place(source.name())?;
    let why = Reason::new(format!("install-plugin {}", plugins::shown(package)), [format!("index:python:{}", package.digest)]);
    workspace.edits().link(&*tree, &source, &dest, Collision::Replace, why)?;
    let told = trac_wheel::packages(&*tree, &source);
    if requested && told.is_ok_and(|packages| packages.is_empty()) {
        let message = format!("{} tells Trac of no plugin", plugins::shown(package));
        let help = "it may be a library; uninstall-plugin takes it away again";
        findings.push(Diagnostic::warning("no-trac-plugin", message).help(help));
    }
    Ok(AppPlugin { name: wheel.name, version: package.version.clone(), path: dest.to_string(), requested })
}

/// The one file of a package's tree.
fn only_file(tree: &dyn Tree, package: &PackageRef) -> Result<TreePath, Failure> {
    let mut files = walk::below(tree, &TreePath::root());
    match (files.next().transpose()?, files.next()) {
        (Some(file), None) => Ok(file.path),
        _ => Err(Failure::Internal(format!("the index gave {} as something else than one wheel", plugins::shown(package)))),
    }
}

/// Removes the wheels of other versions, and of what is not needed any more.
pub(crate) fn remove_replaced(
    before: &BTreeMap<String, AppPlugin>,
    after: &BTreeMap<String, AppPlugin>,
    workspace: &mut dyn Workspace,
) -> Result<(), Failure> {
    let kept: BTreeSet<&str> = after.values().map(|plugin| plugin.path.as_str()).collect();
    for plugin in before.values().filter(|plugin| !kept.contains(plugin.path.as_str())) {
        let Ok(path) = TreePath::new(&plugin.path) else { continue };
        if workspace.edits().stat(&path).is_some() {
            workspace.edits().remove(&path, Reason::new(format!("{} {} is gone", plugin.name, plugin.version), []))?;
        }
    }
    Ok(())
}
