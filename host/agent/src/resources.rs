//! What shall be so on a server, looked at and brought about: the agent's side of
//! [`silver_plugin_api::setup`]. One file for each kind of resource.

mod accounts;
mod apply;
mod command;
mod directory;
mod error;
mod file;
mod firewall;
mod group;
mod guard;
mod ini_keys;
mod link;
mod machine;
mod observe;
mod package;
mod paths;
mod place;
mod record;
mod repository;
mod sysctl;
mod unit;
mod user;

use accounts::Accounts;
pub use error::ResourceError;
pub(crate) use guard::CONFIRM;
use place::Place;

use crate::{dirs::Dirs, disk::DiskError, feed::Feed, store::Store};
use apply::Applying;
use machine::Machine;
use record::RecordFile;
use silver_plugin_api::setup::{Applied, LastSetup, Plan, SetupState};
use std::{path::PathBuf, sync::Arc};
use tokio::sync::mpsc;

/// The set-up of this machine.
#[derive(Clone)]
pub(crate) struct Setup {
    machine: Machine,
    record: RecordFile,
    undo: PathBuf,
}

impl Setup {
    /// That of the machine whose folders these are.
    pub(crate) fn new(dirs: &Dirs, store: Arc<Store>) -> Self {
        Self { machine: Machine::new(Some(store)), record: RecordFile(dirs.setup()), undo: dirs.setup_undo() }
    }

    /// The last set-up, and what is there in the place of each item of `plan`; without one, of the last
    /// set-up's.
    pub(crate) async fn observe(&self, plan: Option<&Plan>) -> Result<SetupState, DiskError> {
        let record = self.record.read()?;
        let found = match plan.or(record.as_ref().map(|record| &record.plan)) {
            Some(plan) => observe::observe(&self.machine, plan, record.as_ref()).await,
            None => Vec::new(),
        };
        Ok(SetupState { last: record.map(record::Record::told), found })
    }

    /// Brings a plan about. Who gets the names of `confirm` has to have them confirmed over a fresh connection.
    pub(crate) async fn apply(&self, plan: Plan, feed: Arc<Feed>, confirm: mpsc::Sender<String>) -> Result<Applied, DiskError> {
        let agent =
            std::env::current_exe().map_err(|source| DiskError { doing: "find", path: "silver itself".into(), source })?;
        let Self { machine, record, undo } = self.clone();
        Applying { machine, plan, feed, record, undo, agent, confirm }.apply().await
    }

    /// A fresh connection has come through; false when nothing waits for it (any more).
    pub(crate) fn confirm(&self, id: &str) -> Result<bool, DiskError> {
        guard::confirm(&self.undo, id)
    }
}

/// The last set-up, if there was one.
pub fn last(dirs: &Dirs) -> Result<Option<LastSetup>, DiskError> {
    Ok(RecordFile(dirs.setup()).read()?.map(record::Record::told))
}

/// Puts back what nobody confirmed; what could not be done is said. For the timer that was set before.
pub async fn undo(dirs: &Dirs, id: &str) -> Result<Vec<String>, DiskError> {
    guard::undo(&Machine::new(None), &dirs.setup_undo(), id).await
}

/// As [`undo`], of everything that was left when the machine went down.
pub async fn undo_left(dirs: &Dirs) -> Result<Vec<String>, DiskError> {
    guard::undo_left(&Machine::new(None), &dirs.setup_undo()).await
}
