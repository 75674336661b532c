//! What of a `customize.toml` does not fit the pack, or the lock.

use super::{
    config::CustomizeToml,
    lock::{Lock, LockedPlugin},
};
use crate::{
    document::{Document, Problem, ProblemKind, nearest},
    former::{Former, instead, names},
    manifest::Manifest,
};

/// What does not fit the pack, settings apart.
pub(super) fn misfits(
    config: &CustomizeToml,
    manifest: &Manifest,
    former: Option<&Former>,
    document: &Document<'_>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut wrong = |path: &[&str], message: String, hint: Option<String>| {
        problems.push(document.bare_problem(path, ProblemKind::Invalid { message, hint }));
    };
    let pack = &manifest.pack;
    if config.pack.id != pack.id {
        let message = format!("this customization is for the pack `{}`, not for `{}`", config.pack.id.escape_debug(), pack.id);
        let hint = nearest(&config.pack.id, [pack.id.as_str()]).map(|id| format!("did you mean `{id}`?"));
        wrong(&["pack", "id"], message, hint.or_else(|| Some("give the customization that belongs to this pack".into())));
    } else if let Some(range) = config.pack.version.as_ref().filter(|range| !range.matches(&pack.version)) {
        let message = format!("this customization is for versions {range}, the pack is {}", pack.version);
        wrong(&["pack", "version"], message, Some("try it with `silver update --dry-run` after widening the range".into()));
    }
    // `names` of it, and those that the version before had
    let unknown = |what: &str, name: &str, names: Vec<&str>, before: Vec<&str>| {
        if let Some(former) = former.filter(|_| before.contains(&name)) {
            let told = former.gone(name, &format!("a {what}"), manifest);
            return (told, Some(instead(name, &names, &before)));
        }
        let hint = match nearest(name, names.iter().copied()) {
            Some(name) => Some(format!("did you mean `{name}`?")),
            None if names.is_empty() => None,
            None => Some(format!("it has `{}`", names.join("`, `"))),
        };
        (format!("the pack has no {what} `{}`", name.escape_debug()), hint)
    };
    let before = former.map(|former| &former.manifest);
    for name in config.secrets.keys().filter(|name| !manifest.secrets.contains_key(name.as_str())) {
        let had = before.map(|before| names(&before.secrets)).unwrap_or_default();
        let (message, hint) = unknown("secret", name, names(&manifest.secrets), had);
        wrong(&["secrets", name], message, hint);
    }
    for name in config.secrets.keys() {
        if manifest.secrets.get(name.as_str()).is_some_and(|def| def.generate.is_some()) {
            wrong(&["secrets", name], format!("the node makes the secret `{name}` itself"), Some("take it out".into()));
        }
    }
    for name in config.processes.keys().filter(|name| !manifest.processes.contains_key(*name)) {
        let had = before.map(|before| names(&before.processes)).unwrap_or_default();
        let (message, hint) = unknown("process", name, names(&manifest.processes), had);
        wrong(&["processes", name], message, hint);
    }
    for kind in config.plugins.keys().chain(config.index.keys()).filter(|kind| !manifest.index.contains_key(kind)) {
        let table = if config.plugins.contains_key(kind) { "plugins" } else { "index" };
        let had = former.filter(|former| former.manifest.index.contains_key(kind));
        let (message, hint) = match had {
            Some(former) => {
                (former.gone(kind.as_str(), "an index of app plugins", manifest), Some(instead(kind.as_str(), &[], &[])))
            }
            None => (format!("the pack takes no app plugins from a {} index", kind.as_str()), None),
        };
        wrong(&[table, kind.as_str()], message, hint);
    }
    problems
}

/// App plugins that are wanted and that the lock does not have, or has in another version.
pub(super) fn not_locked(config: &CustomizeToml, lock: &Lock, document: &Document<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (kind, wanted) in &config.plugins {
        for (at, plugin) in wanted.iter().enumerate() {
            let same = |locked: &&LockedPlugin| locked.index == *kind && locked.name == kind.normalized(&plugin.name);
            let message = match (lock.app_plugins.iter().find(same), plugin.exact()) {
                (None, _) => format!("`{plugin}` is wanted, but nothing is locked for it"),
                (Some(locked), Some(version)) if locked.version != version => {
                    format!("`{plugin}` is wanted, but {} is locked", locked.version)
                }
                _ => continue,
            };
            let hint = "`silver customize lock PACK --customize=DIR` resolves and locks what is wanted".to_owned();
            let kind_of_problem = ProblemKind::Invalid { message, hint: Some(hint) };
            problems.push(document.bare_problem(&["plugins", kind.as_str(), &at.to_string()], kind_of_problem));
        }
    }
    problems
}
