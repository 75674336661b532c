//! A small registry that has a file of every kind.

use crate::{
    registry::Registry,
    signer::Signer,
    statement::{Change, Event, EventKind, ReleaseRecord, SecretGeneration, Statement, tests::sample},
};
use silver_pack::{
    archive, hash,
    listing::{Kind, Listing, Node},
    snapshot::{MemoryBlobs, Snapshot},
};
use silver_plugin_api::{Digest, TreePath};
use std::{io, path::PathBuf, sync::Arc};

pub(crate) struct Fixture {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) signer: Signer,
    pub(crate) registry: Registry,
    releases: u32,
}

/// A tree with these contents, and the contents themselves.
pub(crate) fn tree(files: &[(&str, &str)]) -> (Listing, MemoryBlobs) {
    let (mut listing, mut blobs) = (Listing::new(), MemoryBlobs::new());
    for (path, content) in files {
        let node = Node { kind: Kind::File, size: content.len() as u64, digest: blobs.put(content.as_bytes()) };
        listing.insert(TreePath::new(path).unwrap(), node).unwrap();
    }
    (listing, blobs)
}

impl Fixture {
    /// An empty registry.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let signer = Signer::load_or_create(&dir.path().join("keys/node.key"), "local").unwrap();
        let registry = Registry::open_or_create(&dir.path().join("registry"), &signer).unwrap();
        Self { dir, signer, registry, releases: 0 }
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().join("registry")
    }

    /// Keeps a pack with these files; returns the digest of the zip.
    pub(crate) fn pack(&self, files: &[(&str, &str)]) -> Digest {
        let (listing, blobs) = tree(files);
        let mut zip = io::Cursor::new(Vec::new());
        archive::write(&Snapshot::new(listing, Arc::new(blobs)), &mut zip).unwrap();
        let digest = hash::sha256(zip.get_ref());
        self.registry.objects().put_archive(&mut &zip.get_ref()[..], &digest).unwrap();
        digest
    }

    /// Deploys a release of that pack with these files, those not in the pack as loose blobs; returns
    /// the event.
    pub(crate) fn deploy(&mut self, app: &str, archive: Digest, files: &[(&str, &str)]) -> u64 {
        let (listing, _) = tree(files);
        for (_, content) in files {
            if !self.registry.objects().has(&hash::sha256(content.as_bytes())) {
                self.registry.objects().put_bytes(content.as_bytes()).unwrap();
            }
        }
        let reasons = r#"{"index.html": [{"by": "overlay", "rule": "slot pages: override",
            "inputs": ["customization:index.html"], "digest": null, "replaced": null}]}"#;
        let reasons = self.registry.objects().put_bytes(reasons.as_bytes()).unwrap();
        self.releases += 1;
        let mut release = ReleaseRecord {
            label: format!("{app}.20261122_{}", self.releases),
            tree: self.registry.put_tree(&listing).unwrap(),
            secrets: vec![SecretGeneration { name: "admin".into(), generation: 1 }],
            ..ReleaseRecord::default()
        };
        release.pack.archive = archive;
        release.pack.version = format!("1.0.{}", self.releases);
        let change = Change { release: Some(release), reasons: Some(reasons), ..Change::default() };
        self.append(app, Event::Deploy(change))
    }

    pub(crate) fn append(&self, app: &str, event: Event) -> u64 {
        self.registry.append(&Statement::new(sample(app, event)), &self.signer).unwrap()
    }

    /// A registry with two releases, one of them customised, and two other events.
    pub(crate) fn full() -> Self {
        let mut fixture = Self::new();
        let files = [("app.py", "print('one')\n"), ("index.html", "<h1>one</h1>\n<p>text</p>\n")];
        let archive = fixture.pack(&files);
        fixture.deploy("hello", archive, &files);
        fixture.append("hello", Event::empty(EventKind::Disable));
        fixture.append("hello", Event::empty(EventKind::Enable));
        fixture.deploy(
            "hello",
            archive,
            &[("app.py", "print('one')\n"), ("index.html", "<h1>two</h1>\n<p>text</p>\n"), ("new", "new\n")],
        );
        fixture
    }
}
