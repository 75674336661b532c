//! Every class of hostile or broken archive has its own refusal.

use super::{
    raw::{RawEntry, RawZip, deflate},
    *,
};
use silver_plugin_api::path::PathError;
use std::fmt::Write as _;

const TEXT: &[u8] = b"a text that can be packed, a text that can be packed";

/// Asserts that reading `zip` fails with an error that matches and names the entry.
macro_rules! refused {
    ($zip:expr, $pattern:pat $(if $guard:expr)?) => {{
        let error = read(&$zip.bytes()).expect_err(stringify!($pattern));
        assert!(matches!(&error, $pattern $(if $guard)?), "{error:?} is not {}", stringify!($pattern));
    }};
}

fn one(entry: RawEntry) -> RawZip {
    RawZip::of(vec![RawEntry::stored(b"first", b"1"), entry, RawEntry::deflated(b"zlast", TEXT)])
}

fn changed(change: impl Fn(&mut RawEntry)) -> RawZip {
    let mut entry = RawEntry::deflated(b"entry", TEXT);
    change(&mut entry);
    one(entry)
}

#[test]
fn names() {
    let long = [b'a'; 256];
    let deep = ["a"; 65].join("/");
    let huge = ["abcdefghi"; 120].join("/");
    let cases: [(&[u8], PathError); 18] = [
        (b"/etc/passwd", PathError::Absolute),
        (b"../up", PathError::DotSegment),
        (b"a/../b", PathError::DotSegment),
        (b"./a", PathError::DotSegment),
        (b"a//b", PathError::EmptySegment),
        (b"a\\b", PathError::Backslash),
        (b"c:/windows", PathError::Drive),
        (b"nul\0byte", PathError::Control),
        (b"esc\x1b[2J", PathError::Control),
        ("bidi\u{202e}txt".as_bytes(), PathError::Control),
        ("nfd-e\u{301}".as_bytes(), PathError::NotNfc),
        (&long, PathError::SegmentTooLong),
        (huge.as_bytes(), PathError::TooLong),
        (deep.as_bytes(), PathError::TooDeep),
        (b"COM1.txt", PathError::Reserved),
        (b"a/dot./b", PathError::TrailingDotOrSpace),
        (b"space ", PathError::TrailingDotOrSpace),
        (b"a//", PathError::EmptySegment),
    ];
    for (name, wanted) in cases {
        let error = read(&one(RawEntry::stored(name, b"x")).bytes()).unwrap_err();
        assert!(matches!(&error, ArchiveError::Name { source, .. } if *source == wanted), "{error:?}");
        assert!(!error.to_string().contains(['\x1b', '\0', '\u{202e}']), "{error}");
    }
    refused!(one(RawEntry::stored(b"", b"x")), ArchiveError::NoName { .. });
    refused!(one(RawEntry::stored(b"/", b"")), ArchiveError::NoName { .. });
    refused!(one(RawEntry::stored(b"caf\xe9", b"x").both(|header| header.flags = 1 << 11)), ArchiveError::NotUtf8 { entry } if entry == "caf\\xe9");
    // UTF-8 by chance, but another tool would read it as code page 437; where it was made on Unix it is what it is
    let unmarked = RawEntry::stored("é".as_bytes(), b"x").both(|header| header.flags = 0);
    refused!(one(RawEntry { host: 0, ..unmarked.clone() }), ArchiveError::NotUtf8 { .. });
    read(&one(unmarked).bytes()).unwrap();
}

#[test]
fn names_that_do_not_go_together() {
    let pair = |a: &[u8], b: &[u8]| RawZip::of(vec![RawEntry::stored(a, b""), RawEntry::stored(b, b"")]);
    refused!(pair(b"same", b"same"), ArchiveError::Duplicate { entry } if entry == "same");
    refused!(pair(b"dir/", b"dir/"), ArchiveError::Duplicate { .. });
    refused!(pair(b"same", b"same/"), ArchiveError::Duplicate { .. });
    refused!(pair(b"README", b"readme"), ArchiveError::Clash { source: ListingError::CaseClash { .. }, .. });
    refused!(pair(b"Dir/a", b"dir/b"), ArchiveError::Clash { source: ListingError::CaseClash { .. }, .. });
    refused!(pair(b"Dir/", b"dir/"), ArchiveError::Clash { source: ListingError::CaseClash { .. }, .. });
    refused!(pair(b"Dir/a", b"dir/"), ArchiveError::Clash { source: ListingError::CaseClash { .. }, .. });
    refused!(pair("stra\u{df}e".as_bytes(), b"STRASSE"), ArchiveError::Clash { source: ListingError::CaseClash { .. }, .. });
    refused!(pair(b"file", b"file/below"), ArchiveError::Clash { source: ListingError::FileIsDirectory { .. }, .. });
    refused!(pair(b"file/below", b"file"), ArchiveError::Clash { source: ListingError::FileIsDirectory { .. }, .. });
    refused!(pair(b"file", b"file/below/"), ArchiveError::Clash { source: ListingError::FileIsDirectory { .. }, .. });
}

#[test]
fn kinds_modes_and_links() {
    let mode = |mode: u32| changed(move |entry| entry.attributes = mode << 16);
    refused!(mode(0o010_644), ArchiveError::Kind { what: "a named pipe", .. });
    refused!(mode(0o020_644), ArchiveError::Kind { what: "a device", .. });
    refused!(mode(0o060_644), ArchiveError::Kind { what: "a device", .. });
    refused!(mode(0o140_644), ArchiveError::Kind { what: "a socket", .. });
    refused!(mode(0o150_644), ArchiveError::Kind { .. });
    refused!(mode(0o040_755), ArchiveError::Kind { .. });
    refused!(mode(0o104_755), ArchiveError::Mode { bit: "setuid", .. });
    refused!(mode(0o102_755), ArchiveError::Mode { bit: "setgid", .. });
    refused!(mode(0o101_755), ArchiveError::Mode { bit: "sticky", .. });
    refused!(changed(|entry| entry.attributes = 0x10), ArchiveError::Kind { .. });
    refused!(one(RawEntry { attributes: 0o100_644 << 16, ..RawEntry::stored(b"dir/", b"") }), ArchiveError::Kind { .. });
    for target in [&b"/etc/passwd"[..], b"../../up", b"a/../../..", b"\xff", b"", b"a\\b", b"d/../x"] {
        refused!(one(RawEntry::link(b"dir/link", target)), ArchiveError::LinkOut { entry, .. } if entry == "dir/link");
    }
    let through = RawZip::of(vec![RawEntry::link(b"dir", b"elsewhere"), RawEntry::stored(b"dir/file", b"")]);
    refused!(through, ArchiveError::Clash { .. });
    refused!(one(RawEntry::stored(b"dir/", b"content")), ArchiveError::DirectoryContent { .. });
    // nothing, deflated, is nothing; anything else is not, whatever the headers say
    read(&one(RawEntry::deflated(b"dir/", b"")).bytes()).unwrap();
    refused!(one(RawEntry::deflated(b"dir/", b"content")), ArchiveError::DirectoryContent { .. });
    refused!(one(RawEntry::packed(b"dir/", b"", deflate(b"content"), 8)), ArchiveError::Longer { entry, .. } if entry == "dir/");
    refused!(one(RawEntry::packed(b"dir/", b"", b"content".to_vec(), 0)), ArchiveError::DirectoryContent { .. });
}

#[test]
fn headers_that_differ() {
    let differs = |wanted: &str, change: &dyn Fn(&mut RawEntry)| {
        let error = read(&changed(change).bytes()).unwrap_err();
        assert!(matches!(&error, ArchiveError::Differs { field, .. } if *field == wanted), "{wanted}: {error:?}");
    };
    differs("name", &|entry| entry.local.name = b"other".to_vec());
    differs("flags", &|entry| entry.local.flags = 1 << 11);
    differs("method", &|entry| entry.local.method = 0);
    differs("checksum", &|entry| entry.local.crc ^= 1);
    differs("checksum", &|entry| entry.local.crc = 0);
    differs("size", &|entry| entry.local.size += 1);
    differs("packed size", &|entry| entry.local.packed += 1);
    refused!(
        one(RawEntry::stored(b"entry", TEXT).both(|header| header.size += 1)),
        ArchiveError::Differs { field: "size and packed size of stored content", .. }
    );
}

#[test]
fn descriptors() {
    for (signature, wide) in [(true, false), (true, true), (false, false), (false, true)] {
        for at in 0..RawEntry::deflated(b"entry", TEXT).streamed(signature, wide).descriptor.len() {
            let mut entry = RawEntry::deflated(b"entry", TEXT).streamed(signature, wide);
            entry.descriptor[at] ^= 1;
            let error = read(&one(entry).bytes()).unwrap_err();
            assert!(matches!(error, ArchiveError::Descriptor { .. }), "{signature} {wide} {at}: {error:?}");
        }
    }
    let mut missing = RawEntry::deflated(b"entry", TEXT).streamed(true, false);
    missing.descriptor.clear();
    refused!(one(missing), ArchiveError::Descriptor { .. });
}

#[test]
fn entries_in_one_list_only() {
    refused!(changed(|entry| entry.in_central = false), ArchiveError::OnlyLocal { entry } if entry == "entry");
    refused!(
        changed(|entry| entry.in_local = false),
        ArchiveError::Overlap { .. } | ArchiveError::OnlyCentral { .. } | ArchiveError::Differs { .. }
    );
    let mut last = changed(|_| {});
    last.entries[2].in_central = false;
    refused!(last, ArchiveError::OnlyLocal { entry } if entry == "zlast");
    let nothing =
        RawZip { gap: vec![0; 64], ..RawZip::of(vec![RawEntry { in_local: false, ..RawEntry::stored(b"ghost", b"x") }]) };
    refused!(nothing, ArchiveError::OnlyCentral { entry } if entry == "ghost");
    // behind a streamed entry, where the room for the descriptor is not known beforehand
    let mut hidden = changed(|entry| *entry = entry.clone().streamed(true, false));
    hidden.entries[2].in_central = false;
    refused!(hidden, ArchiveError::OnlyLocal { entry } if entry == "zlast");
}

#[test]
fn shared_and_ownerless_bytes() {
    let mut shared = changed(|_| {});
    shared.entries[2] =
        RawEntry { in_local: false, shift: -i64::try_from(entry_length()).unwrap(), ..RawEntry::deflated(b"entry", TEXT) };
    shared.entries[2].central.name = b"second-name".to_vec();
    refused!(shared, ArchiveError::Overlap { .. });
    refused!(RawZip { prefix: b"#!/bin/sh\n".to_vec(), ..changed(|_| {}) }, ArchiveError::Unaccounted { at: 0, length: 10 });
    refused!(RawZip { gap: b"between".to_vec(), ..changed(|_| {}) }, ArchiveError::Unaccounted { length: 7, .. });
    refused!(RawZip { suffix: b"after".to_vec(), ..changed(|_| {}) }, ArchiveError::Unaccounted { length: 5, .. });
    refused!(changed(|entry| entry.descriptor = b"between".to_vec()), ArchiveError::Unaccounted { length: 7, .. });
    refused!(RawZip { directory_gap: b"inside".to_vec(), ..changed(|_| {}) }, ArchiveError::Unaccounted { length: 6, .. });
    refused!(changed(|entry| entry.shift = -1), ArchiveError::Overlap { .. });
    // content that reaches into the central directory
    let reaching = RawEntry::stored(b"entry", b"x").both(|header| (header.size, header.packed) = (1 << 20, 1 << 20));
    refused!(RawZip::of(vec![reaching]), ArchiveError::Header { what: "content", .. });
}

fn entry_length() -> usize {
    30 + 5 + deflate(TEXT).len()
}

#[test]
fn end_records() {
    refused!(RawZip { comment: RawZip::default().bytes(), ..changed(|_| {}) }, ArchiveError::TwoEnds { .. });
    let mut inner = RawZip::default().bytes();
    inner.push(b'!');
    refused!(RawZip { comment: inner, ..changed(|_| {}) }, ArchiveError::EndInComment { .. });
    let end = |changes: &[(usize, u8)]| RawZip { end: changes.to_vec(), ..changed(|_| {}) };
    refused!(end(&[(8, 2), (10, 2)]), ArchiveError::Count { of: "entries", said: 2, found: 3 });
    refused!(end(&[(8, 4), (10, 4)]), ArchiveError::Count { of: "entries", said: 4, found: 3 });
    refused!(end(&[(8, 2)]), ArchiveError::MultiDisk);
    refused!(end(&[(4, 1)]), ArchiveError::MultiDisk);
    refused!(end(&[(6, 1)]), ArchiveError::MultiDisk);
    refused!(end(&[(12, 1)]), ArchiveError::Count { of: "bytes of central directory", .. });
    refused!(end(&[(16, 0)]), ArchiveError::Count { of: "bytes of central directory", .. });
    refused!(end(&[(19, 9)]), ArchiveError::Header { what: "a central directory", .. });
    refused!(end(&[(20, 9)]), ArchiveError::Header { what: "an end record", .. });
    refused!(end(&[(8, 255), (9, 255), (10, 255), (11, 255)]), ArchiveError::Zip64 { .. });
    assert!(matches!(read(b""), Err(ArchiveError::NoEnd)));
    assert!(matches!(read(&vec![b'x'; 100_000]), Err(ArchiveError::NoEnd)));
    refused!(changed(|entry| entry.disk = 1), ArchiveError::MultiDisk);
}

#[test]
fn zip64_fields_that_disagree() {
    let wide = |end: &[(usize, u8)], end64: &[(usize, u8)], locator: &[(usize, u8)]| RawZip {
        zip64: true,
        end: end.to_vec(),
        end64: end64.to_vec(),
        locator: locator.to_vec(),
        ..changed(|_| {})
    };
    read(&wide(&[], &[], &[]).bytes()).unwrap();
    // the plain record may repeat what the wide one says, but nothing else
    refused!(wide(&[(8, 9), (9, 0)], &[], &[]), ArchiveError::Zip64 { .. });
    refused!(wide(&[], &[(4, 45)], &[]), ArchiveError::Zip64 { .. });
    refused!(wide(&[], &[(16, 1)], &[]), ArchiveError::MultiDisk);
    refused!(wide(&[], &[(24, 2)], &[]), ArchiveError::MultiDisk);
    refused!(wide(&[], &[(24, 2), (32, 2)], &[]), ArchiveError::Count { .. });
    refused!(wide(&[], &[(40, 1)], &[]), ArchiveError::Count { .. });
    refused!(wide(&[], &[(55, 0xff)], &[]), ArchiveError::Header { .. });
    refused!(wide(&[], &[], &[(8, 1)]), ArchiveError::Zip64 { .. });
    refused!(wide(&[], &[], &[(15, 0xff)]), ArchiveError::Zip64 { .. });
    refused!(wide(&[], &[], &[(4, 1)]), ArchiveError::MultiDisk);
    refused!(wide(&[], &[], &[(16, 2)]), ArchiveError::MultiDisk);
    refused!(wide(&[], &[(0, b'x')], &[]), ArchiveError::Zip64 { .. });

    let field = |change: &dyn Fn(&mut RawEntry)| {
        let mut entry = RawEntry::deflated(b"entry", TEXT).zip64();
        change(&mut entry);
        one(entry)
    };
    read(&field(&|_| {}).bytes()).unwrap();
    refused!(field(&|entry| entry.local.extra[4] ^= 1), ArchiveError::Differs { field: "size", .. });
    refused!(field(&|entry| entry.central.extra[12] ^= 1), ArchiveError::Differs { .. } | ArchiveError::Header { .. });
    refused!(field(&|entry| entry.central.extra.clear()), ArchiveError::Zip64Field { why: "is missing", .. });
    refused!(field(&|entry| entry.central.packed = 3), ArchiveError::Zip64Field { .. });
    refused!(field(&|entry| entry.offset = Some(u32::MAX)), ArchiveError::Zip64Field { .. });
    refused!(field(&|entry| entry.central.extra.extend(entry.local.extra.clone())), ArchiveError::Extra { .. });
    refused!(field(&|entry| entry.central.extra[19] = 0xff), ArchiveError::Limit { .. } | ArchiveError::Differs { .. });
}

#[test]
fn encryption_flags_methods_and_extra_fields() {
    let both = |change: fn(&mut super::raw::Header)| one(RawEntry::deflated(b"entry", TEXT).both(change));
    refused!(both(|header| header.flags = 1), ArchiveError::Encrypted { .. });
    refused!(both(|header| header.flags = 1 << 6), ArchiveError::Encrypted { .. });
    refused!(both(|header| header.flags = 1 << 13), ArchiveError::Encrypted { .. });
    refused!(both(|header| header.extra = vec![0x01, 0x99, 0, 0]), ArchiveError::Encrypted { .. });
    refused!(both(|header| header.flags = 1 << 5), ArchiveError::Flags { flags: 0x20, .. });
    refused!(both(|header| header.method = 99), ArchiveError::Method { method: 99, .. });
    refused!(both(|header| header.method = 12), ArchiveError::Method { method: 12, .. });
    refused!(both(|header| header.extra = vec![1, 2, 3]), ArchiveError::Extra { .. });
    refused!(both(|header| header.extra = vec![1, 2, 3, 0, 5]), ArchiveError::Extra { .. });
    for path in [&b"other"[..], b"entrY", b""] {
        let mut extra = vec![0x75, 0x70, u8::try_from(path.len() + 5).unwrap(), 0, 1];
        extra.extend(libdeflater::crc32(b"entry").to_le_bytes());
        extra.extend(path);
        let zip = one(RawEntry::deflated(b"entry", TEXT).both(|header| header.extra.clone_from(&extra)));
        refused!(zip, ArchiveError::UnicodePath { entry } if entry == "entry");
        let local = changed(|entry| entry.local.extra.clone_from(&extra));
        refused!(local, ArchiveError::UnicodePath { .. });
    }
}

#[test]
fn contents() {
    let packed = |content: &[u8], packed: Vec<u8>| one(RawEntry::packed(b"entry", content, packed, 8));
    refused!(one(RawEntry::stored(b"entry", TEXT).both(|header| header.crc ^= 1)), ArchiveError::Crc { entry } if entry == "entry");
    refused!(one(RawEntry::deflated(b"entry", TEXT).both(|header| header.crc ^= 1)), ArchiveError::Crc { .. });
    refused!(one(RawEntry::deflated(b"entry", TEXT).both(|header| header.size -= 1)), ArchiveError::Longer { .. });
    refused!(one(RawEntry::deflated(b"entry", TEXT).both(|header| header.size += 1)), ArchiveError::Shorter { .. });
    let stream = deflate(TEXT);
    refused!(packed(TEXT, stream[..stream.len() - 1].to_vec()), ArchiveError::Shorter { .. });
    refused!(packed(TEXT, Vec::new()), ArchiveError::Shorter { .. });
    refused!(packed(TEXT, [stream.clone(), b"more".to_vec()].concat()), ArchiveError::Trailing { length: 4, .. });
    refused!(packed(TEXT, [stream.clone(), stream].concat()), ArchiveError::Trailing { .. });
    refused!(packed(TEXT, vec![0xff; 20]), ArchiveError::Deflate { .. });
}

#[test]
fn bombs() {
    // 64 MiB of zeros in 64 kB, declared as one byte: stopped after one buffer
    let zeros = deflate(&vec![0; 64 << 20]);
    let bomb = RawEntry::packed(b"bomb", b"x", zeros.clone(), 8);
    refused!(one(bomb), ArchiveError::Longer { entry, size: 1 } if entry == "bomb");
    let honest = RawZip::of(vec![RawEntry::packed(b"bomb", &vec![0; 64 << 20], zeros, 8)]).bytes();
    let strict = |limits| Archive::read(&honest, Strictness::Any, &limits).unwrap_err();
    let defaults = Limits::default();
    for (limits, wanted) in [
        (Limits { file: 1 << 20, ..defaults }, "bytes in one file"),
        (Limits { total: 1 << 20, ..defaults }, "bytes in all"),
        (Limits { ratio_from: 1 << 20, ..defaults }, "unpacked bytes per packed byte"),
        (Limits { entries: 0, ..defaults }, "entries"),
    ] {
        let error = strict(limits);
        assert!(matches!(&error, ArchiveError::Limit { of, .. } if *of == wanted), "{error:?}");
    }
    read(&honest).unwrap();
    let huge = RawEntry::stored(b"huge", b"x").both(|header| header.size = u32::MAX - 1);
    refused!(one(huge.both(|header| header.method = 8)), ArchiveError::Limit { .. });
}

#[test]
fn archives_that_are_no_files() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(open(dir.path(), Strictness::Any, &Limits::default()), Err(ArchiveError::NotAFile { .. })));
    let pipe = dir.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from(0o600)).unwrap();
    assert!(matches!(open(&pipe, Strictness::Any, &Limits::default()), Err(ArchiveError::NotAFile { .. })));
    let big = dir.path().join("big.zip");
    std::fs::write(&big, changed(|_| {}).bytes()).unwrap();
    let error = open(&big, Strictness::Any, &Limits { archive: 10, ..Limits::default() }).unwrap_err();
    assert!(matches!(error, ArchiveError::Limit { of: "bytes of an archive", .. }));
}

#[test]
fn every_message_is_one_line_and_every_refusal_has_a_way_out() {
    let mut report = String::new();
    for error in [
        read(b"").unwrap_err(),
        read(&changed(|entry| entry.local.crc ^= 1).bytes()).unwrap_err(),
        read(&one(RawEntry::stored(b"line\nbreak", b"")).bytes()).unwrap_err(),
    ] {
        let _ = write!(report, "{error}{}", error.hint().unwrap());
    }
    assert!(!report.contains('\n'), "{report}");
}
