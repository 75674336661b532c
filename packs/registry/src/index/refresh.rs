//! From the log into the tables.

use super::Index;
use crate::{
    error::RegistryError,
    log::TreeHead,
    registry::{LoggedEvent, Registry},
    statement::{Change, Event},
};
use rusqlite::{Connection, OptionalExtension, params};
use silver_pack::listing::{Kind, Listing};
use silver_plugin_api::{Digest, plan::OutcomeKind};

impl Index {
    /// Adds the events from `first` up to `head`, all or none.
    pub(super) fn add_events(&self, registry: &Registry, first: u64, head: &TreeHead) -> Result<(), RegistryError> {
        self.failed(self.db.execute_batch("BEGIN"))?;
        let result = (|| {
            for event in registry.events(first)?.take_while(|event| event.as_ref().map_or(true, |event| event.index < head.size))
            {
                self.add_event(registry, &event?)?;
            }
            self.failed(self.db.execute("DELETE FROM made_from", []))?;
            let values = params![head.origin, head.size.cast_signed(), head.root.as_bytes()];
            self.failed(self.db.execute("INSERT INTO made_from VALUES (?, ?, ?)", values))?;
            Ok(())
        })();
        self.failed(self.db.execute_batch(if result.is_ok() { "COMMIT" } else { "ROLLBACK" }))?;
        result
    }

    fn add_event(&self, registry: &Registry, event: &LoggedEvent) -> Result<(), RegistryError> {
        let record = event.statement.record();
        let subject = record.event.subject();
        let tree = subject.map(|(_, tree)| self.add_tree(registry, &tree)).transpose()?.flatten();
        let change = record.event.change();
        let pack = change.and_then(|change| Some(&change.release.as_ref()?.pack));
        let number = event.index.cast_signed();
        let values = params![
            number,
            record.event.kind().as_str(),
            record.app,
            record.node.name,
            record.started,
            record.ended,
            record.by.claimed,
            record.reason,
            change.map(|change| outcome(change.outcome)),
            change.and_then(|change| change.message.as_deref()),
            subject.map(|(label, _)| label).or_else(|| change?.current.as_deref()),
            tree,
            pack.map(|pack| &pack.id),
            pack.map(|pack| &pack.version),
        ];
        let insert = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        self.failed(self.db.prepare_cached(insert).and_then(|mut insert| insert.execute(values)))?;
        self.failed(add_components(&self.db, number, change))?;
        self.failed(add_drift(&self.db, number, &record.event))
    }

    /// The tree's number. `None` when the registry has no such tree: `verify` says so, queries go on.
    fn add_tree(&self, registry: &Registry, digest: &Digest) -> Result<Option<i64>, RegistryError> {
        let known = self
            .db
            .prepare_cached("SELECT id FROM trees WHERE digest = ?")
            .and_then(|mut find| find.query_row([digest.as_bytes()], |row| row.get(0)).optional());
        if let Some(id) = self.failed(known)? {
            return Ok(Some(id));
        }
        match registry.tree(digest) {
            Ok(tree) => Ok(Some(self.failed(add_files(&self.db, &tree))?)),
            Err(RegistryError::NoTree(_) | RegistryError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The stable word of an outcome.
pub const fn outcome(kind: OutcomeKind) -> &'static str {
    match kind {
        OutcomeKind::Done => "done",
        OutcomeKind::Reverted => "reverted",
        OutcomeKind::RevertFailed => "revert-failed",
    }
}

/// The stable word of what stands at a path.
pub const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Executable => "executable",
        Kind::Link => "link",
    }
}

fn add_files(db: &Connection, tree: &Listing) -> rusqlite::Result<i64> {
    let count = i64::try_from(tree.len()).unwrap_or(i64::MAX);
    db.execute(
        "INSERT INTO trees (digest, files, bytes) VALUES (?, ?, ?)",
        params![tree.digest().as_bytes(), count, tree.total_size().cast_signed()],
    )?;
    let id = db.last_insert_rowid();
    let mut path_id = Interned::new(db, "SELECT id FROM paths WHERE path = ?", "INSERT INTO paths (path) VALUES (?)")?;
    let mut find_blob = db.prepare_cached("SELECT id FROM blobs WHERE digest = ?")?;
    let mut add_blob = db.prepare_cached("INSERT INTO blobs (digest, size) VALUES (?, ?)")?;
    let mut add_file = db.prepare_cached("INSERT INTO files VALUES (?, ?, ?, ?)")?;
    for (path, node) in tree {
        let digest = node.digest.as_bytes();
        let blob = match find_blob.query_row([digest], |row| row.get(0)).optional()? {
            Some(blob) => blob,
            None => add_blob.insert(params![digest, node.size.cast_signed()])?,
        };
        add_file.execute(params![id, path_id.of(path)?, kind(node.kind), blob])?;
    }
    Ok(id)
}

/// Texts that are kept once and named by a number.
struct Interned<'a> {
    find: rusqlite::CachedStatement<'a>,
    add: rusqlite::CachedStatement<'a>,
}

impl<'a> Interned<'a> {
    fn new(db: &'a Connection, find: &str, add: &str) -> rusqlite::Result<Self> {
        Ok(Self { find: db.prepare_cached(find)?, add: db.prepare_cached(add)? })
    }

    fn of(&mut self, text: &str) -> rusqlite::Result<i64> {
        match self.find.query_row([text], |row| row.get(0)).optional()? {
            Some(id) => Ok(id),
            None => self.add.insert([text]),
        }
    }
}

fn add_components(db: &Connection, event: i64, change: Option<&Change>) -> rusqlite::Result<()> {
    let Some(change) = change else { return Ok(()) };
    // a name may come twice in a record that a person made up; the last one stands
    let mut insert = db.prepare_cached("INSERT OR REPLACE INTO components VALUES (?, ?, ?, ?)")?;
    let mut add = |kind: &str, name: &str, version: &str| insert.execute(params![event, kind, name, version]).map(drop);
    if let Some(release) = &change.release {
        add("pack", &release.pack.id, &release.pack.version)?;
        add("application", &release.pack.name, &release.pack.app_version)?;
        if let Some(interpreter) = &release.interpreter {
            let (name, version) = interpreter.split_once(' ').unwrap_or((interpreter, ""));
            add("interpreter", name, version)?;
        }
    }
    for (file, digest) in &change.plugins {
        add("plugin", file, &digest.to_string())?;
    }
    for (name, version) in &change.app_plugins {
        add("app-plugin", name, version)?;
    }
    for (name, version) in &change.packages {
        add("package", name, version)?;
    }
    Ok(())
}

fn add_drift(db: &Connection, number: i64, event: &Event) -> rusqlite::Result<()> {
    let paths = match event {
        Event::DriftFound(drift) => &drift.paths,
        _ => match event.change() {
            Some(change) => &change.drift,
            None => return Ok(()),
        },
    };
    let mut insert = db.prepare_cached("INSERT OR IGNORE INTO drift VALUES (?, ?)")?;
    paths.iter().try_for_each(|path| insert.execute(params![number, path]).map(drop))
}
