//! What a wheel says of itself (`*.dist-info/METADATA`, the core metadata specification).

use silver_pack::{
    archive::{self, Strictness},
    limits::Limits,
    snapshot::Snapshot,
};
use std::{path::Path, sync::Arc};

/// The fields that the bill of materials shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) summary: String,
    /// An SPDX expression, if the package gives one.
    pub(crate) license_expression: Option<String>,
    /// Free text, if it gives that.
    pub(crate) license: Option<String>,
}

/// Reads a wheel's metadata; `None` when the wheel cannot be read as an archive or has none.
pub(crate) fn read(wheel: &Path) -> Option<Metadata> {
    let (archive, blobs) = archive::open(wheel, Strictness::Any, &Limits::default()).ok()?;
    let tree = Snapshot::new(archive.listing().clone(), Arc::new(blobs));
    let path = tree
        .listing()
        .iter()
        .map(|(path, _)| path)
        .find(|path| path.strip_suffix(".dist-info/METADATA").is_some_and(|name| !name.contains('/')))?;
    Some(parse(&tree.text(path).ok()?))
}

/// Headers up to the first empty line.
fn parse(text: &str) -> Metadata {
    let mut metadata = Metadata::default();
    for line in text.lines().take_while(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_once(": ") else { continue };
        let value = value.trim();
        let given = || (!value.is_empty() && value != "UNKNOWN").then(|| value.to_owned());
        match name.to_ascii_lowercase().as_str() {
            "name" => value.clone_into(&mut metadata.name),
            "version" => value.clone_into(&mut metadata.version),
            "summary" => metadata.summary = given().unwrap_or_default(),
            "license-expression" => metadata.license_expression = given(),
            "license" => metadata.license = given(),
            _ => {}
        }
    }
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_end_at_the_empty_line() {
        let metadata = parse(
            "Metadata-Version: 2.4\nName: Foo\nVersion: 1.0\nLicense: UNKNOWN\nLicense-Expression: MIT\nSummary: does foo\n\nName: Bar\n",
        );
        assert_eq!((metadata.name.as_str(), metadata.version.as_str(), metadata.summary.as_str()), ("Foo", "1.0", "does foo"));
        assert_eq!((metadata.license_expression.as_deref(), metadata.license), (Some("MIT"), None));
    }
}
