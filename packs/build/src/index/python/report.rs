//! pip's installation report (version 1, pip's documentation «Installation Report»).

use serde::Deserialize;
use silver_plugin_api::{Digest, Failure, index::PackageRef};
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Report {
    install: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
    download_info: Download,
    #[serde(default)]
    is_yanked: bool,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    version: String,
    #[serde(default)]
    summary: Option<String>,
}

#[derive(Deserialize)]
struct Download {
    url: String,
    #[serde(default)]
    archive_info: Archive,
}

#[derive(Deserialize, Default)]
struct Archive {
    #[serde(default)]
    hash: Option<String>,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

/// The packages of a report, sorted by name.
pub(super) fn packages(text: &str) -> Result<Vec<PackageRef>, Failure> {
    let report: Report =
        serde_json::from_str(text).map_err(|error| Failure::Unavailable(format!("pip's report cannot be read: {error}")))?;
    let mut packages = report.install.into_iter().map(package).collect::<Result<Vec<_>, _>>()?;
    packages.sort_by_key(|package| package.name.to_lowercase());
    Ok(packages)
}

fn package(item: Item) -> Result<PackageRef, Failure> {
    let Metadata { name, version, summary } = item.metadata;
    let file = item.download_info.url.split(['#', '?']).next().unwrap_or_default();
    if !is_wheel(file) {
        return Err(crate::index::failure::wheels_only(&name));
    }
    let archive = item.download_info.archive_info;
    let hash = archive.hashes.get("sha256").map(String::as_str).or_else(|| archive.hash.as_deref()?.strip_prefix("sha256="));
    let digest = hash.and_then(|hash| Digest::from_hex(hash).ok());
    let digest = digest.ok_or_else(|| Failure::Unavailable(format!("the index gives no sha256 for `{name}` {version}")))?;
    Ok(PackageRef {
        name,
        version,
        digest,
        summary: summary.unwrap_or_default(),
        size: 0,
        yanked: item.is_yanked,
        extra: silver_plugin_api::Settings::new(),
    })
}

fn is_wheel(file: &str) -> bool {
    file.rsplit_once('.').is_some_and(|(_, suffix)| suffix == "whl")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read() {
        let digest = "f80471720945fb7d5d74f8903da25b965820e2b902d77be6112212a777d9c2cc";
        let text = |url: &str, archive: &str| {
            format!(
                r#"{{"version":"1","install":[{{"metadata":{{"name":"A","version":"1"}},"download_info":{{"url":"{url}","archive_info":{archive}}}}}]}}"#
            )
        };
        let hashes = format!(r#"{{"hashes":{{"sha256":"{digest}"}}}}"#);
        let old = format!(r#"{{"hash":"sha256={digest}"}}"#);
        for archive in [&hashes, &old] {
            let packages = packages(&text("file:///x/A-1-py3-none-any.whl", archive)).unwrap();
            assert_eq!(packages[0].digest.hex(), digest);
        }
        assert!(matches!(packages(&text("file:///x/A-1-py3-none-any.whl", "{}")), Err(Failure::Unavailable(_))));
        assert!(matches!(packages(&text("file:///x/A-1.tar.gz", &hashes)), Err(Failure::Invalid(_))));
        assert!(matches!(packages("[]"), Err(Failure::Unavailable(_))));
    }
}
