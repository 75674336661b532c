//! A registry on disk: opening it, making it, appending to its log, reading events.

use crate::{
    dsse::Envelope,
    durable::{self, READ_ONLY},
    error::RegistryError,
    log::{LogError, Tiles, TreeHead},
    objects::Objects,
    signer::Signer,
    statement::Statement,
    trees::Trees,
};
use rustix::fs::{FlockOperation, flock};
use silver_pack::listing::Listing;
use silver_plugin_api::Digest;
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// The text of the `format` file.
pub(crate) const FORMAT: &str = "silver-registry 1\n";
/// What a registry consists of besides files in its root.
pub(crate) const DIRS: [&str; 7] = ["objects", "objects/loose", "objects/zip", "trees", "events", "log", "tmp"];

/// The directory with copies of the registries of other nodes.
pub(crate) const MIRRORS: &str = "nodes";

/// A registry.
#[derive(Debug)]
pub struct Registry {
    dir: PathBuf,
    objects: Objects,
    trees: Trees,
    tiles: Tiles,
    /// Held together with all others who write: what is in `tmp/` meanwhile is no garbage.
    writing: Option<File>,
}

/// An event of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedEvent {
    /// Counted from 0.
    pub index: u64,
    /// What it says. Reading an event does not check its signature; `verify` does.
    pub statement: Statement,
}

impl Registry {
    /// The registry in `dir`.
    pub fn open(dir: &Path) -> Result<Self, RegistryError> {
        let path = dir.join("format");
        let found = match fs::read_to_string(&path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(RegistryError::Absent(dir.into())),
            Err(error) => return Err(RegistryError::io("read", &path)(error)),
        };
        if found != FORMAT {
            let found = found.lines().next().unwrap_or_default().escape_debug().to_string();
            return Err(RegistryError::Format { path, found });
        }
        Ok(Self::at(dir))
    }

    /// For those who write: the registry in `dir`, made when there is none. The garbage of interrupted work is
    /// removed, unless somebody else has the registry open to write. Fails when the log is not signed by `signer`.
    pub fn open_or_create(dir: &Path, signer: &Signer) -> Result<Self, RegistryError> {
        fs::create_dir_all(dir).map_err(RegistryError::io("create", dir))?;
        let _opening = lock(dir, FlockOperation::LockExclusive)?;
        let mut registry = match Self::open(dir) {
            Err(RegistryError::Absent(_)) => Self::create(dir, signer)?,
            other => other?,
        };
        registry.writing = Some(registry.begin_to_write()?);
        {
            let _log = lock(&registry.dir.join("log"), FlockOperation::LockExclusive)?;
            registry.tiles.remove_superfluous(registry.own_head(signer)?.size)?;
        }
        Ok(registry)
    }

    fn begin_to_write(&self) -> Result<File, RegistryError> {
        let tmp = self.tmp();
        let handle = File::open(&tmp).map_err(RegistryError::io("open", &tmp))?;
        if flock(&handle, FlockOperation::NonBlockingLockExclusive).is_ok() {
            durable::sweep(&tmp)?;
        }
        flock(&handle, FlockOperation::LockShared).map_err(|error| RegistryError::io("lock", &tmp)(error.into()))?;
        Ok(handle)
    }

    /// Makes an empty registry in `dir`. The `format` file comes last, so a half-made one is none.
    fn create(dir: &Path, signer: &Signer) -> Result<Self, RegistryError> {
        for sub in DIRS {
            durable::make_dirs(dir, &dir.join(sub))?;
        }
        let registry = Self::at(dir);
        let root = Digest::from_bytes(tlog_tiles::EMPTY_HASH.0);
        let head = TreeHead { origin: signer.verifier().name().into(), size: 0, root };
        durable::publish(&registry.tmp(), &registry.head_path(), &head.seal(signer)?, 0o644)?;
        durable::publish(&registry.tmp(), &dir.join("format"), FORMAT.as_bytes(), READ_ONLY)?;
        Ok(registry)
    }

    pub(crate) fn at(dir: &Path) -> Self {
        let (objects, trees, tiles) = (Objects::new(dir), Trees::new(dir), Tiles::new(&dir.join("log")));
        Self { dir: dir.into(), objects, trees, tiles, writing: None }
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its contents.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Its trees.
    pub fn trees(&self) -> &Trees {
        &self.trees
    }

    /// The tiles of its log, for proofs.
    pub fn tiles(&self) -> &Tiles {
        &self.tiles
    }

    /// Keeps a tree. See [`Trees::put`].
    pub fn put_tree(&self, tree: &Listing) -> Result<Digest, RegistryError> {
        self.trees.put(tree)
    }

    /// The tree with this digest. See [`Trees::get`].
    pub fn tree(&self, digest: &Digest) -> Result<Listing, RegistryError> {
        self.trees.get(digest)
    }

    /// Appends an event to the log; returns its index. Objects and trees that it names must be here.
    /// It counts from the moment when the new tree head has its name; durable when it returns.
    pub fn append(&self, statement: &Statement, signer: &Signer) -> Result<u64, RegistryError> {
        let _lock = lock(&self.dir.join("log"), FlockOperation::LockExclusive)?;
        let head = self.own_head(signer)?;
        let event = Envelope::seal(&statement.to_bytes(), signer)?.to_bytes();
        let (next, tiles) = self.tiles.grown(&head, &event).map_err(|error| self.log_damaged(error))?;
        let tmp = self.tmp();
        durable::publish(&tmp, &self.event_path(head.size), &event, READ_ONLY)?;
        self.tiles.write(&tmp, &tiles)?;
        durable::publish(&tmp, &self.head_path(), &next.seal(signer)?, 0o644)?;
        self.tiles.remove_superfluous(next.size)?;
        Ok(head.size)
    }

    /// The tree head. Its signature is not looked at; `verify` does.
    pub fn head(&self) -> Result<TreeHead, RegistryError> {
        TreeHead::parse(self.head_text()?.as_bytes())
            .map_err(|error| RegistryError::damaged(&self.head_path(), error.to_string()))
    }

    /// The signed text of the tree head: what is kept elsewhere for `verify --since-head`.
    pub fn head_text(&self) -> Result<String, RegistryError> {
        fs::read_to_string(self.head_path()).map_err(RegistryError::io("read", &self.head_path()))
    }

    /// The signed text of the tree head, and what proves that the log begins with what it was when it had `since` events; no
    /// proof when it has less. The log stands still meanwhile: tiles are replaced when it grows.
    pub fn head_and_proof(&self, since: Option<u64>) -> Result<(String, Vec<Digest>), RegistryError> {
        let Some(size) = since else { return Ok((self.head_text()?, Vec::new())) };
        let _lock = lock(&self.dir.join("log"), FlockOperation::LockShared)?;
        let (text, head) = (self.head_text()?, self.head()?);
        if size > head.size {
            return Ok((text, Vec::new()));
        }
        let proof = self.tiles.proof(&head, size).map_err(|error| self.log_damaged(error))?;
        Ok((text, proof))
    }

    /// The event with this index.
    pub fn event(&self, index: u64) -> Result<LoggedEvent, RegistryError> {
        let size = self.head()?.size;
        if index < size { self.read_event(index) } else { Err(RegistryError::NoEvent { index, size }) }
    }

    /// The file of the event with this index, as it was signed: what a copy of the registry has, too.
    pub fn event_file(&self, index: u64) -> Result<Vec<u8>, RegistryError> {
        let (size, path) = (self.head()?.size, self.event_path(index));
        if index < size {
            fs::read(&path).map_err(RegistryError::io("read", &path))
        } else {
            Err(RegistryError::NoEvent { index, size })
        }
    }

    /// The events from `first` on, up to the head as it is now.
    pub fn events(&self, first: u64) -> Result<impl Iterator<Item = Result<LoggedEvent, RegistryError>> + '_, RegistryError> {
        Ok((first..self.head()?.size).map(|index| self.read_event(index)))
    }

    /// The digest of the kept zip whose pack has this digest: of the latest deployment of that pack; `None`
    /// when there was none, or its zip is gone.
    pub fn archive_of(&self, pack: &Digest) -> Result<Option<Digest>, RegistryError> {
        for index in (0..self.head()?.size).rev() {
            let event = self.read_event(index)?;
            let release = event.statement.record().event.change().and_then(|change| change.release.as_ref());
            if let Some(release) = release.filter(|release| release.pack.digest == *pack) {
                return Ok(Some(release.pack.archive).filter(|archive| self.objects.has_archive(archive)));
            }
        }
        Ok(None)
    }

    fn read_event(&self, index: u64) -> Result<LoggedEvent, RegistryError> {
        let path = self.event_path(index);
        let bytes = fs::read(&path).map_err(RegistryError::io("read", &path))?;
        let payload = Envelope::parse(&bytes)
            .and_then(|envelope| envelope.payload())
            .map_err(|error| RegistryError::damaged(&path, error.to_string()))?;
        let statement = Statement::parse(&payload).map_err(|error| RegistryError::damaged(&path, error))?;
        Ok(LoggedEvent { index, statement })
    }

    /// The head, which must be signed by `signer`: nobody goes on with a log that is not theirs.
    fn own_head(&self, signer: &Signer) -> Result<TreeHead, RegistryError> {
        TreeHead::open(self.head_text()?.as_bytes(), signer.verifier())
            .map_err(|_| RegistryError::ForeignHead { path: self.head_path(), key: signer.verifier().name().into() })
    }

    pub(crate) fn log_damaged(&self, error: LogError) -> RegistryError {
        match error {
            LogError::Tile { path, source } => RegistryError::io("read", &self.dir.join("log").join(path))(source),
            other => RegistryError::damaged(&self.dir.join("log/tile"), other.to_string()),
        }
    }

    pub(crate) fn head_path(&self) -> PathBuf {
        self.dir.join("log/tree-head")
    }

    pub(crate) fn event_path(&self, index: u64) -> PathBuf {
        self.dir.join(format!("events/{index}.json"))
    }

    fn tmp(&self) -> PathBuf {
        self.dir.join("tmp")
    }
}

/// Holds a directory or file until it is dropped.
pub(crate) fn lock(path: &Path, how: FlockOperation) -> Result<File, RegistryError> {
    let file = File::open(path).map_err(RegistryError::io("open", path))?;
    flock(&file, how).map_err(|error| RegistryError::io("lock", path)(error.into()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::tree,
        statement::{Change, Event, EventKind, ReleaseRecord, tests::sample},
        verify::{Options, verify},
    };
    use silver_pack::{archive, hash, snapshot::Snapshot};
    use std::sync::Arc;

    fn statement(app: &str) -> Statement {
        Statement::new(sample(app, Event::empty(EventKind::Enable)))
    }

    #[test]
    fn events_come_back_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let signer = Signer::load_or_create(&dir.path().join("node.key"), "local").unwrap();
        let home = dir.path().join("registry");
        assert!(matches!(Registry::open(&home), Err(RegistryError::Absent(_))));
        let registry = Registry::open_or_create(&home, &signer).unwrap();
        assert_eq!(registry.head().unwrap().size, 0);
        for (index, app) in (0..).zip(["a", "b", "c"]) {
            assert_eq!(registry.append(&statement(app), &signer).unwrap(), index);
        }
        let again = Registry::open(&home).unwrap();
        let apps: Vec<_> = again.events(1).unwrap().map(|event| event.unwrap().statement.record().app.clone().unwrap()).collect();
        assert_eq!(apps, ["b", "c"]);
        assert_eq!(again.event(0).unwrap().statement, statement("a"));
        assert!(matches!(again.event(3), Err(RegistryError::NoEvent { index: 3, size: 3 })));
    }

    #[test]
    fn a_kept_pack_is_found_by_its_digest() {
        let fixture = crate::fixture::Fixture::full();
        let release = fixture.registry.release_of(0).unwrap().release.unwrap();
        assert_eq!(fixture.registry.archive_of(&release.pack.digest).unwrap(), Some(release.pack.archive));
        assert_eq!(fixture.registry.archive_of(&hash::sha256(b"another")).unwrap(), None);
        fs::remove_file(fixture.registry.objects().archive_path(&release.pack.archive)).unwrap();
        assert_eq!(fixture.registry.archive_of(&release.pack.digest).unwrap(), None);
    }

    #[test]
    fn a_foreign_log_is_not_continued() {
        let dir = tempfile::tempdir().unwrap();
        let signer = Signer::load_or_create(&dir.path().join("one"), "local").unwrap();
        let other = Signer::load_or_create(&dir.path().join("two"), "local").unwrap();
        let home = dir.path().join("registry");
        let registry = Registry::open_or_create(&home, &signer).unwrap();
        assert!(matches!(registry.append(&statement("a"), &other), Err(RegistryError::ForeignHead { .. })));
        assert!(matches!(Registry::open_or_create(&home, &other), Err(RegistryError::ForeignHead { .. })));
        fs::remove_file(home.join("format")).unwrap();
        fs::write(home.join("format"), "silver-registry 2\n").unwrap();
        assert!(matches!(Registry::open(&home), Err(RegistryError::Format { .. })));
    }

    /// As several agents do on a server, each with a handle of its own.
    #[test]
    fn several_write_at_the_same_time() {
        let dir = tempfile::tempdir().unwrap();
        let signer = Signer::load_or_create(&dir.path().join("node.key"), "web1").unwrap();
        let home = dir.path().join("registry");
        let write = |writer: u32| {
            let registry = Registry::open_or_create(&home, &signer).unwrap();
            let mut indexes = Vec::new();
            for number in 0..20 {
                let text = format!("{writer} {number}");
                registry.objects().put(&mut text.as_bytes(), &hash::sha256(text.as_bytes())).unwrap();
                registry.objects().put(&mut &b"the same"[..], &hash::sha256(b"the same")).unwrap();
                indexes.push(registry.append(&statement(&format!("w{writer}")), &signer).unwrap());
            }
            indexes
        };
        let mut indexes = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4).map(|writer| scope.spawn(move || write(writer))).collect();
            writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect::<Vec<u64>>()
        });
        indexes.sort_unstable();
        assert_eq!(indexes, (0..80).collect::<Vec<u64>>());
        let report = verify(&home, Options { key: signer.verifier(), since: None }, &|_, _| {}).unwrap();
        assert_eq!(report.problems, []);
    }

    #[test]
    fn what_another_is_about_to_write_is_no_garbage() {
        let dir = tempfile::tempdir().unwrap();
        let signer = Signer::load_or_create(&dir.path().join("node.key"), "web1").unwrap();
        let home = dir.path().join("registry");
        let registry = Registry::open_or_create(&home, &signer).unwrap();
        let mut batch = registry.objects().batch();
        batch.put(&mut &b"x"[..], &hash::sha256(b"x")).unwrap();
        drop(Registry::open_or_create(&home, &signer).unwrap());
        assert_eq!(batch.publish().unwrap(), 1);
        fs::write(home.join("tmp/garbage"), "of one that was killed").unwrap();
        drop(registry);
        drop(Registry::open_or_create(&home, &signer).unwrap());
        assert_eq!(fs::read_dir(home.join("tmp")).unwrap().count(), 0);
    }

    /// The disk is cut off before each of its changes in turn: what was acknowledged is there, nothing
    /// is damaged, the log goes on, and nothing but the event under way can be lost.
    #[test]
    fn a_kill_at_any_write_leaves_a_usable_registry() {
        let dir = tempfile::tempdir().unwrap();
        let signer = Signer::load_or_create(&dir.path().join("node.key"), "local").unwrap();
        let (tree, blobs) = tree(&[("a", "in the pack"), ("b", "as well")]);
        let mut zip = std::io::Cursor::new(Vec::new());
        archive::write(&Snapshot::new(tree.clone(), Arc::new(blobs)), &mut zip).unwrap();
        let zip = zip.into_inner();
        let archive = hash::sha256(&zip);
        let mut release = ReleaseRecord { tree: tree.digest(), ..ReleaseRecord::default() };
        release.pack.archive = archive;
        let deploy = Event::Deploy(Change { release: Some(release), ..Change::default() });
        let deploy = Statement::new(sample("a", deploy));
        let loose: Vec<String> = (0..12).map(|n| format!("loose {n}")).collect();

        for cut in 0.. {
            let home = dir.path().join(format!("registry-{cut}"));
            durable::cut::after(Some(cut));
            let mut acknowledged = 0;
            let result = (|| {
                let registry = Registry::open_or_create(&home, &signer)?;
                registry.objects().put_archive(&mut &zip[..], &archive)?;
                let mut batch = registry.objects().batch();
                for text in &loose {
                    batch.put(&mut text.as_bytes(), &hash::sha256(text.as_bytes()))?;
                }
                batch.publish()?;
                registry.put_tree(&tree)?;
                for statement in [&deploy, &statement("a")] {
                    registry.append(statement, &signer)?;
                    acknowledged += 1;
                }
                Ok::<(), RegistryError>(())
            })();
            durable::cut::after(None);

            let registry = Registry::open_or_create(&home, &signer).unwrap();
            let size = registry.head().unwrap().size;
            assert!(
                size == acknowledged || size == acknowledged + 1,
                "cut {cut}: {acknowledged} acknowledged, {size} in the log"
            );
            let look = || verify(&home, Options { key: signer.verifier(), since: None }, &|_, _| {}).unwrap().problems;
            assert_eq!(look(), [], "cut {cut}");
            assert_eq!(registry.append(&statement("c"), &signer).unwrap(), size);
            assert_eq!(registry.events(0).unwrap().map(Result::unwrap).count() as u64, size + 1);
            assert_eq!(look(), [], "cut {cut}, gone on");
            assert_eq!(fs::read_dir(home.join("tmp")).unwrap().count(), 0, "cut {cut}");
            if result.is_ok() {
                assert!(cut > 100, "the cuts do not reach all writes: {cut}");
                return;
            }
        }
    }
}
