//! Archives that were made to harm: each class is refused by name before anything is written. All
//! the ways within a class are in the reader's own tests (packs/pack/src/archive/tests).

use crate::raw::{RawEntry, RawZip, deflate};
use silver_tests::World;
use std::{fs, io::Read, path::Path};

/// A pack, or a wheel, entry by entry.
pub(crate) fn entries(zip: &Path) -> Vec<RawEntry> {
    let mut archive = zip::ZipArchive::new(fs::File::open(zip).unwrap()).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut file = archive.by_index(index).unwrap();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            let mode = file.unix_mode().unwrap_or(0o100_644);
            let name = file.name().unwrap().as_bytes().to_vec();
            RawEntry { attributes: mode << 16, ..RawEntry::deflated(&name, &content) }
        })
        .collect()
}

/// A pack with entries replaced, added or (`None`) removed; otherwise it is what silver itself would write.
pub(crate) fn forged(zip: &Path, changes: &[(&str, Option<&str>)]) -> Vec<u8> {
    let mut entries = entries(zip);
    entries.retain(|entry| !changes.iter().any(|(name, _)| entry.central.name == name.as_bytes()));
    entries.extend(changes.iter().filter_map(|(name, text)| Some(RawEntry::deflated(name.as_bytes(), (*text)?.as_bytes()))));
    entries.sort_by(|one, two| one.central.name.cmp(&two.central.name));
    RawZip::of(entries).bytes()
}

fn with(entries: &[RawEntry], more: RawEntry) -> Vec<u8> {
    RawZip::of([entries, &[more]].concat()).bytes()
}

/// With `change` made to the entry `app.py`.
fn changed(entries: &[RawEntry], change: impl Fn(&mut RawEntry)) -> Vec<u8> {
    let mut entries = entries.to_vec();
    change(entries.iter_mut().find(|entry| entry.central.name == b"app.py").unwrap());
    RawZip::of(entries).bytes()
}

#[test]
fn every_class_is_refused_by_name() {
    let world = World::new();
    let good = entries(&world.hello("good"));
    let file = |name: &str| RawEntry::deflated(name.as_bytes(), b"x");
    let mode = |name: &str, mode: u32| RawEntry { attributes: mode << 16, ..file(name) };
    let raw = RawZip::of(good.clone());
    let bomb = deflate(&vec![0; 8 << 20]);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        // names
        ("parent", with(&good, file("../escape")), "`../escape`"),
        ("absolute", with(&good, file("/etc/cron.d/escape")), "`/etc/cron.d/escape`"),
        ("backslash", with(&good, file("..\\escape")), "escape"),
        ("bidi", with(&good, file("a\u{202e}txt.exe")), "u{202e}"),
        ("folded", with(&good, file("APP.PY")), "`APP.PY`"),
        ("twice", with(&good, file("app.py")), "`app.py`"),
        ("below-a-file", with(&good, file("app.py/below")), "app.py/below"),
        // kinds and modes
        (
            "link-out",
            with(&good, RawEntry::link(b"out", b"../../etc/passwd")),
            "`out` leads out of the pack, to `../../etc/passwd`",
        ),
        ("device", with(&good, mode("disk", 0o060_644)), "`disk` is a device"),
        ("pipe", with(&good, mode("pipe", 0o010_644)), "`pipe` is a named pipe"),
        ("setuid", with(&good, mode("root", 0o104_755)), "`root` has the setuid bit"),
        // headers
        ("two-names", changed(&good, |entry| entry.local.name = b"app.pz".to_vec()), "two headers differ in the name"),
        (
            "hidden",
            with(&good, RawEntry { in_central: false, ..file("hidden") }),
            "`hidden` is in the archive, but not in the central directory",
        ),
        ("absent", with(&good, RawEntry { in_local: false, ..file("absent") }), "absent"),
        ("prefix", RawZip { prefix: b"#!/bin/sh\n".to_vec(), ..raw.clone() }.bytes(), "belong to no entry"),
        ("gap", RawZip { gap: b"between".to_vec(), ..raw.clone() }.bytes(), "belong to no entry"),
        ("disks", RawZip { end: vec![(4, 1)], ..raw.clone() }.bytes(), "several disks"),
        ("two-ends", RawZip { comment: RawZip::default().bytes(), ..raw }.bytes(), "end record"),
        ("encrypted", changed(&good, |entry| *entry = entry.clone().both(|header| header.flags |= 1)), "`app.py` is encrypted"),
        (
            "method",
            changed(&good, |entry| *entry = entry.clone().both(|header| header.method = 12)),
            "`app.py` is packed by the method 12",
        ),
        // content
        ("checksum", changed(&good, |entry| *entry = entry.clone().both(|header| header.crc ^= 1)), "`app.py`: the checksum"),
        ("bomb", with(&good, RawEntry::packed(b"bomb", b"x", bomb, 8)), "`bomb` is longer than"),
        // `.silver/tree` in both directions
        ("unlisted", with(&good, file("unlisted")), "`unlisted` is in the archive, but not in `.silver/tree`"),
        (
            "missing",
            RawZip::of(good.iter().filter(|entry| entry.central.name != b"app.py").cloned().collect()).bytes(),
            "`app.py` is in `.silver/tree`, but not in the archive",
        ),
        ("exchanged", changed(&good, |entry| *entry = file("app.py")), "`app.py` is not the file that `.silver/tree` lists"),
    ];

    // as it is, it is a pack: what follows is refused for its one change
    fs::write(world.work().join("good.zip"), RawZip::of(good).bytes()).unwrap();
    world.silver(["inspect", "good.zip"]).ok();
    for (name, bytes, words) in cases {
        let zip = format!("{name}.zip");
        fs::write(world.work().join(&zip), bytes).unwrap();
        for args in [&["inspect", &zip][..], &["update", &zip, "--yes"], &["merge", &zip, "-o", "out"]] {
            let ran = world.silver(args).exits(8);
            for word in [zip.as_str(), words, "error:", "hint:"] {
                assert!(ran.stderr().contains(word), "`{word}` is not in\n{}", ran.snapshot());
            }
            assert_eq!(ran.stdout(), "", "{name}");
        }
    }
    assert!(!world.work().join("out").exists() && !world.home().join("data").exists(), "something was written");
}
