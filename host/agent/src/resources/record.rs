//! What the node remembers of its set-up: `setup.json`.

use crate::disk::{DiskError, read_optional, write_atomic};
use serde::{Deserialize, Serialize};
use silver_plugin_api::{
    Digest,
    setup::{LastSetup, OnChange, Pending, Plan},
};
use std::{collections::BTreeMap, path::PathBuf};

/// The last set-up, also one that is under way or was cut short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Record {
    /// Of the plan.
    pub(crate) version: Digest,
    /// Was every item brought in place?
    pub(crate) complete: bool,
    /// When it began or ended.
    pub(crate) at: String,
    /// What shall be so.
    pub(crate) plan: Plan,
    /// Who is still to be poked: it is written before what they are poked for is changed, and so outlives an end
    /// in between.
    pub(crate) pending: BTreeMap<String, OnChange>,
    /// Commands that were run, by the digest of what they say.
    pub(crate) ran: BTreeMap<String, Digest>,
}

/// Where it lies.
#[derive(Debug, Clone)]
pub(crate) struct RecordFile(pub(crate) PathBuf);

impl RecordFile {
    /// Reads it. One that cannot be read counts as none: applying a plan again does no harm.
    pub(crate) fn read(&self) -> Result<Option<Record>, DiskError> {
        Ok(read_optional(&self.0)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Writes it.
    pub(crate) fn write(&self, record: &Record) -> Result<(), DiskError> {
        let text = serde_json::to_vec(record).map_err(|error| DiskError {
            doing: "write",
            path: self.0.clone(),
            source: std::io::Error::other(error),
        })?;
        write_atomic(&self.0, &text, 0o600)
    }
}

impl Record {
    /// As it is told.
    pub(crate) fn told(self) -> LastSetup {
        let pending = self.pending.into_iter().map(|(item, how)| Pending { item, how }).collect();
        LastSetup { version: self.version, complete: self.complete, at: self.at, plan: self.plan, pending }
    }
}
