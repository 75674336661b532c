//! The files of a release, with what is known about each.

use crate::{error::RegistryError, index::kind, registry::Registry};
use serde::Serialize;
use silver_pack::{listing::Node, overlay::Reasons};
use silver_plugin_api::TreePath;

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
    /// Where it comes from: `pack`, or what decided it, `customization:templates/site_header.html`.
    /// Absent when no reasons were recorded.
    pub origin: Option<String>,
    /// By which rule it is not as the pack has it: `slot templates: override`.
    pub rule: Option<String>,
}

/// The files of the release that event `index` is about, by path.
pub fn of_event(registry: &Registry, index: u64) -> Result<Vec<FileEntry>, RegistryError> {
    let change = registry.release_of(index)?;
    let Some(release) = &change.release else { return Err(RegistryError::NoRelease { index }) };
    let tree = registry.tree(&release.tree)?;
    // reasons of another silver may have another form; the files are known all the same
    let reasons: Option<Reasons> = match &change.reasons {
        Some(reasons) => serde_json::from_slice(&registry.objects().read(reasons)?).ok(),
        None => None,
    };
    Ok(tree.iter().map(|(path, node)| entry(path, node, reasons.as_ref())).collect())
}

fn entry(path: &TreePath, node: &Node, reasons: Option<&Reasons>) -> FileEntry {
    let last = reasons.and_then(|reasons| reasons.of(path).last());
    let origin = last.map(|change| if change.inputs.is_empty() { change.by.clone() } else { change.inputs.join(", ") });
    FileEntry {
        path: path.to_string(),
        kind: kind(node.kind),
        size: node.size,
        digest: node.digest.to_string(),
        origin: origin.or_else(|| reasons.map(|_| "pack".to_owned())),
        rule: last.map(|change| change.rule.clone()),
    }
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
        assert_eq!(told, [("app.py", 13, Some("pack")), ("index.html", 25, Some("customization:index.html"))]);
        assert_eq!((files[0].rule.as_deref(), files[1].rule.as_deref()), (None, Some("slot pages: override")));
        assert!(matches!(of_event(&fixture.registry, 1), Err(RegistryError::NoRelease { index: 1 })));
    }
}
