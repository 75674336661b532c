//! `files`: directories and files below the app's data directory, SQLite databases among them.

use silver_plugin_api::{
    Failure, Settings,
    plan::{Part, Recipe, RecipePart, Source, StateNature, Value},
    service::{AppInfo, Place, Provisioning, Service},
};

/// Files on the node.
#[derive(Debug, Clone, Copy, Default)]
pub struct Files;

impl Service for Files {
    fn kind(&self) -> &'static str {
        "files"
    }

    /// Facts: `path` (the data directory) and, when there is a directory of nature `data`, `url`:
    /// `sqlite:` and the path of a database in it (and so in every checkpoint) that is named after
    /// the application.
    fn provision(&self, app: &AppInfo, _: &[Place], _: &Settings) -> Result<Provisioning, Failure> {
        let data = || Part::Fact("SILVER_DATA_DIR".into());
        let mut facts = vec![("path".into(), Value(vec![data()]))];
        let kept = app.state.iter().find(|state| state.nature == StateNature::Data && state.directory && state.backup);
        if let Some(directory) = kept {
            let file = Part::Text(format!("/{}/{}.sqlite", directory.path, app.name));
            facts.push(("url".into(), Value(vec![Part::Text("sqlite:".into()), data(), file])));
        }
        Ok(Provisioning { items: Vec::new(), facts })
    }

    /// Every state path that is in backups, each a part of its own, so that one can be restored alone.
    fn parts(&self, app: &AppInfo, _: &[Place], _: &Settings) -> Result<Recipe, Failure> {
        let kept = app.state.iter().filter(|state| state.backup);
        let parts = kept.map(|state| RecipePart {
            id: format!("data:{}", state.path),
            source: Source::Data { path: state.path.clone(), exclude: Vec::new() },
        });
        Ok(Recipe { parts: parts.collect(), notes: Settings::new() })
    }
}
