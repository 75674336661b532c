//! What the events of a log name: trees, packs, contents.

use crate::statement::{Event, Statement};
use silver_pack::listing::Listing;
use silver_plugin_api::Digest;
use std::collections::{BTreeMap, HashSet};

/// What the statements of a log need.
#[derive(Debug, Clone, Default)]
pub struct Needed {
    /// Tree → the first event that names it.
    pub trees: BTreeMap<Digest, u64>,
    /// Pack → the first event that names it.
    pub archives: BTreeMap<Digest, u64>,
    /// Blob → its size, where that is known, and what needs it.
    pub blobs: BTreeMap<Digest, (Option<u64>, String)>,
    /// What may be gone, since an event says so.
    pub redacted: HashSet<Digest>,
}

impl Needed {
    /// What these events name; the contents of trees are added by [`Needed::add_tree`].
    pub fn by<'a>(events: impl IntoIterator<Item = (u64, &'a Statement)>) -> Self {
        let mut needed = Self::default();
        for (index, statement) in events {
            let event = &statement.record().event;
            if let Event::Redact(redacted) = event {
                needed.redacted.extend(&redacted.digests);
            }
            let Some(change) = event.change() else { continue };
            if let Some(release) = &change.release {
                needed.trees.entry(release.tree).or_insert(index);
                needed.archives.entry(release.pack.archive).or_insert(index);
            }
            if let Some(reasons) = change.reasons {
                needed.blobs.entry(reasons).or_insert_with(|| (None, format!("the reasons of event {index}")));
            }
        }
        needed
    }

    /// The contents of a tree.
    pub fn add_tree(&mut self, tree: &Listing, digest: &Digest) {
        for (path, node) in tree {
            let why = || (Some(node.size), format!("`{path}` of the tree {}", digest.short()));
            self.blobs.entry(node.digest).or_insert_with(why);
        }
    }
}
