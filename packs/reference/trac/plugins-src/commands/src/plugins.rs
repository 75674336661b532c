//! App plugins: those that the lock pins, and what the pack itself has.

use silver_plugin::{
    Failure, Settings, Tree, TreePath,
    commands::{Invocation, Outcome},
    customizer::{AppPlugin, EXTRA_APP_PLUGINS},
    index::{PackageRef, Requirement},
    walk,
};
use std::collections::BTreeMap;
use trac_wheel::{WheelName, normalized};

/// Directory of the customization that holds them.
const DIRECTORY: &str = "plugins";

/// The app plugins that the lock pins, by normalized name.
pub(crate) fn locked(what: &Invocation) -> Result<BTreeMap<String, AppPlugin>, Failure> {
    let Some(text) = what.extra.get(EXTRA_APP_PLUGINS) else { return Ok(BTreeMap::new()) };
    let plugins: Vec<AppPlugin> = serde_json::from_str(text)
        .map_err(|error| Failure::Internal(format!("the host's list of app plugins cannot be read: {error}")))?;
    Ok(plugins.into_iter().map(|plugin| (normalized(&plugin.name), plugin)).collect())
}

/// A successful outcome after which the app plugins shall be these.
pub(crate) fn outcome(summary: String, plugins: &BTreeMap<String, AppPlugin>) -> Result<Outcome, Failure> {
    let plugins: Vec<&AppPlugin> = plugins.values().collect();
    let text = serde_json::to_string(&plugins)
        .map_err(|error| Failure::Internal(format!("the list of app plugins cannot be written: {error}")))?;
    let extra = Settings::from([(EXTRA_APP_PLUGINS.to_owned(), text)]);
    Ok(Outcome { summary, extra, ..Outcome::default() })
}

/// The pack's own packages, exact: what app plugins have to agree with.
pub(crate) fn pins(app: &dyn Tree) -> Result<BTreeMap<String, Requirement>, Failure> {
    let mut pins = BTreeMap::new();
    for entry in walk::matching(app, &["wheels/*.whl"]) {
        let path = entry?.path;
        let wheel = WheelName::parse(path.name()).map_err(|error| Failure::Internal(format!("the pack: {error}")))?;
        let versions = format!("=={}", wheel.version);
        pins.insert(wheel.normalized(), Requirement::new(wheel.name, versions));
    }
    Ok(pins)
}

/// Where a wheel lies in the customization.
pub(crate) fn place(file: &str) -> Result<TreePath, Failure> {
    let path = format!("{DIRECTORY}/{file}");
    TreePath::new(&path).map_err(|error| Failure::invalid("path", format!("`{path}` is no path for a wheel: {error}"), None))
}

/// Wheels that lie in the customization, by normalized name.
pub(crate) fn present(customization: &dyn Tree) -> Result<Vec<(String, TreePath)>, Failure> {
    let mut found = Vec::new();
    for entry in walk::matching(customization, &["plugins/*.whl"]) {
        let path = entry?.path;
        if let Ok(wheel) = WheelName::parse(path.name()) {
            found.push((wheel.normalized(), path));
        }
    }
    Ok(found)
}

/// What is wanted of those that were wanted before, at the version they have: nothing changes
/// its version because something else is installed or removed.
pub(crate) fn kept(plugins: &BTreeMap<String, AppPlugin>) -> Vec<Requirement> {
    let requested = plugins.values().filter(|plugin| plugin.requested);
    requested.map(|plugin| Requirement::new(&plugin.name, format!("=={}", plugin.version))).collect()
}

/// `NAME VERSION`.
pub(crate) fn shown(package: &PackageRef) -> String {
    format!("{} {}", package.name, package.version)
}
