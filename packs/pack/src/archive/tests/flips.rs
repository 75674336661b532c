//! Whatever happens to the bytes: the identical tree, or a refusal; never a panic.

use super::{
    raw::{RawEntry, RawZip},
    *,
};
use proptest::prelude::*;

fn sample() -> Vec<u8> {
    RawZip {
        comment: b"comment".to_vec(),
        ..RawZip::of(vec![
            RawEntry::stored(b"dir/", b""),
            RawEntry::deflated(b"dir/file", &b"repeated ".repeat(40)),
            RawEntry::stored(b"run", b"#!/bin/sh\n"),
            RawEntry::link(b"link", b"dir/file"),
            RawEntry::deflated("été".as_bytes(), b"streamed").streamed(true, false),
            RawEntry::deflated(b"wide", b"zip64 zip64 zip64").zip64(),
        ])
    }
    .bytes()
}

/// What may differ between two archives that hold the identical tree: nothing that a listing shows.
fn tree(bytes: &[u8]) -> Option<String> {
    read(bytes).ok().map(|archive| archive.listing().to_lines())
}

#[test]
fn truncated_at_every_byte() {
    let bytes = sample();
    let whole = tree(&bytes).unwrap();
    for length in 0..bytes.len() {
        assert_eq!(tree(&bytes[..length]), None, "{length} of {} bytes: {whole}", bytes.len());
    }
}

#[test]
fn every_bit_flipped() {
    let bytes = sample();
    let whole = tree(&bytes).unwrap();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            if let Some(found) = tree(&flipped) {
                // Modes, which only the central header has, may change a kind: that is a different
                // archive, and `.silver/tree` of a pack tells. Contents and names may not change.
                let without_kind = |lines: &str| lines.lines().map(|line| line[1..].to_owned()).collect::<Vec<_>>();
                assert_eq!(without_kind(&found), without_kind(&whole), "byte {at}, bit {bit}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn many_changes_never_panic(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)) {
        let mut bytes = sample();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = read(&bytes);
    }

    #[test]
    fn noise_never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), ends in any::<bool>()) {
        if ends {
            bytes.extend(RawZip::default().bytes());
        }
        let _ = read(&bytes);
    }
}
