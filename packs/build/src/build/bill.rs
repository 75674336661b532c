//! The bill of materials of a pack.

use crate::{
    requirements::normalise,
    sbom::{Component, License, Property, Sbom},
    wheel_metadata,
    wheels::{Wheel, wheel_name},
};
use silver_pack::manifest::Manifest;
use silver_plugin_api::{Digest, TreePath};

/// The application, its wheels and its plugins.
pub(super) fn make(manifest: &Manifest, wheels: &[Wheel], plugins: &[(TreePath, Digest)]) -> Sbom {
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
    let wheels_dir = manifest.build.python.as_ref().map(|python| &python.wheels);
    let mut components: Vec<Component> =
        wheels.iter().filter_map(|wheel| library(wheel, &wheels_dir?.join(&wheel.file).ok()?)).collect();
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

fn library(wheel: &Wheel, file: &TreePath) -> Option<Component> {
    let (name, version) = wheel_name(&wheel.file)?;
    let metadata = wheel_metadata::read(&wheel.path).unwrap_or_default();
    let shown = if metadata.name.is_empty() { name.to_owned() } else { metadata.name };
    let named =
        metadata.license.and_then(|license| license.lines().next().map(|line| License::License { name: line.to_owned() }));
    Some(Component {
        kind: "library",
        bom_ref: format!("pypi:{}", wheel.file),
        name: shown,
        version: version.to_owned(),
        description: metadata.summary,
        hashes: vec![wheel.digest.into()],
        licenses: metadata.license_expression.map(License::Expression).or(named).into_iter().collect(),
        purl: Some(format!("pkg:pypi/{}@{version}?file_name={}", normalise(name), wheel.file)),
        properties: vec![Property { name: "silver:file", value: file.to_string() }],
    })
}
