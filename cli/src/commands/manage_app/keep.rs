//! After a command: what it says of app plugins goes into `customize.toml`, and what lies there into
//! `customize.lock`.

use crate::{
    error::{CommandError, Result},
    exit::Exit,
    findings,
};
use silver_pack::{
    customization::{self, AppPluginWanted, CONFIG, Customization, LOCK, normalized},
    manifest::IndexKind,
    overlay::Draft,
    snapshot::Snapshot,
};
use silver_plugin_api::{
    Collision, Overlay, Reason, TreePath,
    commands::Outcome,
    customizer::{AppPlugin, EXTRA_APP_PLUGINS},
};

/// `after` with `customize.toml` and `customize.lock` as they shall be. Without a word of the command about app
/// plugins it stays as it is.
pub fn pin(before: &Customization, after: Snapshot, outcome: &Outcome, arguments: &[(String, Vec<String>)]) -> Result<Snapshot> {
    let Some(text) = outcome.extra.get(EXTRA_APP_PLUGINS) else { return Ok(after) };
    let plugins: Vec<AppPlugin> = serde_json::from_str(text)
        .map_err(|error| CommandError::new(Exit::Error, format!("the plugin's list of app plugins cannot be read: {error}")))?;
    for plugin in &plugins {
        let there = TreePath::new(&plugin.path).is_ok_and(|path| after.listing().get(&path).is_some());
        if !there {
            let message = format!("the plugin says that {} is in `{}`, which is not there", plugin.name, plugin.path);
            return Err(CommandError::new(Exit::Error, message).hint("this is a fault of the plugin; nothing was changed"));
        }
    }
    let config = wanted(before, &plugins, arguments)?;
    let after = put(&after, CONFIG, &config)?;
    let changed = Customization::from_files(&before.dir, after)?;
    let mut lock = before.lock.clone();
    lock.pin_app_plugins(Vec::new(), &changed.files, &changed.config);
    let old = before.files.text(&path(LOCK)).unwrap_or_default();
    put(&changed.files, LOCK, &lock.write_over(&old))
}

/// `customize.toml` that wants what was asked for and no longer what was taken away. A row that is there
/// stays as the operator wrote it.
fn wanted(before: &Customization, plugins: &[AppPlugin], arguments: &[(String, Vec<String>)]) -> Result<String> {
    let kind = IndexKind::Python;
    let rows = before.config.plugins.get(&kind).map_or(&[][..], Vec::as_slice);
    let requested = |name: &str| plugins.iter().any(|plugin| plugin.requested && normalized(&plugin.name) == normalized(name));
    let edited = |error| CommandError::new(Exit::Error, error);
    let mut text = before.config_text().to_owned();
    for row in rows.iter().filter(|row| !requested(&row.name)) {
        text = customization::unwant_plugin(&text, kind, &row.name).map_err(edited)?;
    }
    for plugin in plugins.iter().filter(|plugin| plugin.requested) {
        let asked = asked_for(plugin, arguments);
        let there = rows.iter().any(|row| normalized(&row.name) == normalized(&plugin.name));
        if let Some(new) = asked.or_else(|| (!there).then(|| any_version(plugin))) {
            text = customization::want_plugin(&text, kind, &new).map_err(edited)?;
        }
    }
    Ok(text)
}

/// The plugin in the words of the command line, `TracNav` or `TracNav==4.3`.
fn asked_for(plugin: &AppPlugin, arguments: &[(String, Vec<String>)]) -> Option<AppPluginWanted> {
    let words = arguments.iter().flat_map(|(_, values)| values);
    let mut asked = words.filter_map(|word| word.parse::<AppPluginWanted>().ok());
    asked.find(|asked| normalized(&asked.name) == normalized(&plugin.name))
}

fn any_version(plugin: &AppPlugin) -> AppPluginWanted {
    AppPluginWanted { name: plugin.name.clone(), versions: String::new() }
}

fn put(files: &Snapshot, name: &str, text: &str) -> Result<Snapshot> {
    if files.text(&path(name)).is_ok_and(|old| old == text) {
        return Ok(files.clone());
    }
    let mut draft = Draft::new(files);
    let why = Reason::new("silver", []);
    draft.put(&path(name), text.as_bytes(), false, Collision::Replace, why).map_err(findings::failed)?;
    Ok(draft.finish().0)
}

fn path(name: &str) -> TreePath {
    TreePath::new(name).unwrap_or_default()
}
