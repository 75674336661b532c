//! What we write: the same bytes everywhere, stored where packing gains nothing.

use super::{accepted::written, *};
use crate::snapshot::{MemoryBlobs, Snapshot};
use rayon::ThreadPoolBuilder;
use std::{
    io::{Cursor, Seek, SeekFrom, Write},
    sync::Arc,
};

/// Bytes that look like noise, the same in every run.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..length.div_ceil(8)).flat_map(|_| next()).take(length).collect()
}

/// Text of which about a third is left when it is packed.
fn text(length: usize) -> Vec<u8> {
    let words = ["slot ", "pack ", "merge ", "release ", "tree\n", "origin ", "digest ", "reason "];
    noise(length).iter().flat_map(|byte| words[usize::from(byte % 8)].bytes()).take(length).collect()
}

fn tree(files: &[(&str, Vec<u8>)]) -> Snapshot {
    let (mut listing, mut blobs) = (Listing::new(), MemoryBlobs::new());
    for (name, content) in files {
        let node = Node { kind: Kind::File, size: content.len() as u64, digest: blobs.put(content.as_slice()) };
        listing.insert(TreePath::new(name).unwrap(), node).unwrap();
    }
    Snapshot::new(listing, Arc::new(blobs))
}

/// Small contents, and big ones that end inside a piece, at the end of one, and at the end of all
/// that are in memory at once.
fn samples() -> Snapshot {
    tree(&[
        ("a/empty", Vec::new()),
        ("a/short", b"x".to_vec()),
        ("a/text", text(300_000)),
        ("b/big", text((5 << 20) + 3)),
        ("b/even", text(16 << 20)),
        ("b/zeros", vec![0; 5 << 20]),
        ("c/noise", noise(100_000)),
        ("c/noise-big", noise(5 << 20)),
        ("c/text.PNG", text(5000)),
        ("c/text.zip", text(5 << 20)),
        ("d/text", text(4 << 20)),
    ])
}

#[test]
fn contents_are_stored_where_packing_gains_nothing() {
    let tree = samples();
    let archive = read(&written(&tree)).unwrap();
    assert_eq!(archive.listing(), tree.listing());
    let stored = ["a/empty", "a/short", "c/noise", "c/noise-big", "c/text.PNG", "c/text.zip"];
    for (path, node) in tree.listing().iter() {
        let location = archive.location(&node.digest).unwrap();
        let method = if stored.contains(&path.as_str()) { Method::Stored } else { Method::Deflate };
        assert_eq!(location.method, method, "{path}");
        assert!(method == Method::Stored || location.packed < location.size / 2, "{path}: {location:?}");
    }
}

#[test]
fn the_encoders_make_what_they_always_made() {
    // whoever changes an encoder, its version or the sizes of pieces changes every pack's bytes (never its digest): on purpose?
    let bytes = written(&samples());
    insta::assert_snapshot!(format!("{} bytes, {}", bytes.len(), hash::sha256(&bytes)), @"13512344 bytes, sha256:5256e4a5f050dc43b7a1bfa1adc134f75cab23ace00746e2599d4bab4870ce42");
}

#[test]
fn the_number_of_processors_changes_nothing() {
    let tree = samples();
    let with = |threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| hash::sha256(&written(&tree)));
    let one = with(1);
    for threads in [2, 3, 8] {
        assert_eq!(with(threads), one, "{threads} threads");
    }
}

#[test]
fn an_archive_may_begin_behind_something_else() {
    let tree = samples();
    let mut file = Cursor::new(b"before".to_vec());
    file.seek(SeekFrom::End(0)).unwrap();
    write(&tree, &mut file).unwrap();
    file.write_all(b"after").unwrap();
    let (all, bytes) = (file.into_inner(), written(&tree));
    assert!(all == [b"before", &bytes[..], b"after"].concat());
}

#[test]
fn a_content_that_changed_is_not_packed() {
    for size in [10, 5 << 20] {
        let (mut listing, mut blobs) = (Listing::new(), MemoryBlobs::new());
        let digest = blobs.put(vec![1; size]);
        let path = TreePath::new("a").unwrap();
        listing.insert(path, Node { kind: Kind::File, size: size as u64 + 1, digest }).unwrap();
        let error = write(&Snapshot::new(listing, Arc::new(blobs)), &mut Cursor::new(Vec::new())).unwrap_err();
        assert!(matches!(error, WriteError::Read(_)), "{error:?}");
    }
}
