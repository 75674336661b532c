//! Lays a release out beside the one that serves. What is unfinished has a name that begins with a
//! dot; the release gets its own by one rename, when everything is durable.

mod assemble;
mod brought;
mod environment;
mod instance;
pub(crate) mod program;
pub mod shared;
#[cfg(test)]
mod tests;
pub mod tree;

use crate::{
    apps::{AppFailure, Apps, Placed},
    dirs::Dirs,
    disk::{At, DiskError, make_dir, make_open_dir, sync_dir, sync_file_system, write_atomic},
    feed::Feed,
    lock::{self, Moment, With},
    names::{self, NameError},
    observe::stats,
    state::{self, ReleaseFile, StateError},
    store::{Store, StoreError},
    trash,
};
pub use assemble::{AssembleError, Parts, assemble};
pub use brought::Brought;
pub use environment::EnvironmentError;
use shared::Shared;
#[cfg(test)]
pub(crate) use shared::store_time;
use silver_plugin_api::{
    Digest, TreePath,
    plan::{ProgressKind, Release},
};
use std::{fs, path::Path, sync::Arc};
use tokio::sync::watch;
use tree::How;

/// Why a release could not be laid out. Nothing of it stays.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The label cannot be.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The label is in use.
    #[error("the release `{0}` is on the node already")]
    Taken(String),
    /// The release is of another app.
    #[error("a release of `{release}` cannot be staged for `{app}`")]
    OtherApp {
        /// The app that is locked.
        app: String,
        /// The app that the release names.
        release: String,
    },
    /// The registry lacks the tree or one of its files.
    #[error("what the release consists of is not here")]
    Store(#[from] StoreError),
    /// A file could not be written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The content of a file is not what the tree says.
    #[error("the content of `{path}` has the digest {found}, not {expected}")]
    Content {
        /// Path in the tree.
        path: TreePath,
        /// As the tree says.
        expected: Digest,
        /// As it was found.
        found: Digest,
    },
    /// The instance view cannot be made.
    #[error("the instance view cannot have `{path}`: {why}")]
    View {
        /// Below the instance directory.
        path: TreePath,
        /// Why not.
        why: &'static str,
    },
    /// The environment could not be built.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// A build step was not done.
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    /// The state of the app cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The secrets could not be kept.
    #[error("the secrets cannot be kept")]
    Secrets(#[source] AppFailure),
    /// The client is gone.
    #[error("staging was given up")]
    GivenUp,
}

impl StageError {
    /// Is there no room left?
    pub fn is_full(&self) -> bool {
        match self {
            Self::Disk(error) => error.is_full(),
            Self::Store(error) => error.is_full(),
            _ => false,
        }
    }
}

/// What to lay out.
#[derive(Debug, Clone)]
pub struct Order {
    /// The app whose lock is held.
    pub app: String,
    /// The label.
    pub label: String,
    /// The release.
    pub release: Arc<Release>,
    /// Values of secrets that the operator gives.
    pub secrets: Vec<(String, String)>,
}

/// What a release is laid out with.
pub struct Means<'a> {
    /// Where everything lies.
    pub dirs: &'a Dirs,
    /// Has the bytes.
    pub store: &'a Arc<Store>,
    /// Keeps the secrets.
    pub apps: &'a dyn Apps,
    /// Where commands that build environments find programs.
    pub path: &'a str,
    /// What came with a pack and is a file already.
    pub brought: Option<Arc<Brought>>,
    /// Is told how it goes.
    pub feed: &'a Arc<Feed>,
    /// Becomes true when nobody wants the release any more.
    pub cancel: watch::Receiver<bool>,
}

/// Lays a release out.
pub async fn stage(means: Means<'_>, order: &Order) -> Result<(), StageError> {
    let dirs = means.dirs;
    let _staging = staging(dirs).await?;
    check(dirs, order)?;
    let unfinished = dirs.releases(&order.app).join(format!(".{}.new", order.label));
    let done = fill(means, order, &unfinished).await;
    if done.is_err() {
        trash::discard(dirs, &unfinished)?;
        // it may have been the disk that was full: what is half done must not take its room
        trash::reap(dirs)?;
    }
    done
}

/// Held by whoever stages. While it is, nothing is pruned that releases share.
async fn staging(dirs: &Dirs) -> Result<Moment, DiskError> {
    lock::wait(&dirs.short_lock("staging"), With::Others).await
}

/// For pruning: proof that nobody stages, and a bar to beginning it, for as long as it is held.
pub(crate) fn nobody_stages(dirs: &Dirs) -> Result<Option<Moment>, DiskError> {
    lock::now(&dirs.short_lock("staging"), With::Nobody)
}

fn check(dirs: &Dirs, order: &Order) -> Result<(), StageError> {
    names::label(&order.app, &order.label)?;
    if order.release.app != order.app {
        return Err(StageError::OtherApp { app: order.app.clone(), release: order.release.app.clone() });
    }
    let file = state::load(dirs, &order.app)?;
    if file.kept(&order.label).is_some() || file.current.as_ref() == Some(&order.label) {
        return Err(StageError::Taken(order.label.clone()));
    }
    Ok(())
}

async fn fill(means: Means<'_>, order: &Order, unfinished: &Path) -> Result<(), StageError> {
    let Means { dirs, feed, .. } = means;
    feed.say("stage:files", ProgressKind::Begin(format!("lay out {}", order.label)));
    lay_out(&means, order, unfinished).await?;
    feed.say("stage:files", ProgressKind::Done);
    if let Some(spec) = &order.release.environment {
        let tree = unfinished.join("tree");
        environment::build(dirs, spec, &tree, means.path, feed, means.cancel.clone()).await?;
    }
    if *means.cancel.borrow() {
        return Err(StageError::GivenUp);
    }
    let locations = state::load(dirs, &order.app)?.locations;
    let placed = Placed { label: order.label.clone(), release: Arc::clone(&order.release), locations };
    means.apps.give_secrets(&placed, &order.secrets).await.map_err(StageError::Secrets)?;
    let dest = dirs.release(&order.app, &order.label);
    trash::discard(dirs, &dest)?; // staged once, but never submitted
    fs::rename(unfinished, &dest).at("rename a release to", &dest)?;
    Ok(sync_dir(&dirs.releases(&order.app))?)
}

/// `release.json` comes first: whoever finds the directory knows what is being made.
async fn lay_out(means: &Means<'_>, order: &Order, unfinished: &Path) -> Result<(), StageError> {
    let (dirs, store, feed) = (means.dirs.clone(), Arc::clone(means.store), Arc::clone(means.feed));
    let (order, to, cancel) = (order.clone(), unfinished.to_owned(), means.cancel.clone());
    let brought = means.brought.clone();
    let work = move || -> Result<(), StageError> {
        trash::discard(&dirs, &to)?;
        if dirs.is_server() {
            make_open_dir(&dirs.releases(&order.app))?; // the app's user and the front pass through it
        } else {
            make_dir(&dirs.releases(&order.app))?;
        }
        make_open_dir(&to)?;
        let file = ReleaseFile {
            label: order.label.clone(),
            created: jiff::Timestamp::now().to_string(),
            release: (*order.release).clone(),
        };
        let json = serde_json::to_vec_pretty(&file).expect("a release is plain data");
        write_atomic(&to.join("release.json"), &json, 0o600)?;
        let listing = store.registry().tree(&order.release.tree).map_err(StoreError::from)?;
        let tell = |done, total| feed.say("stage:files", ProgressKind::Amount { done, total: Some(total) });
        let (tree, objects, given_up) = (to.join("tree"), store.registry().objects(), || *cancel.borrow());
        if dirs.is_server() {
            let shared = Shared::new(&dirs.store())?.with(brought.as_deref());
            tree::write(&listing, objects, &tree, How::Link(&shared), &tell, &given_up)?;
            sync_file_system(&to)?;
            shared.publish()?;
        } else {
            tree::write(&listing, objects, &tree, How::Copy, &tell, &given_up)?;
        }
        stats::write(&tree, &to.join("stats"), &listing)?;
        instance::write(&dirs, &order, &listing, &to)?;
        Ok(sync_file_system(&to)?)
    };
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(StageError::GivenUp))
}
