//! Every class of hostile archive by its name, each with one fixture and its own error. The many ways
//! within a class are in `refused.rs`; directories of operators are in `snapshot/capture_tests.rs`.

use super::{
    raw::{RawEntry, RawZip, deflate},
    *,
};

fn entry() -> RawEntry {
    RawEntry::deflated(b"entry", b"content, content, content")
}

fn with(entry: RawEntry) -> RawZip {
    RawZip::of(vec![RawEntry::stored(b"first", b"1"), entry])
}

fn both(change: impl Fn(&mut super::raw::Header)) -> RawZip {
    with(entry().both(change))
}

fn named(name: &[u8]) -> RawZip {
    with(RawEntry::stored(name, b"x"))
}

fn mode(mode: u32) -> RawZip {
    with(RawEntry { attributes: mode << 16, ..entry() })
}

#[test]
fn every_class_has_its_own_error() {
    use ArchiveError as E;
    let streamed = |change: fn(&mut RawEntry)| {
        let mut entry = entry().streamed(true, false);
        change(&mut entry);
        with(entry)
    };
    let unicode = [&[0x75, 0x70, 10, 0, 1][..], &libdeflater::crc32(b"entry").to_le_bytes(), b"other"].concat();
    type Row = (&'static str, RawZip, fn(&ArchiveError) -> bool);
    let rows: Vec<Row> = vec![
        ("names: absolute", named(b"/etc/passwd"), |e| matches!(e, E::Name { .. })),
        ("names: parent", named(b"../up"), |e| matches!(e, E::Name { .. })),
        ("names: empty", named(b""), |e| matches!(e, E::NoName { .. })),
        ("names: not UTF-8", named(b"caf\xe9"), |e| matches!(e, E::NotUtf8 { .. })),
        ("names: twice", named(b"first"), |e| matches!(e, E::Duplicate { .. })),
        ("names: equal after folding", named(b"FIRST"), |e| matches!(e, E::Clash { .. })),
        ("names: file where a directory is", named(b"first/below"), |e| matches!(e, E::Clash { .. })),
        ("kinds: device", mode(0o060_644), |e| matches!(e, E::Kind { .. })),
        ("kinds: link that leads out", with(RawEntry::link(b"l", b"../x")), |e| matches!(e, E::LinkOut { .. })),
        ("modes: setuid", mode(0o104_755), |e| matches!(e, E::Mode { .. })),
        ("headers: differ", with(RawEntry { local: RawEntry::stored(b"other", b"").local, ..entry() }), |e| {
            matches!(e, E::Differs { .. })
        }),
        ("headers: data descriptor disagrees", streamed(|entry| entry.descriptor[5] ^= 1), |e| matches!(e, E::Descriptor { .. })),
        ("headers: only local", with(RawEntry { in_central: false, ..entry() }), |e| matches!(e, E::OnlyLocal { .. })),
        (
            "headers: only central",
            RawZip { gap: vec![0; 64], ..RawZip::of(vec![RawEntry { in_local: false, ..entry() }]) },
            |e| matches!(e, E::OnlyCentral { .. }),
        ),
        ("headers: overlap", with(RawEntry { shift: -1, ..entry() }), |e| matches!(e, E::Overlap { .. })),
        ("headers: bytes before", RawZip { prefix: b"#!".to_vec(), ..with(entry()) }, |e| matches!(e, E::Unaccounted { .. })),
        ("headers: bytes between", RawZip { gap: b"xx".to_vec(), ..with(entry()) }, |e| matches!(e, E::Unaccounted { .. })),
        ("headers: bytes after", RawZip { suffix: b"xx".to_vec(), ..with(entry()) }, |e| matches!(e, E::Unaccounted { .. })),
        ("headers: two ends", RawZip { comment: RawZip::default().bytes(), ..with(entry()) }, |e| matches!(e, E::TwoEnds { .. })),
        (
            "headers: an end in the comment",
            RawZip { comment: [RawZip::default().bytes(), b"!".to_vec()].concat(), ..with(entry()) },
            |e| matches!(e, E::EndInComment { .. }),
        ),
        ("headers: wrong count", RawZip { end: vec![(8, 9), (10, 9)], ..with(entry()) }, |e| matches!(e, E::Count { .. })),
        ("headers: wrong offset", RawZip { end: vec![(19, 9)], ..with(entry()) }, |e| matches!(e, E::Header { .. })),
        ("headers: zip64 disagrees", RawZip { zip64: true, end: vec![(8, 9), (9, 0)], ..with(entry()) }, |e| {
            matches!(e, E::Zip64 { .. })
        }),
        ("headers: zip64 field", both(|header| header.size = u32::MAX), |e| matches!(e, E::Zip64Field { .. })),
        ("headers: Unicode path", both(|header| header.extra.clone_from(&unicode)), |e| matches!(e, E::UnicodePath { .. })),
        ("headers: broken extra fields", both(|header| header.extra = vec![1]), |e| matches!(e, E::Extra { .. })),
        ("headers: encrypted", both(|header| header.flags |= 1), |e| matches!(e, E::Encrypted { .. })),
        ("headers: unknown flags", both(|header| header.flags |= 1 << 5), |e| matches!(e, E::Flags { .. })),
        ("headers: several disks", RawZip { end: vec![(4, 1)], ..with(entry()) }, |e| matches!(e, E::MultiDisk)),
        ("headers: unknown method", both(|header| header.method = 12), |e| matches!(e, E::Method { .. })),
        ("content: wrong checksum", both(|header| header.crc ^= 1), |e| matches!(e, E::Crc { .. })),
        ("content: longer", both(|header| header.size -= 1), |e| matches!(e, E::Longer { .. })),
        ("content: shorter", both(|header| header.size += 1), |e| matches!(e, E::Shorter { .. })),
        (
            "content: bytes after the end",
            with(RawEntry::packed(b"entry", b"x", [deflate(b"x"), b"more".to_vec()].concat(), 8)),
            |e| matches!(e, E::Trailing { .. }),
        ),
        ("content: not deflate", with(RawEntry::packed(b"entry", b"x", vec![0xff; 9], 8)), |e| matches!(e, E::Deflate { .. })),
        ("content: of a directory", with(RawEntry::stored(b"d/", b"x")), |e| matches!(e, E::DirectoryContent { .. })),
        ("content: bomb", both(|header| header.size = u32::MAX - 1), |e| matches!(e, E::Limit { .. })),
        ("not an archive", RawZip { end: vec![(0, b'x')], ..with(entry()) }, |e| matches!(e, E::NoEnd)),
    ];
    for (class, zip, is) in rows {
        // strictness makes no difference to what is not sound
        for strictness in [Strictness::Any, Strictness::Pack] {
            let error = Archive::read(&zip.bytes(), strictness, &Limits::default()).expect_err(class);
            assert!(is(&error), "{class}: {error:?}");
            assert!(error.hint().is_some(), "{class}");
        }
    }
    read(&with(entry()).bytes()).unwrap();
}
