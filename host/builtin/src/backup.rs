//! The built-in backup plugin: what a checkpoint consists of.

use crate::services::Files;
use silver_plugin_api::{
    Failure, Settings,
    backup::Backup,
    plan::{NodeFacts, Recipe, RecipePart, Source},
    service::{AppInfo, Service},
};

/// Everything that the services keep, and the secrets. Caches and logs are left out; so is whatever
/// the manifest keeps out with `backup = false`.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltinBackup;

/// Version of the notes, so that a later silver knows how to read an old copy.
const FORMAT: &str = "1";

impl Backup for BuiltinBackup {
    fn plan_backup(&self, app: &AppInfo, _: &NodeFacts, settings: &Settings) -> Result<Recipe, Failure> {
        let mut recipe = Files.parts(app, &[], settings)?;
        recipe.parts.push(RecipePart { id: "secrets".into(), source: Source::Secrets });
        let note = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let parts: Vec<&str> = recipe.parts.iter().map(|part| part.id.as_str()).collect();
        let parts = parts.join("\n");
        recipe.notes.extend([
            note("format", FORMAT),
            note("app", &app.name),
            note("version", &app.version),
            note("parts", &parts),
        ]);
        Ok(recipe)
    }

    fn plan_restore(&self, app: &AppInfo, _: &NodeFacts, notes: &Settings) -> Result<Recipe, Failure> {
        if notes.get("format").map(String::as_str) != Some(FORMAT) {
            return Err(Failure::invalid(
                "backup-format",
                format!("the copy of `{}` was made by another version of silver", app.name),
                Some("use the version that made it"),
            ));
        }
        let mut recipe = Recipe { parts: Vec::new(), notes: notes.clone() };
        for id in notes.get("parts").map(String::as_str).unwrap_or_default().lines() {
            let source = match id.strip_prefix("data:") {
                Some(path) => Source::Data {
                    path: path.parse().map_err(|error| {
                        Failure::invalid("backup-notes", format!("the copy's notes name a bad path `{path}`: {error}"), None)
                    })?,
                    exclude: Vec::new(),
                },
                None => Source::Secrets,
            };
            recipe.parts.push(RecipePart { id: id.into(), source });
        }
        Ok(recipe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use silver_plugin_api::plan::{StateNature, StatePath};

    fn state(path: &str, nature: StateNature, backup: bool) -> StatePath {
        StatePath {
            path: path.parse().unwrap(),
            nature,
            directory: true,
            seed: None,
            backup,
            owned: None,
            set: Vec::new(),
            serve: None,
        }
    }

    #[test]
    fn what_is_copied_can_be_put_back() {
        let app = AppInfo {
            name: "trac".into(),
            version: "1.6.0".into(),
            state: vec![
                state("db", StateNature::Data, true),
                state("conf/trac.ini", StateNature::Config, true),
                state("log", StateNature::Log, false),
                state("cache", StateNature::Cache, false),
            ],
            extra: Settings::new(),
        };
        let recipe = BuiltinBackup.plan_backup(&app, &NodeFacts::default(), &Settings::new()).unwrap();
        let ids: Vec<&str> = recipe.parts.iter().map(|part| part.id.as_str()).collect();
        assert_eq!(ids, ["data:db", "data:conf/trac.ini", "secrets"]);
        let restore = BuiltinBackup.plan_restore(&app, &NodeFacts::default(), &recipe.notes).unwrap();
        assert_eq!(restore, recipe);
        assert!(BuiltinBackup.plan_restore(&app, &NodeFacts::default(), &Settings::new()).is_err());
    }
}
