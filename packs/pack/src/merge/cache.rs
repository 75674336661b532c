//! Results of merges, kept by the digest of everything that they depend on.
//!
//! `<dir>/<hex of the key>` is one file: a line with the sha256 of what follows, a line of JSON,
//! then the contents that the merge made. It is checked on reading; one that is not right counts as
//! absent and is written anew. Deleting any of it is harmless.

use crate::{
    customization::write_atomically,
    hash,
    listing::Listing,
    overlay::Reasons,
    snapshot::{Blobs, Layers, MemoryBlobs, Snapshot},
};
use serde::{Deserialize, Serialize};
use silver_plugin_api::{Diagnostic, Digest};
use std::{collections::HashSet, fs, io, path::Path, sync::Arc};

/// What a merge found and made.
pub(super) struct Kept {
    pub(super) tree: Snapshot,
    pub(super) reasons: Reasons,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Contents that are neither the pack's nor the customization's.
    pub(super) made: MemoryBlobs,
}

#[derive(Serialize, Deserialize)]
struct Head {
    tree: String,
    reasons: Reasons,
    diagnostics: Vec<Diagnostic>,
    /// Sizes of the contents that follow.
    made: Vec<u64>,
}

pub(super) fn store(dir: &Path, key: &Digest, kept: &Kept) -> io::Result<()> {
    let mut made = Vec::new();
    let mut seen = HashSet::new();
    for (_, node) in kept.tree.listing().iter() {
        if let Some(content) = kept.made.get(&node.digest).filter(|_| seen.insert(node.digest)) {
            made.push(content);
        }
    }
    let head = Head {
        tree: kept.tree.listing().to_lines(),
        reasons: kept.reasons.clone(),
        diagnostics: kept.diagnostics.clone(),
        made: made.iter().map(|content| content.len() as u64).collect(),
    };
    let mut body = serde_json::to_vec(&head)?;
    body.push(b'\n');
    for content in made {
        body.extend_from_slice(content);
    }
    let mut file = format!("{}\n", hash::sha256(&body)).into_bytes();
    file.append(&mut body);
    fs::create_dir_all(dir)?;
    write_atomically(&dir.join(key.hex()), &file)
}

/// What was kept; `None` when there is nothing, or it is not right.
pub(super) fn load(dir: &Path, key: &Digest, app: &Snapshot, own: &Snapshot) -> Option<Kept> {
    let file = fs::read(dir.join(key.hex())).ok()?;
    let line = file.iter().position(|byte| *byte == b'\n')?;
    let digest: Digest = std::str::from_utf8(&file[..line]).ok()?.parse().ok()?;
    let body = &file[line + 1..];
    if hash::sha256(body) != digest {
        return None;
    }
    let line = body.iter().position(|byte| *byte == b'\n')?;
    let head: Head = serde_json::from_slice(&body[..line]).ok()?;
    let mut rest = &body[line + 1..];
    let mut made = MemoryBlobs::new();
    for size in head.made {
        let (content, after) = rest.split_at_checked(usize::try_from(size).ok()?)?;
        made.put(content);
        rest = after;
    }
    let listing = Listing::parse(&head.tree).ok()?;
    let known: HashSet<Digest> = [app, own].iter().flat_map(|tree| tree.listing().iter()).map(|(_, node)| node.digest).collect();
    if listing.iter().any(|(_, node)| !known.contains(&node.digest) && made.get(&node.digest).is_none()) {
        return None;
    }
    let stores: Vec<Arc<dyn Blobs>> = vec![Arc::new(made.clone()), app.blobs().clone(), own.blobs().clone()];
    let tree = Snapshot::new(listing, Arc::new(Layers::new(stores)));
    Some(Kept { tree, reasons: head.reasons, diagnostics: head.diagnostics, made })
}
