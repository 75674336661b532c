//! From written to resolved: pack, merged tree, settings and facts of the node → [`Release`], in
//! which nothing is optional any more. Pure, but for reading files of the merged tree.

mod assemble;
mod binds;
mod error;
mod processes;
mod state;

pub use error::ResolveError;

use crate::plan::APP_PLUGINS;
use semver::Version;
use serde::Serialize;
use silver_pack::{
    hash,
    manifest::{Generate, Manifest, When},
    platform::Platform,
};
use silver_plugin_api::{
    Digest, Settings, Tree, TreePath,
    monitor::{HealthNeeds, Monitor},
    plan::{
        Cron, Front, NodeFacts, PackRef, REQUIRED_PACKAGES, Release, Secret, SecretSource, Service as UsedService, StaticDir,
        TIMERS,
    },
    runtime::{Runtime, RuntimeNeeds},
    service::Service,
};
use std::collections::{BTreeMap, BTreeSet};

/// The node's fact with its installed packages.
const PACKAGES: &str = "packages";

/// What an operator wants otherwise than the pack: `[env]`, `[processes.NAME]` and `[front]` of `customize.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Overrides {
    /// Environment of every process.
    pub env: BTreeMap<String, String>,
    /// Processes by name.
    pub processes: BTreeMap<String, ProcessOverride>,
    /// Are visitors sent to the first location?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical: Option<bool>,
}

/// `[processes.NAME]` of `customize.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ProcessOverride {
    /// How many.
    pub count: Option<u32>,
    /// Memory limit of each in bytes.
    pub memory: Option<u64>,
}

/// The plugins that resolving asks.
#[derive(Clone, Copy)]
pub struct Plugins<'a> {
    /// Runtimes by kind.
    pub runtime: &'a dyn Fn(&str) -> Option<&'static dyn Runtime>,
    /// Services by kind.
    pub service: &'a dyn Fn(&str) -> Option<&'static dyn Service>,
    /// The probes.
    pub monitor: &'a dyn Monitor,
}

/// What is resolved.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Name on the node.
    pub app: &'a str,
    /// The pack.
    pub pack: &'a PackRef,
    /// Its manifest.
    pub manifest: &'a Manifest,
    /// The merged tree.
    pub tree: &'a dyn Tree,
    /// Settings, complete and judged.
    pub settings: &'a Settings,
    /// What the operator wants otherwise.
    pub overrides: &'a Overrides,
    /// App plugins: name, version.
    pub app_plugins: &'a [(String, String)],
    /// The node.
    pub facts: &'a NodeFacts,
    /// This version of silver.
    pub silver: &'a Version,
}

/// Does native code for `platform` run on the node?
fn fits(platform: &Platform, facts: &NodeFacts) -> bool {
    facts.platform.parse().is_ok_and(|node: Platform| platform.runs_on(&node, &abis(facts)))
}

/// The interfaces of the node's interpreters.
fn abis(facts: &NodeFacts) -> Vec<&str> {
    ["python.abi", "nodejs.abi"].iter().filter_map(|fact| Some(facts.extra.get(*fact)?.as_str())).collect()
}

/// The node's platform as an error tells it: with interpreters where they matter.
fn described(platform: &Platform, facts: &NodeFacts) -> String {
    let abis = if platform.abi.is_some() { abis(facts) } else { Vec::new() };
    [&[facts.platform.as_str()][..], &abis].concat().join(" with ")
}

/// Makes the release.
pub fn resolve(request: Request<'_>, plugins: Plugins<'_>) -> Result<Release, ResolveError> {
    let Request { app, pack, manifest, tree, .. } = request;
    name(app)?;
    if let Some((version, reason)) = manifest.pack.unmet(request.silver) {
        let (version, reason) = (version.to_string(), reason.to_owned());
        return Err(ResolveError::Silver { version, reason, ours: request.silver.to_string() });
    }
    if let Some(platform) = &manifest.pack.platform
        && !fits(platform, request.facts)
    {
        let (pack, node) = (platform.to_string(), described(platform, request.facts));
        return Err(ResolveError::Platform { pack, node });
    }

    let kind = manifest.runtime.kind.as_str();
    let runtime = (plugins.runtime)(kind).ok_or_else(|| ResolveError::NoRuntime { kind: kind.into() })?;
    let root = &manifest.layout.root;
    let failed = |source| ResolveError::Plugin { what: format!("runtime {kind}"), source };
    let needs = RuntimeNeeds {
        version: manifest.runtime.version.clone().unwrap_or_default(),
        wheels: wheel_directories(tree, root).map_err(failed)?,
        extra: Settings::new(),
    };
    runtime.check(&needs, request.facts).map_err(failed)?;
    packages(&manifest.runtime.requires.packages, request.facts)?;
    let environment = runtime.environment(&needs, tree, request.facts, &hash::sha256).map_err(failed)?;

    let mut state = state::state(&request)?;
    let facts = services(&request, &state, plugins)?;
    let bound = binds::binds(&request, &facts, &mut state)?;
    let env = binds::env(&request, runtime, bound.env)?;
    let hooks = manifest.commands.hooks();
    let staged = manifest.check.iter().filter(|check| check.when == When::Staged);
    let checks: Vec<_> = staged.map(silver_pack::manifest::CheckDef::resolve).collect();
    let processes = processes::processes(&request, runtime)?;
    let cron = cron(manifest, request.facts)?;
    processes::no_secret_arguments(&env.values, &processes, &hooks, &checks, &cron)?;
    let secrets: Vec<Secret> = manifest
        .secrets
        .iter()
        .map(|(name, secret)| Secret {
            name: name.to_string(),
            source: match (&secret.bcrypt_of, secret.generate) {
                (Some(of), _) => SecretSource::BcryptOf(of.to_string()),
                (None, Some(Generate::Hex(bytes))) => SecretSource::Hex(bytes),
                (None, None) => SecretSource::Given,
            },
        })
        .collect();
    let assemble = assemble::steps(&request, &env.values)?;
    let needs = HealthNeeds {
        ready: manifest.health.ready_probe(),
        live: manifest.health.live_probe(),
        web: manifest.has_web() || manifest.served().is_some(),
    };
    let probes = plugins.monitor.probes(app, &needs, request.settings);
    let mut probes = probes.map_err(|source| ResolveError::Plugin { what: "monitoring".into(), source })?;
    probes.extend(manifest.check.iter().filter_map(silver_pack::manifest::CheckDef::probe));

    let mut release = Release {
        id: tree.digest(),
        app: app.into(),
        pack: pack.clone(),
        tree: tree.digest(),
        settings: request.settings.clone(),
        secrets,
        environment,
        runtime: kind.into(),
        layout_root: root.clone(),
        processes,
        cron,
        env: env.values,
        rendered: bound.rendered,
        state,
        hooks,
        statics: statics(manifest),
        assets: manifest.assets.dirs.clone(),
        checks,
        probes,
        overlap: manifest.update.overlap,
        services: used_services(manifest),
        front: Front { canonical: request.overrides.canonical.unwrap_or(manifest.front.canonical), ..manifest.front.resolve() },
        assemble,
        content: manifest.content(),
        extra: extra(request, env.from),
    };
    release.id = id(&release, request.overrides);
    Ok(release)
}

/// What the node has to have installed. One that does not tell what it has is not asked.
fn packages(wanted: &[String], facts: &NodeFacts) -> Result<(), ResolveError> {
    let Some(has) = facts.extra.get(PACKAGES) else { return Ok(()) };
    let missing: Vec<String> = wanted.iter().filter(|name| !has.split(' ').any(|has| has == *name)).cloned().collect();
    if missing.is_empty() { Ok(()) } else { Err(ResolveError::Packages { node: facts.name.clone(), missing }) }
}

/// The periodic commands, where something can run them.
fn cron(manifest: &Manifest, facts: &NodeFacts) -> Result<Vec<Cron>, ResolveError> {
    if !manifest.cron.is_empty() && !facts.extra.contains_key(TIMERS) {
        return Err(ResolveError::NoTimers { node: facts.name.clone() });
    }
    Ok(manifest.cron.iter().enumerate().map(|(at, cron)| cron.resolve(at)).collect())
}

/// Names of applications are parts of host names, files and labels.
fn name(app: &str) -> Result<(), ResolveError> {
    let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let edges = app.starts_with('-') || app.ends_with('-');
    if app.is_empty() || app.len() > 63 || edges || !app.bytes().all(fine) {
        return Err(ResolveError::Name { name: app.into() });
    }
    Ok(())
}

/// The id of a release: sha256 over tree, settings (what the operator overrides counts among them),
/// secrets by name, and environment. All else follows from the manifest, which is part of the tree.
pub fn id(release: &Release, overrides: &Overrides) -> Digest {
    let secrets: Vec<&str> = release.secrets.iter().map(|secret| secret.name.as_str()).collect();
    let environment = release.environment.as_ref().map(|environment| environment.id);
    let four = serde_json::json!([release.tree, release.settings, overrides, secrets, environment]);
    hash::sha256(four.to_string().as_bytes())
}

/// Directories of the tree that hold wheels, apart from the instance view.
fn wheel_directories(tree: &dyn Tree, root: &TreePath) -> Result<Vec<String>, silver_plugin_api::Failure> {
    let mut directories = BTreeSet::new();
    let mut after: Option<TreePath> = None;
    let patterns = ["*.whl".to_owned(), "**/*.whl".to_owned()];
    loop {
        let page = tree.glob(&patterns, after.as_ref(), silver_plugin_api::tree::MAX_PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.path.clone());
        let outside = page.iter().filter(|entry| root.is_root() || entry.path.below(root).is_none());
        directories.extend(outside.filter_map(|entry| entry.path.parent()).map(|parent| parent.to_string()));
    }
    Ok(directories.into_iter().collect())
}

/// Facts by service and name.
type Facts = BTreeMap<(String, String), silver_plugin_api::plan::Value>;

fn services(
    request: &Request<'_>,
    state: &[silver_plugin_api::plan::StatePath],
    plugins: Plugins<'_>,
) -> Result<Facts, ResolveError> {
    let info = silver_plugin_api::service::AppInfo {
        name: request.app.into(),
        version: request.pack.version.clone(),
        state: state.to_vec(),
        extra: Settings::new(),
    };
    let mut facts = Facts::new();
    for used in used_services(request.manifest) {
        let service = (plugins.service)(&used.kind).ok_or_else(|| ResolveError::NoService { kind: used.kind.clone() })?;
        let provided = service.provision(&info, &[], request.settings);
        let provided = provided.map_err(|source| ResolveError::Plugin { what: format!("service {}", used.name), source })?;
        facts.extend(provided.facts.into_iter().map(|(fact, value)| ((used.name.clone(), fact), value)));
    }
    Ok(facts)
}

fn used_services(manifest: &Manifest) -> Vec<UsedService> {
    let used = manifest.services.iter();
    used.map(|(name, service)| UsedService { name: name.to_string(), kind: service.kind.as_str().into() }).collect()
}

/// What the front serves by itself is one directory at the location's root.
fn statics(manifest: &Manifest) -> Vec<StaticDir> {
    manifest.served().map(|dir| StaticDir { prefix: "/".into(), dir: dir.clone() }).into_iter().collect()
}

fn extra(request: Request<'_>, mut extra: Settings) -> Settings {
    if !request.app_plugins.is_empty() {
        let list: Vec<String> = request.app_plugins.iter().map(|(name, version)| format!("{name}=={version}")).collect();
        extra.insert(APP_PLUGINS.into(), list.join("\n"));
    }
    let packages = &request.manifest.runtime.requires.packages;
    if !packages.is_empty() {
        extra.insert(REQUIRED_PACKAGES.into(), packages.join(" "));
    }
    if let Some(notes) = &request.manifest.pack.notes {
        extra.insert("notes".into(), notes.to_string());
    }
    extra
}
