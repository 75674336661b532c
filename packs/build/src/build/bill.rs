//! The bill of materials of a pack.

use crate::sbom::{Component, License, Property, Sbom};
use silver_pack::manifest::Manifest;
use silver_plugin_api::{Digest, TreePath};

/// The application, the packages inside, and its plugins.
pub(super) fn make(manifest: &Manifest, mut components: Vec<Component>, plugins: &[(TreePath, Digest)]) -> Sbom {
    let info = &manifest.pack;
    let application = Component {
        kind: "application",
        bom_ref: format!("silver:{}@{}", info.id, info.version),
        name: info.name.to_string(),
        version: info.app_version(),
        description: info.summary.clone(),
        licenses: info.license.iter().cloned().map(License::Expression).collect(),
        ..Component::default()
    };
    components.extend(plugins.iter().map(|(file, digest)| Component {
        kind: "library",
        bom_ref: format!("silver:plugin/{file}"),
        name: file.to_string(),
        description: "plugin of silver, a WASM component".to_owned(),
        hashes: vec![(*digest).into()],
        properties: vec![Property { name: "silver:file", value: file.to_string() }],
        ..Component::default()
    }));
    Sbom::new(application, components)
}
