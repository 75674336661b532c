//! Copies what a node's registry has and this machine's copy of it has not.

use crate::{
    error::{CommandError, Result},
    exit::Exit,
};
use silver_core::{deploy::DeployError, node::Node};
use silver_pack::listing::Listing;
use silver_plugin_api::{Digest, plan::MAX_CONTENTS};
use silver_registry::{Mirror, Registry, VerifierKey, needed::Needed};
use std::path::Path;

/// The most bytes of new events that are taken at once: they are judged together, in memory.
const MAX_NEW: usize = 4 << 30;

/// What was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pulled {
    /// Events that the log has in all.
    pub events: u64,
    /// Events that are new here.
    pub new: usize,
    /// Packs and contents that are new here.
    pub objects: usize,
}

/// Brings the copy in `dir` up to the node's own log, which `key` signs.
pub async fn pull(node: &dyn Node, dir: &Path, key: VerifierKey) -> Result<Pulled> {
    let mirror = Mirror::open_or_create(dir, key)?;
    let head = node.log_head(None).await?;
    let (told, first) = mirror.judge(&head.text)?;
    if told.size == first {
        return Ok(Pulled { events: told.size, ..Pulled::default() });
    }
    let mut events: Vec<Vec<u8>> = Vec::new();
    let mut bytes = 0;
    while first + (events.len() as u64) < told.size {
        let more = node.events(first + events.len() as u64).await?;
        if more.is_empty() {
            break; // what is missing is found when the events are judged
        }
        bytes += more.iter().map(Vec::len).sum::<usize>();
        if bytes > MAX_NEW {
            let message = format!("{} says that it has {} events, which are over the limit of 4 GiB", node.name(), told.size);
            return Err(CommandError::new(Exit::Integrity, message).hint("look at the node: no log of ours grows like that"));
        }
        events.extend(more);
    }
    // since the head was given the log may have grown
    events.truncate(usize::try_from(told.size - first).unwrap_or(usize::MAX));
    let arrival = mirror.check(&head.text, events)?;
    let objects = contents(node, mirror.registry(), arrival.needed()).await?;
    let new = arrival.len();
    arrival.publish()?;
    Ok(Pulled { events: told.size, new, objects })
}

/// Everything that the new events name, before they count.
async fn contents(node: &dyn Node, registry: &Registry, mut needed: Needed) -> Result<usize> {
    for digest in needed.trees.clone().keys() {
        let tree = if let Ok(tree) = registry.tree(digest) { tree } else { tree(node, registry, digest).await? };
        needed.add_tree(&tree, digest);
    }
    let objects = registry.objects();
    let archives: Vec<Digest> = needed.archives.keys().filter(|digest| !objects.has_archive(digest)).copied().collect();
    let mut count = 0;
    for digest in &archives {
        for stored in node.stored(true, &[*digest]).await?.into_iter().flatten() {
            let mut stored = stored;
            objects.put_archive(&mut stored, digest)?;
            count += 1;
        }
    }
    // most contents are in the packs that have just come
    let wanted: Vec<Digest> = objects.missing(needed.blobs.keys());
    for some in wanted.chunks(MAX_CONTENTS) {
        let mut batch = objects.batch();
        for (digest, stored) in some.iter().zip(node.stored(false, some).await?) {
            // what was redacted is gone there, too; `verify` knows whether it may be
            if let Some(mut stored) = stored {
                batch.put(&mut stored, digest)?;
            }
        }
        count += batch.publish()?;
    }
    Ok(count)
}

/// Copies a tree.
async fn tree(node: &dyn Node, registry: &Registry, digest: &Digest) -> Result<Listing> {
    let tree = Listing::parse(&node.tree(digest).await?).map_err(DeployError::from)?;
    if tree.digest() != *digest {
        return Err(DeployError::Tree { digest: *digest }.into());
    }
    registry.put_tree(&tree)?;
    Ok(tree)
}
