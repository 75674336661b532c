//! The list of packages that a pack ships: indexes have no search of their own.

use super::{IndexError, UNKNOWN};
use serde::Deserialize;
use silver_pack::{manifest::IndexDef, pack::Pack};
use silver_plugin_api::{Settings, index::PackageRef};

/// A row of the list.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Known {
    pub(super) name: String,
    #[serde(default)]
    pub(super) summary: String,
}

/// Reads the list of an index.
pub(super) fn read(pack: &Pack, index: Option<&IndexDef>) -> Result<Vec<Known>, IndexError> {
    let Some(path) = index.and_then(|index| index.list.as_ref()) else { return Ok(Vec::new()) };
    serde_json::from_str(&pack.tree().text(path)?).map_err(|source| IndexError::List { path: path.clone(), source })
}

/// Packages whose name or summary holds `query`; a hit in the name comes before one in the words.
pub(super) fn search(known: &[Known], query: &str, limit: u32) -> Vec<PackageRef> {
    let query = query.to_lowercase();
    let holds = |text: &str| text.to_lowercase().contains(&query);
    let mut found: Vec<&Known> = known.iter().filter(|known| holds(&known.name) || holds(&known.summary)).collect();
    found.sort_by_key(|known| (!holds(&known.name), known.name.to_lowercase()));
    found.into_iter().take(limit as usize).map(|known| package(&known.name, "", &known.summary)).collect()
}

/// A package of which no more is known.
pub(super) fn package(name: &str, version: &str, summary: &str) -> PackageRef {
    PackageRef {
        name: name.to_owned(),
        version: version.to_owned(),
        digest: UNKNOWN,
        summary: summary.to_owned(),
        size: 0,
        yanked: false,
        extra: Settings::new(),
    }
}
