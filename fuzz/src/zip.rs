//! Archives.

use silver_pack::{
    archive::{self, Archive, Strictness},
    limits::Limits,
    listing::{Kind, Listing, Node},
    snapshot::{MemoryBlobs, Snapshot},
};
use silver_plugin_api::TreePath;
use std::{io::Cursor, sync::Arc};

/// Small ones, so that no input takes long.
const LIMITS: Limits = Limits { entries: 1000, file: 1 << 20, total: 4 << 20, archive: 1 << 20, ratio: 200, ratio_from: 1 << 20 };

pub(crate) fn run(data: &[u8]) {
    let Ok(any) = Archive::read(data, Strictness::Any, &LIMITS) else {
        assert!(Archive::read(data, Strictness::Pack, &LIMITS).is_err(), "a pack that is not sound");
        return;
    };
    let lines = any.listing().to_lines();
    assert_eq!(Listing::parse(&lines).expect("a tree has lines"), **any.listing());
    for (path, node) in any.listing().iter() {
        let place = any.location(&node.digest).expect("every content lies somewhere");
        assert!(place.offset + place.packed <= data.len() as u64 && place.size == node.size, "{path}");
    }
    if let Ok(pack) = Archive::read(data, Strictness::Pack, &LIMITS) {
        assert_eq!(pack.listing(), any.listing());
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let (mut listing, mut blobs) = (Listing::new(), MemoryBlobs::new());
    for (path, kind, content) in [
        ("a/b", Kind::File, "repeated ".repeat(40)),
        ("été", Kind::Executable, "#!/bin/sh\n".to_owned()),
        ("empty", Kind::File, String::new()),
        ("link", Kind::Link, "a/b".to_owned()),
    ] {
        let node = Node { kind, size: content.len() as u64, digest: blobs.put(content.into_bytes()) };
        listing.insert(TreePath::new(path).expect("a path"), node).expect("a tree");
    }
    let mut bytes = Cursor::new(Vec::new());
    archive::write(&Snapshot::new(listing, Arc::new(blobs)), &mut bytes).expect("memory takes it");
    vec![bytes.into_inner(), b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec()]
}
