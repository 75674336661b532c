//! What other tools make, and what we make, is read.

use super::{
    raw::{RawEntry, RawZip},
    *,
};
use crate::snapshot::{MemoryBlobs, Snapshot};
use std::{
    io::{Cursor, Read, Write},
    sync::Arc,
};
use zip::write::SimpleFileOptions;

const TEXT: &[u8] = b"a text that can be packed, a text that can be packed";

/// What is written of `tree`.
pub(super) fn written(tree: &Snapshot) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let size = write(tree, &mut out).unwrap();
    assert_eq!(size, out.get_ref().len() as u64);
    out.into_inner()
}

fn lines(archive: &Archive) -> Vec<String> {
    archive.listing().iter().map(|(path, node)| format!("{:?} {} {path}", node.kind, node.size)).collect()
}

#[test]
fn every_valid_form() {
    let archive = read(
        &RawZip::of(vec![
            RawEntry::stored(b"dir/", b""),
            RawEntry::stored(b"dir/stored", TEXT),
            RawEntry::stored(b"empty/", b""),
            RawEntry::deflated(b"deflated", TEXT),
            RawEntry::deflated(b"nothing", b""),
            RawEntry::deflated("été".as_bytes(), TEXT),
            RawEntry { attributes: 0o100_755 << 16, ..RawEntry::deflated(b"run", TEXT) },
            RawEntry { attributes: 0x20, ..RawEntry::deflated(b"from-dos", TEXT) },
            RawEntry::link(b"link", b"dir/stored"),
            RawEntry::deflated(b"zip64", TEXT).zip64(),
            RawEntry::deflated(b"s1", TEXT).streamed(true, false),
            RawEntry::deflated(b"s2", TEXT).streamed(true, true),
            RawEntry::deflated(b"s3", TEXT).streamed(false, false),
            RawEntry::stored(b"s4", TEXT).streamed(false, true),
        ])
        .bytes(),
    )
    .unwrap();
    let wanted = [
        "File 52 deflated",
        "File 52 dir/stored",
        "File 52 from-dos",
        "Link 10 link",
        "File 0 nothing",
        "Executable 52 run",
        "File 52 s1",
        "File 52 s2",
        "File 52 s3",
        "File 52 s4",
        "File 52 zip64",
        "File 52 été",
    ];
    assert_eq!(lines(&archive), wanted);
    assert!(read(&RawZip::default().bytes()).unwrap().listing().is_empty());
    let commented = RawZip { comment: b"a comment".to_vec(), zip64: true, ..RawZip::of(vec![RawEntry::stored(b"a", b"b")]) };
    assert_eq!(lines(&read(&commented.bytes()).unwrap()), ["File 1 a"]);
}

#[test]
fn entries_in_another_order_than_the_directory() {
    let mut zip = RawZip::of(vec![RawEntry::stored(b"b", b"1"), RawEntry::stored(b"a", b"22")]);
    // the second entry's central header first
    let straight = read(&zip.bytes()).unwrap();
    let first = zip.entries[0].clone();
    zip.entries = vec![
        RawEntry { in_local: false, shift: 30 + 1 + 1, ..zip.entries[1].clone() },
        first,
        RawEntry { in_central: false, ..zip.entries[1].clone() },
    ];
    assert_eq!(read(&zip.bytes()).unwrap().listing(), straight.listing());
}

#[test]
fn archives_of_the_zip_crate() {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = zip::ZipWriter::new(&mut bytes);
    let deflated = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    writer.add_directory("dir", SimpleFileOptions::default()).unwrap();
    writer.start_file("dir/été", deflated.unix_permissions(0o755)).unwrap();
    writer.write_all(TEXT).unwrap();
    writer.start_file("large", deflated.large_file(true)).unwrap();
    writer.write_all(TEXT).unwrap();
    writer.add_symlink("link", "dir", SimpleFileOptions::default()).unwrap();
    writer.finish().unwrap();
    let archive = read(&bytes.into_inner()).unwrap();
    assert_eq!(lines(&archive), ["Executable 52 dir/été", "File 52 large", "Link 3 link"]);
}

fn sample() -> Snapshot {
    let (mut listing, mut blobs) = (Listing::new(), MemoryBlobs::new());
    let long = vec![b'a'; 70_000];
    let noise: Vec<u8> = (0..5000_u32).map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    for (name, kind, content) in [
        ("b/text", Kind::File, TEXT),
        ("a", Kind::Executable, &long),
        ("b/été.png", Kind::File, TEXT),
        ("empty", Kind::File, b""),
        ("noise", Kind::File, &noise),
        ("link", Kind::Link, b"b/text"),
    ] {
        let node = Node { kind, size: content.len() as u64, digest: blobs.put(content) };
        listing.insert(TreePath::new(name).unwrap(), node).unwrap();
    }
    Snapshot::new(listing, Arc::new(blobs))
}

#[test]
fn what_is_written_is_read_by_us_and_by_others() {
    let tree = sample();
    let bytes = written(&tree);
    let archive = read(&bytes).unwrap();
    assert_eq!(archive.listing(), tree.listing());
    assert_eq!((archive.digest(), archive.size()), (hash::sha256(&bytes), bytes.len() as u64));
    assert_eq!(written(&tree), bytes);

    let mut other = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
    assert_eq!(other.len(), tree.listing().len());
    for index in 0..other.len() {
        let mut file = other.by_index(index).unwrap();
        let path = TreePath::new(&file.name().unwrap()).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        assert_eq!(hash::sha256(&content), tree.listing().get(&path).unwrap().digest, "{path}");
        assert_eq!(file.unix_mode().unwrap() & 0o111 != 0, tree.listing().get(&path).unwrap().kind != Kind::File);
    }
}

#[test]
fn contents_are_read_lazily_and_checked() {
    let tree = sample();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.zip");
    write(&tree, &mut File::create(&path).unwrap()).unwrap();
    let (archive, blobs) = open(&path, Strictness::Any, &Limits::default()).unwrap();
    let noise = TreePath::new("noise").unwrap();
    let at = archive.location(&tree.listing().get(&noise).unwrap().digest).unwrap().offset;
    let stored = Snapshot::new(archive.listing().clone(), Arc::new(blobs));
    for (path, node) in tree.listing().iter().filter(|(_, node)| node.kind != Kind::Link) {
        assert_eq!(stored.bytes(path).unwrap(), tree.bytes(path).unwrap(), "{path} {node:?}");
    }
    // altered after it was opened
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[usize::try_from(at).unwrap() + 100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(stored.bytes(&noise).is_err());
}

#[test]
fn more_entries_than_the_plain_record_counts() {
    let (mut listing, mut blobs) = (Listing::new(), MemoryBlobs::new());
    let digest = blobs.put(&b""[..]);
    for at in 0..65_536 {
        listing.insert(TreePath::new(&format!("f{at}")).unwrap(), Node { kind: Kind::File, size: 0, digest }).unwrap();
    }
    let bytes = written(&Snapshot::new(listing.clone(), Arc::new(blobs)));
    assert_eq!(**read(&bytes).unwrap().listing(), listing);
}
