//! Slots of nature `content` hold big data, a database that is published, say. Which bytes they were
//! is recorded for ever; the bytes themselves are kept as long as a release on the node has them.
//! Then they go, and an event says so, without which `verify` would miss them.

use crate::{
    dirs::Dirs,
    disk::names,
    record::{RecordError, RegistryRecorder},
    stage,
    state::{self, StateError},
    store::{Store, StoreError},
};
use silver_pack::listing::Listing;
use silver_plugin_api::{Digest, TreePath};
use silver_registry::RegistryError;
use std::{collections::BTreeSet, sync::Arc};

/// Why nothing went; it is tried again after the next deployment.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContentError {
    /// A state file cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// A directory cannot be read.
    #[error(transparent)]
    Disk(#[from] crate::disk::DiskError),
    /// The registry cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The event cannot be recorded; the bytes are still there.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl From<RegistryError> for ContentError {
    fn from(error: RegistryError) -> Self {
        Self::Store(error.into())
    }
}

/// After a deployment: content that only former releases of the app have had goes.
pub(crate) async fn let_go(
    dirs: &Dirs,
    store: &Arc<Store>,
    recorder: &RegistryRecorder,
    app: &str,
    operator: &str,
) -> Result<(), ContentError> {
    let Some(_nobody_stages) = stage::nobody_stages(dirs)? else { return Ok(()) }; // who does may count on what is there
    let (place, bytes, name) = (dirs.clone(), Arc::clone(store), app.to_owned());
    let looked = tokio::task::spawn_blocking(move || superfluous(&place, &bytes, &name));
    let digests = looked.await.unwrap_or_else(|_| Ok(Vec::new()))?;
    if digests.is_empty() {
        return Ok(());
    }
    // first the word, then the deed: bytes that are there although they may be gone harm nobody
    recorder.redacted(app, operator, &digests).await?;
    for digest in &digests {
        store.registry().objects().remove_loose(digest)?;
    }
    tracing::info!(app, "{} files of content of former releases have gone", digests.len());
    Ok(())
}

/// Loose contents that were the app's content, that no release on the node has, and that nothing
/// recorded has had anywhere else.
fn superfluous(dirs: &Dirs, store: &Store, app: &str) -> Result<Vec<Digest>, ContentError> {
    let Some(current) = state::load(dirs, app)?.current else { return Ok(Vec::new()) };
    let content = state::release(dirs, app, &current)?.release.content;
    if content.is_empty() {
        return Ok(Vec::new());
    }
    let (mut had, mut needed) = (BTreeSet::new(), BTreeSet::new());
    for event in store.registry().events(0)? {
        let record = event?.statement.record().clone();
        let Some(release) = record.event.change().and_then(|change| change.release.as_ref()) else { continue };
        let own = record.app.as_deref() == Some(app);
        divide(&store.registry().tree(&release.tree)?, if own { &content } else { &[] }, &mut had, &mut needed);
    }
    for other in names(&dirs.node().join("releases"))? {
        for label in names(&dirs.releases(&other))? {
            match state::release(dirs, &other, &label) {
                Ok(file) => divide(&store.registry().tree(&file.release.tree)?, &[], &mut had, &mut needed),
                Err(StateError::NoRelease(_)) => {}
                Err(error) => return Err(error.into()), // it may have any of them
            }
        }
    }
    let objects = store.registry().objects();
    Ok(had.difference(&needed).filter(|digest| objects.has_loose(digest)).copied().collect())
}

/// What of a tree lies in one of `content`, and what elsewhere.
fn divide(tree: &Listing, content: &[TreePath], had: &mut BTreeSet<Digest>, needed: &mut BTreeSet<Digest>) {
    for (path, node) in tree {
        let inside = content.iter().any(|directory| path.below(directory).is_some());
        if inside {
            had.insert(node.digest)
        } else {
            needed.insert(node.digest)
        };
    }
}
