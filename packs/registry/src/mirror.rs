//! A copy of another node's registry: a registry of its own, whose log only that node can continue.
//!
//! The newest head that was seen is the one that is kept here. A log that is shorter than that, or
//! does not begin with the same events, is refused: the node's history was rewritten.

use crate::{
    dsse::Envelope,
    durable::{self, READ_ONLY},
    error::RegistryError,
    log::{HeadError, TreeHead, entry_hash, root},
    needed::Needed,
    registry::{self, DIRS, FORMAT, MIRRORS, Registry},
    signer::VerifierKey,
    statement::Statement,
};
use rustix::fs::FlockOperation;
use silver_plugin_api::Digest;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Its newest head, below it.
pub(crate) const HEAD: &str = "log/tree-head";

/// Where the copy of a node's registry lies, below the operator's own registry.
pub fn dir(own: &Path, node: &str) -> PathBuf {
    own.join(MIRRORS).join(node)
}

/// The names of the nodes whose registries were copied, sorted.
pub fn names(own: &Path) -> Vec<String> {
    let entries = fs::read_dir(own.join(MIRRORS)).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| dir(own, name).join("format").is_file());
    names.sort();
    names
}

/// A copy of a node's registry.
#[derive(Debug)]
pub struct Mirror {
    registry: Registry,
    key: VerifierKey,
}

/// Why what a node says of its log is not taken. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// The head is not the node's.
    #[error("the tree head that the node gives is not its own")]
    Head(#[source] HeadError),
    /// The log is shorter than it was.
    #[error("the log had {known} events when it was last seen, and now has {told}")]
    Shortened {
        /// As it was last seen.
        known: u64,
        /// As the node says now.
        told: u64,
    },
    /// The log begins with other events than it did.
    #[error("the first {known} events of the log are not those that were last seen")]
    Rewritten {
        /// As it was last seen.
        known: u64,
    },
    /// An event that the node did not sign, or that is none.
    #[error("event {index} of the log: {why}")]
    Event {
        /// Counted from 0.
        index: u64,
        /// What is wrong.
        why: String,
    },
    /// The copy itself.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl MirrorError {
    /// Does the node's log contradict what was seen of it, or what it says of itself?
    pub fn is_alarm(&self) -> bool {
        !matches!(self, Self::Registry(_))
    }

    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Registry(error) => error.hint(),
            Self::Head(_) => Some(
                "compare the key with the node's: was the machine made anew, or is this another one? Its `log-key` in nodes.toml decides".into(),
            ),
            _ => Some(
                "somebody put an older state of the node back, or rewrote its history: the copy here is as it was, compare both before going on"
                    .into(),
            ),
        }
    }
}

/// Events that fit, and are not kept yet: first comes what they name.
#[derive(Debug)]
pub struct Arrival<'a> {
    mirror: &'a Mirror,
    head: TreeHead,
    head_text: String,
    /// Event files from `first` on.
    events: Vec<Vec<u8>>,
    statements: Vec<Statement>,
    first: u64,
}

impl Mirror {
    /// The copy in `dir`, made when there is none, of the log that `key` signs.
    pub fn open_or_create(dir: &Path, key: VerifierKey) -> Result<Self, RegistryError> {
        for sub in DIRS {
            fs::create_dir_all(dir.join(sub)).map_err(RegistryError::io("create", dir))?;
        }
        if dir.join("format").exists() {
            return Ok(Self { registry: Registry::open(dir)?, key });
        }
        Ok(Self { registry: Registry::at(dir), key })
    }

    /// What it holds.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The newest head that was seen; the key must have signed it.
    pub fn head(&self) -> Result<TreeHead, MirrorError> {
        if !self.registry.head_path().exists() {
            let root = Digest::from_bytes(tlog_tiles::EMPTY_HASH.0);
            return Ok(TreeHead { origin: self.key.name().into(), size: 0, root });
        }
        TreeHead::open(self.registry.head_text()?.as_bytes(), &self.key).map_err(MirrorError::Head)
    }

    /// Judges a head that the node gives: from which event on it has something new. The rest is judged with
    /// the events, by [`Mirror::check`].
    pub fn judge(&self, head_text: &str) -> Result<(TreeHead, u64), MirrorError> {
        let (known, told) = (self.head()?, TreeHead::open(head_text.as_bytes(), &self.key).map_err(MirrorError::Head)?);
        if told.size < known.size {
            return Err(MirrorError::Shortened { known: known.size, told: told.size });
        }
        if told.size == known.size && told.root != known.root {
            return Err(MirrorError::Rewritten { known: known.size });
        }
        Ok((told, known.size))
    }

    /// Judges the events that are new: each is signed by the node, and with those that are here they lead to
    /// the head's root hash.
    pub fn check(&self, head_text: &str, events: Vec<Vec<u8>>) -> Result<Arrival<'_>, MirrorError> {
        let (head, first) = self.judge(head_text)?;
        let mut leaves = Vec::new();
        for index in 0..first {
            let path = self.registry.event_path(index);
            leaves.push(entry_hash(&fs::read(&path).map_err(RegistryError::io("read", &path))?));
        }
        if root(&leaves) != self.head()?.hash() {
            let why = "the events of this copy do not lead to its own tree head".to_owned();
            return Err(RegistryError::Damaged { path: self.registry.dir().to_owned(), why }.into());
        }
        let mut statements = Vec::new();
        for (index, event) in (first..).zip(&events) {
            let statement = signed(event, &self.key).map_err(|why| MirrorError::Event { index, why })?;
            leaves.push(entry_hash(event));
            statements.push(statement);
        }
        if leaves.len() as u64 != head.size || root(&leaves) != head.hash() {
            return Err(MirrorError::Rewritten { known: first });
        }
        Ok(Arrival { mirror: self, head, head_text: head_text.to_owned(), events, statements, first })
    }
}

impl Arrival<'_> {
    /// How many events are new.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Is there nothing new?
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// What the new events name.
    pub fn needed(&self) -> Needed {
        Needed::by((self.first..).zip(&self.statements))
    }

    /// Keeps the events, now that all is here that they name. They count from the moment when the head has
    /// its name.
    pub fn publish(self) -> Result<(), MirrorError> {
        let registry = &self.mirror.registry;
        let _lock = registry::lock(&registry.dir().join("log"), FlockOperation::LockExclusive)?;
        let mut head = self.mirror.head()?;
        if head.size != self.first {
            let why = "somebody else continued it meanwhile".to_owned();
            return Err(RegistryError::Unusable { what: registry.dir().display().to_string(), why }.into());
        }
        let tmp = registry.dir().join("tmp");
        for event in &self.events {
            let (next, tiles) = registry.tiles().grown(&head, event).map_err(|error| registry.log_damaged(error))?;
            durable::publish(&tmp, &registry.event_path(head.size), event, READ_ONLY)?;
            registry.tiles().write(&tmp, &tiles)?;
            head = next;
        }
        if head.root != self.head.root {
            return Err(MirrorError::Rewritten { known: self.first });
        }
        durable::publish(&tmp, &registry.head_path(), self.head_text.as_bytes(), 0o644)?;
        durable::publish(&tmp, &registry.dir().join("format"), FORMAT.as_bytes(), READ_ONLY)?;
        // only now: until the head has its name, the one before needs its partial tiles
        for size in self.first + 1..=head.size {
            registry.tiles().remove_superfluous(size)?;
        }
        Ok(())
    }
}

fn signed(event: &[u8], key: &VerifierKey) -> Result<Statement, String> {
    let envelope = Envelope::parse(event).map_err(|error| error.to_string())?;
    let payload = envelope.open(key).map_err(|error| error.to_string())?;
    let statement = Statement::parse(&payload)?;
    if statement == Statement::new(statement.record().clone()) {
        Ok(statement)
    } else {
        Err("its subject is not the release that it describes".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::Fixture,
        signer::Signer,
        statement::{Event, EventKind},
        verify::{Options, verify},
    };

    /// The head and the events of a node from `first` on.
    fn told(fixture: &Fixture, first: u64) -> (String, Vec<Vec<u8>>) {
        let size = fixture.registry.head().unwrap().size;
        let events = (first..size).map(|index| fixture.registry.event_file(index).unwrap()).collect();
        (fixture.registry.head_text().unwrap(), events)
    }

    /// Copies what is new, as a command does over the wire.
    fn pull(fixture: &Fixture, mirror: &Mirror) -> Result<usize, MirrorError> {
        let (_, first) = mirror.judge(&fixture.registry.head_text()?)?;
        let (head, events) = told(fixture, first);
        let arrival = mirror.check(&head, events)?;
        let mut needed = arrival.needed();
        for digest in needed.trees.clone().keys() {
            let tree = fixture.registry.tree(digest)?;
            needed.add_tree(&tree, digest);
            mirror.registry().put_tree(&tree)?;
        }
        let (from, to) = (fixture.registry.objects(), mirror.registry().objects());
        for archive in needed.archives.keys() {
            to.put_archive(&mut fs::File::open(from.archive_path(archive)).unwrap(), archive)?;
        }
        for blob in needed.blobs.keys() {
            to.put(&mut from.reader(blob)?, blob)?;
        }
        let count = arrival.len();
        arrival.publish()?;
        Ok(count)
    }

    fn problems(fixture: &Fixture, mirror: &Mirror) -> Vec<crate::verify::Problem> {
        let options = Options { key: fixture.signer.verifier(), since: None };
        verify(mirror.registry().dir(), options, &|_, _| {}).unwrap().problems
    }

    #[test]
    fn a_copy_follows_its_node_and_is_a_registry_itself() {
        let fixture = Fixture::full();
        let dir = dir(&fixture.home(), "web1");
        assert_eq!(names(&fixture.home()), [""; 0]);
        let open = || Mirror::open_or_create(&dir, fixture.signer.verifier().clone()).unwrap();
        let mirror = open();
        assert_eq!(mirror.head().unwrap().size, 0);
        assert_eq!(pull(&fixture, &mirror).unwrap(), 4);
        assert_eq!(problems(&fixture, &mirror), []);
        assert_eq!(names(&fixture.home()), ["web1"]);
        assert_eq!(pull(&fixture, &open()).unwrap(), 0, "nothing new");
        // over the end of a tile
        for _ in 0..260 {
            fixture.append("hello", Event::empty(EventKind::Enable));
        }
        assert_eq!(pull(&fixture, &mirror).unwrap(), 260);
        fixture.append("hello", Event::empty(EventKind::Disable));
        assert_eq!(pull(&fixture, &open()).unwrap(), 1);
        assert_eq!(problems(&fixture, &mirror), []);
        assert_eq!(mirror.registry().head_text().unwrap(), fixture.registry.head_text().unwrap());
        // the node's own registry has the copy of another in it, and is as it was
        let options = Options { key: fixture.signer.verifier(), since: None };
        assert_eq!(verify(&fixture.home(), options, &|_, _| {}).unwrap().problems, []);
    }

    #[test]
    fn a_shorter_or_another_history_is_an_alarm_and_changes_nothing() {
        let fixture = Fixture::full();
        let mirror = Mirror::open_or_create(&fixture.dir.path().join("copy"), fixture.signer.verifier().clone()).unwrap();
        let older = told(&fixture, 0);
        fixture.append("hello", Event::empty(EventKind::Enable));
        pull(&fixture, &mirror).unwrap();
        let before = mirror.registry().head_text().unwrap();
        let (head, _) = older;
        assert!(matches!(mirror.judge(&head), Err(MirrorError::Shortened { known: 5, told: 4 })));

        // the same key, another history: as long, and longer
        let other = Fixture::new();
        let forged = Registry::open_or_create(&other.dir.path().join("forged"), &fixture.signer).unwrap();
        let append = |app: &str| {
            let record = crate::statement::tests::sample(app, Event::empty(EventKind::Enable));
            forged.append(&Statement::new(record), &fixture.signer).unwrap()
        };
        for _ in 0..5 {
            append("other");
        }
        assert!(matches!(mirror.judge(&forged.head_text().unwrap()), Err(MirrorError::Rewritten { known: 5 })));
        append("other");
        let error = mirror.check(&forged.head_text().unwrap(), vec![forged.event_file(5).unwrap()]).unwrap_err();
        assert!(matches!(error, MirrorError::Rewritten { known: 5 }) && error.is_alarm() && error.hint().is_some(), "{error}");

        // another key
        let stranger = Signer::load_or_create(&other.dir.path().join("key"), "web1").unwrap();
        let head =
            TreeHead { origin: fixture.signer.verifier().name().into(), ..forged.head().unwrap() }.seal(&stranger).unwrap();
        assert!(matches!(mirror.judge(std::str::from_utf8(&head).unwrap()), Err(MirrorError::Head(HeadError::Signature(_)))));
        // an event of somebody else under a head of the node
        fixture.append("hello", Event::empty(EventKind::Enable));
        let (head, mut events) = told(&fixture, 5);
        events[0] = Envelope::seal(b"{}", &stranger).unwrap().to_bytes();
        assert!(matches!(mirror.check(&head, events), Err(MirrorError::Event { index: 5, .. })));
        // too few of them
        assert!(matches!(mirror.check(&head, Vec::new()), Err(MirrorError::Rewritten { known: 5 })));

        assert_eq!(mirror.registry().head_text().unwrap(), before);
        assert_eq!(pull(&fixture, &mirror).unwrap(), 1);
        assert_eq!(problems(&fixture, &mirror), []);
    }

    #[test]
    fn a_copy_that_was_altered_is_not_continued() {
        let fixture = Fixture::full();
        let mirror = Mirror::open_or_create(&fixture.dir.path().join("copy"), fixture.signer.verifier().clone()).unwrap();
        pull(&fixture, &mirror).unwrap();
        let (first, second) = (mirror.registry().event_path(1), mirror.registry().event_path(2));
        fs::remove_file(&first).unwrap();
        fs::copy(second, &first).unwrap();
        fixture.append("hello", Event::empty(EventKind::Enable));
        let error = pull(&fixture, &mirror).unwrap_err();
        assert!(matches!(error, MirrorError::Registry(RegistryError::Damaged { .. })), "{error}");
    }
}
