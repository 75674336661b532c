//! `build.python`: every pinned wheel enters the pack.

use super::{Addition, DiskBlobs, add, join};
use crate::{
    build::{BuildError, Options},
    provenance::Package,
    requirements::{self, normalise},
    sbom::{Component, License, Property},
    wheel_metadata,
    wheels::{Wheel, WheelStore, wheel_name},
};
use silver_pack::{manifest::PythonBuild, snapshot::Snapshot};
use silver_plugin_api::TreePath;
use std::{fs, path::Path, sync::Arc};

pub(crate) fn make(
    python: &PythonBuild,
    sources: &Snapshot,
    downloads: &Path,
    options: &Options<'_>,
) -> Result<Addition, BuildError> {
    let text = sources.text(&python.requirements)?;
    let pins = requirements::parse(&text, &python.requirements)?;
    let store = WheelStore::new(downloads.join("wheels"));
    let wheels = store.fetch(&options.pip, &pins, &|pin| (options.progress)(&format!("fetching {pin}")))?;
    let (mut addition, mut blobs) = (Addition::default(), DiskBlobs::default());
    for wheel in wheels {
        let path = join(&python.wheels, &wheel.file)?;
        let failed = |source| BuildError::Read { path: wheel.path.clone(), source };
        let size = fs::metadata(&wheel.path).map_err(failed)?.len();
        addition.packages.extend(package(&wheel, &path));
        addition.components.extend(component(&wheel, &path));
        add(&mut addition.listing, path, blobs.put(wheel.path, wheel.digest, size, false))?;
    }
    addition.blobs.push(Arc::new(blobs));
    Ok(addition)
}

fn package(wheel: &Wheel, path: &TreePath) -> Option<Package> {
    let (name, version) = wheel_name(&wheel.file)?;
    let (file, digest) = (path.to_string(), wheel.digest.to_string());
    Some(Package { kind: "pypi", name: normalise(name), version: version.to_owned(), file, digest })
}

fn component(wheel: &Wheel, path: &TreePath) -> Option<Component> {
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
        properties: vec![Property { name: "silver:file", value: path.to_string() }],
    })
}
