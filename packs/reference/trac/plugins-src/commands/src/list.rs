//! `list-plugins`: wheels that the lock pins, wheels that were put there by hand, and single files.

use crate::plugins;
use silver_plugin::{
    Failure,
    commands::{Invocation, Outcome, Reach, Workspace},
    walk,
};
use trac_wheel::WheelName;

pub(crate) fn run(what: &Invocation, workspace: &dyn Workspace, reach: &dyn Reach) -> Result<Outcome, Failure> {
    let locked = plugins::locked(what)?;
    let customization = workspace.current();
    let mut rows = Vec::new();
    for plugin in locked.values() {
        let why = if plugin.requested { "installed" } else { "needed by another" };
        rows.push([plugin.name.as_str(), &plugin.version, why, &plugin.path].map(str::to_owned).to_vec());
    }
    for (name, path) in plugins::present(&*customization)? {
        if !locked.contains_key(&name) {
            let version = WheelName::parse(path.name()).map(|wheel| wheel.version).unwrap_or_default();
            rows.push(vec![name, version, "put there by hand".into(), path.to_string()]);
        }
    }
    for entry in walk::matching(&*customization, &["plugins/*.py"]) {
        let path = entry?.path;
        rows.push([path.name(), "", "single file", &path].map(str::to_owned).to_vec());
    }
    if !rows.is_empty() {
        reach.console().table(&["plugin", "version", "how", "file"].map(str::to_owned), &rows);
    }
    let summary = match rows.len() {
        0 => "no plugins".into(),
        1 => "1 plugin".into(),
        count => format!("{count} plugins"),
    };
    Ok(Outcome { summary, ..Outcome::default() })
}
