//! Compiled plugins are pinned inputs: their digests are written into the pack's manifest.

use super::BuildError;
use silver_pack::{manifest::Manifest, snapshot::Snapshot};
use silver_plugin_api::{Digest, TreePath};

/// What [`pin`] gives: the completed manifest, the plugins with their digests, warnings.
type Pinned = (String, Vec<(TreePath, Digest)>, Vec<String>);

/// The first bytes of a WASM component: magic, version 13, layer 1.
const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// Fills in `sha256` of each `[[plugin]]`, keeping comments and order.
pub(super) fn pin(text: &str, manifest: &Manifest, sources: &Snapshot) -> Result<Pinned, BuildError> {
    let (mut plugins, mut warnings) = (Vec::new(), Vec::new());
    // what `manifest::parse` has read, this reads too
    let mut document: toml_edit::DocumentMut = text.parse().unwrap_or_default();
    for (at, plugin) in manifest.plugin.iter().enumerate() {
        let content = sources.bytes(&plugin.file)?;
        let digest = silver_pack::hash::sha256(&content);
        if let Some(named) = plugin.sha256.filter(|named| *named != digest) {
            return Err(BuildError::OtherPlugin { file: plugin.file.clone(), named, found: digest });
        }
        if !content.starts_with(&COMPONENT) {
            warnings.push(format!("`{}` is not a WASM component", plugin.file));
        }
        if let Some(table) = document.get_mut("plugin").and_then(|plugins| plugins.get_mut(at)) {
            table["sha256"] = toml_edit::value(digest.hex());
        }
        plugins.push((plugin.file.clone(), digest));
    }
    let text = if plugins.is_empty() { text.to_owned() } else { document.to_string() };
    Ok((text, plugins, warnings))
}
