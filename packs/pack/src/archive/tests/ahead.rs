//! Archives that arrive in pieces. That what comes out is the same is asked by every other test as well: see `read`.

use super::{
    raw::{RawEntry, RawZip},
    *,
};
use std::{io::Write, sync::Mutex};

/// Lets `bytes` arrive in pieces of that size, and then does something with what was found.
pub(super) fn arrive<T>(bytes: &[u8], piece: usize, keep: Keep<'_>, then: impl FnOnce(&Ahead<'_>) -> T) -> T {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("part");
    let file = File::options().read(true).append(true).create(true).open(&path).unwrap();
    let ahead = Ahead::new(&file, &path, Limits::default(), keep);
    rayon::in_place_scope(|scope| {
        let (mut front, mut at) = (ahead.front(), 0);
        for piece in bytes.chunks(piece) {
            (&file).write_all(piece).unwrap();
            at += piece.len() as u64;
            front.arrived(scope, at);
        }
    });
    then(&ahead)
}

#[test]
fn contents_are_handed_on_before_the_archive_is_complete() {
    let long = vec![7; usize::try_from(content::WHOLE).unwrap() + 1];
    let texts: [&[u8]; 4] = [b"one", &b"two ".repeat(1000), b"", b"one more"];
    let zip = RawZip::of(vec![
        RawEntry::stored(b"a", texts[0]),
        RawEntry::deflated(b"b", texts[1]),
        RawEntry::deflated(b"c", &long),
        RawEntry::stored(b"d", texts[2]),
        RawEntry::deflated(b"e", texts[3]),
    ]);
    let bytes = zip.bytes();
    let directory = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    for piece in [1, 7, 1000, bytes.len()] {
        let kept = Mutex::new(Vec::new());
        let keep = |digest: &Digest, content: &[u8]| {
            assert_eq!(hash::sha256(content), *digest);
            kept.lock().unwrap().push(content.to_vec());
        };
        // without its end it is no archive, and all the same everything short is here
        arrive(&bytes[..directory], piece, &keep, |_| ());
        let mut kept = kept.into_inner().unwrap();
        kept.sort();
        let mut expected = texts.to_vec();
        expected.sort_unstable();
        assert_eq!(kept, expected, "in pieces of {piece}");
    }
}

#[test]
fn what_was_found_is_not_looked_at_again_and_counts_for_nothing_else() {
    let zip = RawZip::of(vec![RawEntry::stored(b"a", b"text"), RawEntry::stored(b"b", b"other")]);
    let bytes = zip.bytes();
    let kept = Mutex::new(0);
    let keep = |_: &Digest, _: &[u8]| *kept.lock().unwrap() += 1;
    let validated = |ahead: &Ahead<'_>| arrived(ahead, hash::sha256(&bytes), Strictness::Any, &Limits::default()).unwrap();
    let archive = arrive(&bytes, 10, &keep, validated);
    assert_eq!((archive.listing().len(), *kept.lock().unwrap()), (2, 2), "each content once");

    // a local header that lies leads nowhere: the archive is validated as if nothing had been found
    let mut lying = RawEntry::stored(b"a", b"text");
    lying.local.packed = 1000;
    let bytes = RawZip::of(vec![lying, RawEntry::stored(b"b", b"other")]).bytes();
    assert!(matches!(read(&bytes), Err(ArchiveError::Differs { field: "packed size", .. })));
}

#[test]
fn bombs_are_not_inflated() {
    let zeros = vec![0; usize::try_from(content::WHOLE).unwrap()];
    let entries = (0..40).map(|number| RawEntry::deflated(format!("{number:02}").as_bytes(), &zeros)).collect();
    let bytes = RawZip::of(entries).bytes();
    let kept = Mutex::new(0);
    arrive(&bytes, bytes.len(), &|_, _| *kept.lock().unwrap() += 1, |_| ());
    let Limits { ratio_from, .. } = Limits::default();
    assert!(*kept.lock().unwrap() <= ratio_from / content::WHOLE, "only what any archive may unpack to");
    assert!(matches!(read(&bytes), Err(ArchiveError::Limit { .. })));
}
