//! The files of a release, with what is known about each.

use crate::{error::RegistryError, index::kind, registry::Registry};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One file. Fields are stable: `silver registry files --json` shows them as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileEntry {
    /// Path in the release's tree.
    pub path: String,
    /// `file`, `executable`, `link`.
    pub kind: &'static str,
    /// Bytes of the content, of a link's target.
    pub size: u64,
    /// `sha256:…` of the content.
    pub digest: String,
    /// Where it comes from: `pack`, `customization`, …
    pub origin: Option<String>,
    /// By which rule.
    pub rule: Option<String>,
}

/// As much of a recorded reason as is shown in a list; `silver explain` shows all of it.
#[derive(Debug, Default, Deserialize)]
struct Why {
    #[serde(default)]
    origin: Option<serde_json::Value>,
    #[serde(default)]
    rule: Option<String>,
}

/// The files of the release that event `index` is about, by path.
pub fn of_event(registry: &Registry, index: u64) -> Result<Vec<FileEntry>, RegistryError> {
    let change = registry.release_of(index)?;
    let Some(release) = &change.release else { return Err(RegistryError::NoRelease { index }) };
    let tree = registry.tree(&release.tree)?;
    let mut reasons: BTreeMap<String, Why> = match &change.reasons {
        // reasons of another silver may have another form; the files are known all the same
        Some(reasons) => serde_json::from_slice(&registry.objects().read(reasons)?).unwrap_or_default(),
        None => BTreeMap::new(),
    };
    let entry = |(path, node): (&silver_plugin_api::TreePath, &silver_pack::listing::Node)| {
        let why = reasons.remove(path.as_str()).unwrap_or_default();
        FileEntry {
            path: path.to_string(),
            kind: kind(node.kind),
            size: node.size,
            digest: node.digest.to_string(),
            origin: why.origin.map(|origin| origin.as_str().map_or_else(|| origin.to_string(), str::to_owned)),
            rule: why.rule,
        }
    };
    Ok(tree.iter().map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[test]
    fn files_are_listed_with_their_reasons() {
        let fixture = Fixture::full();
        let files = of_event(&fixture.registry, 0).unwrap();
        let told: Vec<_> = files.iter().map(|file| (file.path.as_str(), file.size, file.origin.as_deref())).collect();
        assert_eq!(told, [("app.py", 13, None), ("index.html", 25, Some("pack"))]);
        assert_eq!(files[1].rule.as_deref(), Some("the pack's file"));
        assert!(matches!(of_event(&fixture.registry, 1), Err(RegistryError::NoRelease { index: 1 })));
    }
}
