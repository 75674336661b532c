//! The tables of the index.

use super::Index;
use crate::{error::RegistryError, log::TreeHead};
use rusqlite::types::Value;
use silver_plugin_api::Digest;

/// Counts up with every change of the tables; an index of another version is made anew.
const VERSION: i64 = 1;

const TABLES: &str = "
    CREATE TABLE made_from (origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL);
    CREATE TABLE events (
        number INTEGER PRIMARY KEY, kind TEXT NOT NULL, app TEXT, node TEXT NOT NULL, started TEXT NOT NULL,
        ended TEXT NOT NULL, operator TEXT NOT NULL, reason TEXT, outcome TEXT, message TEXT,
        release TEXT, tree INTEGER REFERENCES trees (id), pack TEXT, version TEXT);
    CREATE INDEX events_by_app ON events (app, number);
    CREATE TABLE trees (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, files INTEGER NOT NULL, bytes INTEGER NOT NULL);
    CREATE TABLE blobs (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, size INTEGER NOT NULL);
    CREATE TABLE paths (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE);
    CREATE TABLE files (
        tree INTEGER NOT NULL REFERENCES trees (id), path INTEGER NOT NULL REFERENCES paths (id),
        kind TEXT NOT NULL, blob INTEGER NOT NULL REFERENCES blobs (id),
        PRIMARY KEY (tree, path)) WITHOUT ROWID;
    CREATE INDEX files_by_blob ON files (blob);
    CREATE TABLE components (
        event INTEGER NOT NULL REFERENCES events (number), kind TEXT NOT NULL, name TEXT NOT NULL,
        version TEXT NOT NULL, PRIMARY KEY (event, kind, name)) WITHOUT ROWID;
    CREATE TABLE drift (
        event INTEGER NOT NULL REFERENCES events (number), path TEXT NOT NULL,
        PRIMARY KEY (event, path)) WITHOUT ROWID;
";

/// Every table with the order of its rows.
const CONTENTS: [&str; 7] = [
    "SELECT * FROM events ORDER BY number",
    "SELECT * FROM trees ORDER BY id",
    "SELECT * FROM blobs ORDER BY id",
    "SELECT * FROM paths ORDER BY id",
    "SELECT * FROM files ORDER BY tree, path",
    "SELECT * FROM components ORDER BY event, kind, name",
    "SELECT * FROM drift ORDER BY event, path",
];

impl Index {
    /// Makes the tables in an empty database.
    pub(super) fn make_tables(&self) -> Result<(), RegistryError> {
        // lost by a power failure, it is made anew; the seal tells
        self.failed(self.db.execute_batch(&format!("PRAGMA synchronous = OFF; PRAGMA user_version = {VERSION}; {TABLES}")))
    }

    /// The head of the log that the index was made from; `None` when it is of another version.
    pub(super) fn made_from(&self) -> Result<Option<TreeHead>, RegistryError> {
        let version: i64 = self.failed(self.db.pragma_query_value(None, "user_version", |row| row.get(0)))?;
        if version != VERSION {
            return Ok(None);
        }
        let head = self.db.query_row("SELECT origin, size, root FROM made_from", [], |row| {
            let root = Digest::from_bytes(row.get(2)?);
            Ok(TreeHead { origin: row.get(0)?, size: row.get::<_, i64>(1)?.cast_unsigned(), root })
        });
        Ok(Some(self.failed(head)?))
    }

    /// A digest of each table's rows.
    pub(super) fn contents(&self) -> Result<Vec<Digest>, RegistryError> {
        CONTENTS.iter().map(|query| self.failed(self.table(query))).collect()
    }

    fn table(&self, query: &str) -> rusqlite::Result<Digest> {
        let mut hasher = silver_pack::hash::Hasher::new();
        let mut statement = self.db.prepare(query)?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                hasher.update(format!("{:?}\n", row.get::<_, Value>(column)?).as_bytes());
            }
        }
        Ok(hasher.finish())
    }
}
