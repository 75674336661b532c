//! What a `customize.toml` has from the one below it.

use crate::customization::CustomizeToml;

/// What `site` does not say itself it has from `base`.
pub(super) fn inherit(site: &mut CustomizeToml, base: &CustomizeToml, name: &str) {
    for (setting, value) in &base.settings {
        site.settings.entry(setting.clone()).or_insert_with(|| value.clone());
    }
    for (secret, reference) in &base.secrets {
        site.secrets.entry(secret.clone()).or_insert_with(|| reference.clone());
    }
    for (variable, value) in &base.env {
        site.env.entry(variable.clone()).or_insert_with(|| value.clone());
    }
    for (kind, wanted) in &base.plugins {
        let own = site.plugins.entry(*kind).or_default();
        for plugin in wanted {
            if !own.iter().any(|other| kind.normalized(&other.name) == kind.normalized(&plugin.name)) {
                own.push(plugin.clone());
            }
        }
    }
    for (process, base) in &base.processes {
        let own = site.processes.entry(process.clone()).or_default();
        own.count = own.count.or(base.count);
        own.memory = own.memory.or(base.memory);
    }
    site.front.canonical = site.front.canonical.or(base.front.canonical);
    for (kind, index) in &base.index {
        let own = site.index.entry(*kind).or_default();
        // another place is no reason to believe an unsigned list
        own.key = own.key.or(index.key);
        if own.url.is_none() && own.directory.is_none() {
            let below = |directory: &String| format!("{name}/{directory}");
            let absolute = index.directory.clone().filter(|directory| directory.starts_with('/'));
            own.url.clone_from(&index.url);
            own.directory = absolute.or_else(|| index.directory.as_ref().map(below));
        }
    }
    for path in &base.remove {
        if !site.remove.contains(path) {
            site.remove.push(path.clone());
        }
    }
    for target in &base.targets {
        if !site.targets.contains(target) {
            site.targets.push(target.clone());
        }
    }
}
