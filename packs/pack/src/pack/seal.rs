//! Files become the content of a pack.

use super::{PROVENANCE, SBOM, TREE, own_path};
use crate::{
    listing::{Kind, ListingError, Node},
    snapshot::{Layers, MemoryBlobs, Snapshot},
};
use std::sync::Arc;

/// Adds silver's own files to `tree`: the bill of materials, the provenance, and `.silver/tree` over
/// all of it. The result is what [`crate::archive::write`] makes a pack of.
pub fn seal(tree: &Snapshot, sbom: Option<&str>, provenance: Option<&str>) -> Result<Snapshot, ListingError> {
    let (mut listing, mut blobs) = ((**tree.listing()).clone(), MemoryBlobs::new());
    let mut add = |listing: &mut crate::listing::Listing, name: &str, text: &str| {
        let node = Node { kind: Kind::File, size: text.len() as u64, digest: blobs.put(text.as_bytes()) };
        listing.insert(own_path(name), node).map(drop)
    };
    for (name, text) in [(SBOM, sbom), (PROVENANCE, provenance)] {
        if let Some(text) = text {
            add(&mut listing, name, text)?;
        }
    }
    let lines = listing.to_lines();
    add(&mut listing, TREE, &lines)?;
    Ok(Snapshot::new(listing, Arc::new(Layers::new(vec![tree.blobs().clone(), Arc::new(blobs)]))))
}
