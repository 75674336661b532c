//! Files become the content of a pack.

use super::{PROVENANCE, ROTATIONS, SBOM, SIGNATURE, TREE, own_path};
use crate::{
    listing::{Kind, ListingError, Node},
    snapshot::{Layers, MemoryBlobs, Snapshot},
};
use std::sync::Arc;

/// Adds silver's own files to `tree`: the bill of materials, the provenance, and `.silver/tree` over
/// all of it. The result is what [`crate::archive::write`] makes a pack of.
pub fn seal(tree: &Snapshot, sbom: Option<&str>, provenance: Option<&str>) -> Result<Snapshot, ListingError> {
    let files = [(SBOM, sbom), (PROVENANCE, provenance)];
    let tree = add(tree, files.into_iter().filter_map(|(name, text)| Some((name, text?))))?;
    let lines = tree.listing().to_lines();
    add(&tree, [(TREE, lines.as_str())].into_iter())
}

/// Adds to what was sealed who published it: a signature over `.silver/tree`, and the rotations that
/// led to its key. The pack digest stays what it is.
pub fn publish(sealed: &Snapshot, signature: &str, rotations: Option<&str>) -> Result<Snapshot, ListingError> {
    let files = [(SIGNATURE, Some(signature)), (ROTATIONS, rotations)];
    add(sealed, files.into_iter().filter_map(|(name, text)| Some((name, text?))))
}

fn add<'a>(tree: &Snapshot, files: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Snapshot, ListingError> {
    let (mut listing, mut blobs) = ((**tree.listing()).clone(), MemoryBlobs::new());
    for (name, text) in files {
        let node = Node { kind: Kind::File, size: text.len() as u64, digest: blobs.put(text.as_bytes()) };
        listing.insert(own_path(name), node)?;
    }
    Ok(Snapshot::new(listing, Arc::new(Layers::new(vec![tree.blobs().clone(), Arc::new(blobs)]))))
}
