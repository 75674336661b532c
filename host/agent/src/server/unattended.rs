//! Agents that nobody talks to, each in a unit of systemd: one carries one change to its end, one puts
//! everything in order when the machine has started, or when the other was killed.

use super::{ServeError, log_error};
use crate::{
    agent::{Agent, Options},
    apps::Apps,
    dirs::Dirs,
    disk::DiskError,
    journal::{self, Journal, JournalError},
    lock::{self, LockError},
    resources,
    store::StoreError,
};
use silver_plugin_api::plan::Outcome;
use std::{fs::File, sync::Arc};

/// Why a change was not carried.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    /// There is none of this name.
    #[error("there is no change `{0}` under way")]
    Unknown(String),
    /// It is not new: only settling it is possible.
    #[error("the change `{0}` was begun before: it can only be settled")]
    Begun(String),
    /// The lock of the app was not handed over.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The journal makes no sense.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A file cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The registry cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Carries the change `id` to its end. `lock` is the open file of the app's lock, as it was handed over. With
/// `settle` somebody was ended while carrying it: then it is finished or reverted, as its journal says.
pub async fn carry(options: Options, apps: Arc<dyn Apps>, id: &str, settle: bool, lock: File) -> Result<Outcome, CarryError> {
    let seen = journal::under_way(&options.dirs)?.into_iter().find(|seen| seen.id == id);
    let app = seen.and_then(|seen| seen.app).ok_or_else(|| CarryError::Unknown(id.to_owned()))?;
    let lock = lock::take_over(&options.dirs, &app, lock)?;
    // what was ended between the two looks at it is not carried twice
    let journal = Journal::take(&options.dirs, id, options.die_at.clone())?;
    let agent = Agent::new(options, apps)?;
    if settle {
        drop(journal);
        return agent.settle_for_others(&app, id, lock).await.ok_or_else(|| CarryError::Unknown(id.to_owned()));
    }
    if journal.lines().len() > 1 {
        return Err(CarryError::Begun(id.to_owned()));
    }
    Ok(agent.carry_for_others(journal, lock).await)
}

/// Undoes changes of a set-up that nobody has confirmed. Before anything else that could fail: they may be the reason.
pub async fn undo_left(dirs: &Dirs) {
    match resources::undo_left(dirs).await {
        Ok(errors) => errors.iter().for_each(|error| tracing::error!("a set-up could not be undone: {error}")),
        Err(error) => log_error("a set-up could not be undone", &error),
    }
}

/// Settles what was left, routes and starts the apps that shall serve.
pub async fn recover(options: Options, apps: Arc<dyn Apps>) -> Result<(), ServeError> {
    options.dirs.prepare()?;
    Agent::new(options, apps)?.recover_all().await;
    Ok(())
}
