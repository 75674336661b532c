//! Questions to the index.

use super::Index;
use crate::{error::RegistryError, statement::EventKind};
use rusqlite::{Row, params};
use serde::Serialize;
use silver_plugin_api::Digest;

/// Which events `log` lists.
#[derive(Debug, Clone, Default)]
pub struct LogFilter {
    /// Only those of this application.
    pub app: Option<String>,
    /// Only those of this kind.
    pub kind: Option<EventKind>,
    /// Only the latest so many.
    pub last: Option<u64>,
}

/// One line of the log. Fields are stable: `silver registry log --json` shows them as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// The event's number, counted from 0.
    pub event: u64,
    /// `deploy`, `rollback`, …
    pub kind: String,
    /// The application.
    pub app: Option<String>,
    /// The node.
    pub node: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// When it ended, RFC 3339.
    pub ended: String,
    /// Who, as claimed.
    pub operator: String,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// `done`, `reverted`, `revert-failed`; absent for events that are no change.
    pub outcome: Option<String>,
    /// Why it failed.
    pub message: Option<String>,
    /// Label of the release that it is about, or that stayed current.
    pub release: Option<String>,
    /// The tree of the release that it is about.
    pub tree: Option<String>,
    /// Id of the pack.
    pub pack: Option<String>,
    /// Version of the pack.
    pub version: Option<String>,
}

/// Where a content was deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The event that deployed it.
    pub event: u64,
    /// The application.
    pub app: Option<String>,
    /// Label of the release.
    pub release: Option<String>,
    /// Path in its tree.
    pub path: String,
    /// When, RFC 3339.
    pub ended: String,
}

impl Index {
    /// The events that pass the filter, oldest first.
    pub fn log(&self, filter: &LogFilter) -> Result<Vec<LogEntry>, RegistryError> {
        let query = "
            SELECT number, kind, app, node, started, ended, operator, reason, outcome, message, release,
                   trees.digest, pack, version
            FROM events LEFT JOIN trees ON trees.id = events.tree
            WHERE (?1 IS NULL OR app = ?1) AND (?2 IS NULL OR kind = ?2)
            ORDER BY number DESC LIMIT ?3";
        let last = filter.last.and_then(|last| i64::try_from(last).ok()).unwrap_or(-1);
        let values = params![filter.app, filter.kind.map(EventKind::as_str), last];
        let mut entries = self.failed(self.rows(query, values, entry))?;
        entries.reverse();
        Ok(entries)
    }

    /// Every release that has a file with this content.
    pub fn where_is(&self, content: &Digest) -> Result<Vec<Place>, RegistryError> {
        let query = "
            SELECT events.number, events.app, events.release, paths.path, events.ended
            FROM blobs JOIN files ON files.blob = blobs.id JOIN paths ON paths.id = files.path
                 JOIN events ON events.tree = files.tree AND events.kind IN ('deploy', 'rollback')
            WHERE blobs.digest = ?1 ORDER BY events.number, paths.path";
        self.failed(self.rows(query, params![content.as_bytes()], |row| {
            Ok(Place { event: number(row)?, app: row.get(1)?, release: row.get(2)?, path: row.get(3)?, ended: row.get(4)? })
        }))
    }

    fn rows<T>(
        &self,
        query: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        self.db.prepare_cached(query)?.query_map(values, read)?.collect()
    }
}

fn number(row: &Row<'_>) -> rusqlite::Result<u64> {
    row.get::<_, i64>(0).map(i64::cast_unsigned)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<LogEntry> {
    let tree: Option<[u8; 32]> = row.get(11)?;
    Ok(LogEntry {
        event: number(row)?,
        kind: row.get(1)?,
        app: row.get(2)?,
        node: row.get(3)?,
        started: row.get(4)?,
        ended: row.get(5)?,
        operator: row.get(6)?,
        reason: row.get(7)?,
        outcome: row.get(8)?,
        message: row.get(9)?,
        release: row.get(10)?,
        tree: tree.map(|tree| Digest::from_bytes(tree).to_string()),
        pack: row.get(12)?,
        version: row.get(13)?,
    })
}
