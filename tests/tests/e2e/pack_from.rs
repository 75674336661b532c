//! `silver pack --from ZIP`: a zip that another tool made becomes a pack, the same as of the directory.

use crate::raw::{RawEntry, RawZip, deflate};
use serde_json::Value;
use silver_tests::{World, hello, world::skipped};
use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

/// Zips the directory `$1`, in which it runs, into `$2`; `.hidden` and the link included.
const SHELL: &[(&str, &str, &str)] = &[
    ("Info-ZIP", "zip", "zip -qry $2 ."),
    ("Info-ZIP, stored, without directories", "zip", "zip -qry0D $2 ."),
    ("Info-ZIP, streamed, no links", "zip", "zip -qr - . -x link | cat > $2"),
    ("Info-ZIP, zip64", "zip", "zip -qryfz $2 ."),
    ("Info-ZIP, with comments", "zip", "echo 'of the archive' | zip -qryz $2 ."),
    ("Info-ZIP, one directory", "zip", "cd ..; zip -qry $2 source"),
    ("7-Zip", "7zz", "7zz a -bd -snl -tzip $2 . > /dev/null"),
    ("7-Zip, stored, zip64", "7zz", "7zz a -bd -snl -mx=0 -tzip $2 . > /dev/null"),
    ("jar, no links", "jar", "rm link; jar -cf $2 -C . .; ln -s été.txt link"),
    ("jar, without manifest, no links", "jar", "rm link; jar -cfM $2 .; ln -s été.txt link"),
    (
        "git archive",
        "git",
        "git init -q . && git add -A && git -c user.name=x -c user.email=x@x commit -qm x && git archive -o $2 HEAD; rm -rf .git",
    ),
];

/// Zips the directory `argv[1]` into `argv[2]`, in the way of `argv[3]`.
const PYTHON: &str = r#"
import os, sys, zipfile
source, target, way = sys.argv[1:]
class Pipe:  # cannot seek, so that data descriptors are needed
    def __init__(self, file): self.file = file
    def write(self, data): return self.file.write(data)
    def flush(self): self.file.flush()
with open(target, "wb") as file:
    out = Pipe(file) if way == "streamed" else file
    method = zipfile.ZIP_STORED if way == "stored" else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(out, "w", method) as zip:
        for folder, folders, files in os.walk(source):
            for name in sorted(files) + sorted(folders):
                path = os.path.join(folder, name)
                inside = os.path.relpath(path, source)
                if os.path.islink(path):
                    info = zipfile.ZipInfo(inside)
                    info.external_attr = 0o120777 << 16
                    zip.writestr(info, os.readlink(path))
                elif way == "zip64" and os.path.isfile(path):
                    info = zipfile.ZipInfo.from_file(path, inside)
                    with zip.open(info, "w", force_zip64=True) as entry, open(path, "rb") as content:
                        entry.write(content.read())
                else:
                    zip.write(path, inside)
        if way == "70000":
            for number in range(70000):
                zip.writestr(f"many/{number // 1000}/{number}", str(number % 7))
"#;

/// A pack's source with what archives can hold: executable, link, name beyond ASCII, empty file, dotfile.
fn source(world: &World) -> std::path::PathBuf {
    let dir = world.work().join("source");
    hello::write(hello::find("good"), &dir).unwrap();
    fs::write(dir.join("été.txt"), "l'été ".repeat(1000)).unwrap();
    fs::write(dir.join("empty"), "").unwrap();
    fs::write(dir.join(".hidden"), "dot").unwrap();
    symlink("été.txt", dir.join("link")).unwrap();
    dir
}

fn there(program: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {program} > /dev/null")]).status().unwrap().success()
}

/// Files of a pack, without those that `leave_out` names.
fn files(world: &World, zip: &str, leave_out: &[&str]) -> Vec<Value> {
    let files = world.json(&["inspect", zip, "--only", "files"]);
    let kept = |file: &&Value| !leave_out.iter().any(|name| file["path"].as_str().unwrap().starts_with(name));
    files.as_array().unwrap().iter().filter(kept).cloned().collect()
}

#[test]
fn every_tool_that_is_here_gives_the_same_files() {
    let world = World::new();
    let source = source(&world);
    world.silver(["pack", "source", "-o", "wanted.zip"]).ok();
    let wanted = files(&world, "wanted.zip", &[]);
    let mut tried = 0;
    let mut compare = |name: &str, zip: &Path| {
        tried += 1;
        let packed = world.silver(["pack", "--from", zip.to_str().unwrap(), "-o", "packed.zip"]);
        assert_eq!(packed.code(), 0, "{name}: {}", packed.snapshot());
        let no_links = name.ends_with("no links");
        let found = files(&world, "packed.zip", &["META-INF"]);
        let wanted: Vec<Value> = wanted.iter().filter(|file| !no_links || file["path"] != "link").cloned().collect();
        assert_eq!(found, wanted, "{name}");
        fs::remove_file(zip).unwrap();
    };
    let zip = world.work().join("made.zip");
    for (name, program, script) in SHELL {
        if !there(program) {
            // no machine has to have Java: an archive like its own is made by hand below
            if *program != "jar" {
                skipped(&format!("there is no `{program}`"));
            }
            continue;
        }
        let mut shell = Command::new("bash");
        shell.args(["-c", &format!("set -euo pipefail; {script}"), "bash"]).args([&source, &zip]).current_dir(&source);
        let output = shell.env("LC_ALL", "C.UTF-8").output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        compare(name, &zip);
    }
    for way in ["deflated", "stored", "streamed", "zip64"] {
        let python = Command::new("python3").args(["-c", PYTHON]).args([&source, &zip]).arg(way).output().unwrap();
        assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
        compare(&format!("Python, {way}"), &zip);
    }
    assert!(tried >= 4);
}

#[test]
fn seventy_thousand_entries() {
    let world = World::new();
    let (source, zip) = (source(&world), world.work().join("many.zip"));
    let python = Command::new("python3").args(["-c", PYTHON]).args([&source, &zip]).arg("70000").output().unwrap();
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    let report = world.json(&["pack", "--from", "many.zip", "-o", "packed.zip"]);
    assert!(report["files"].as_u64().unwrap() > 70_000, "{report}");
}

/// As `java.util.zip` streams an archive: a mark in the first extra field, data descriptors, directories
/// that are deflated, no modes.
#[test]
fn a_java_writer_with_the_manifest_beside_it() {
    let world = World::new();
    let manifest = fs::read_to_string(source(&world).join("pack.toml")).unwrap();
    world.write("beside.toml", &manifest);
    let app = fs::read(world.work().join("source/app.py")).unwrap();
    let mark = |mut entry: RawEntry| {
        (entry.local.extra, entry.central.extra) = (vec![0xfe, 0xca, 0, 0], vec![0xfe, 0xca, 0, 0]);
        entry
    };
    let java = |entry: RawEntry| {
        let named = entry.both(|header| header.flags |= 1 << 11);
        RawEntry { attributes: 0, ..named.streamed(true, false) }
    };
    let entries = vec![
        mark(java(RawEntry::deflated(b"META-INF/", b""))),
        java(RawEntry::deflated(b"META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n\r\n")),
        java(RawEntry::deflated(b"app.py", &app)),
        java(RawEntry::deflated("templates/été.html".as_bytes(), b"<p>")),
        java(RawEntry::deflated(b"templates/page.html", b"<p>")),
    ];
    fs::write(world.work().join("java.zip"), RawZip::of(entries).bytes()).unwrap();
    world.silver(["pack", "--from", "java.zip", "--manifest", "beside.toml", "-o", "packed.zip"]).ok();
    let names: Vec<String> =
        files(&world, "packed.zip", &[]).iter().map(|file| file["path"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["META-INF/MANIFEST.MF", "app.py", "pack.toml", "templates/page.html", "templates/été.html"]);
    let provenance = world.json(&["inspect", "packed.zip", "--only", "provenance"]);
    assert_eq!(provenance["zip"]["file"], "java.zip");

    // with none it is no pack, with two nobody knows which
    let refused = |args: &[&str], words: &str| {
        let ran = world.silver(args.iter().copied()).exits(2);
        assert!(ran.stderr().contains(words) && ran.stderr().contains("hint:"), "{}", ran.snapshot());
    };
    refused(&["pack", "--from", "java.zip"], "has no `pack.toml` inside");
    refused(&["pack", "--from", "packed.zip", "--manifest", "beside.toml"], "`pack.toml` of its own");
    refused(&["pack", "--from", "beside.toml"], "not a zip archive");
    refused(&["pack", "--from", "absent.zip"], "absent.zip");
    // of a directory it is the manifest inside that counts: another one is never silently ignored
    let ran = world.silver(["pack", ".", "--manifest", "beside.toml"]).exits(2);
    assert!(ran.stderr().contains("cannot be used with"), "{}", ran.snapshot());
}

/// What may differ between tools is taken as it is; what is ambiguous or dangerous is not.
#[test]
fn a_hostile_zip_is_refused_all_the_same_and_nothing_is_written() {
    let world = World::new();
    let manifest = fs::read(source(&world).join("pack.toml")).unwrap();
    let with = |entry: RawEntry| RawZip::of(vec![RawEntry::deflated(b"pack.toml", &manifest), entry]).bytes();
    let file = |name: &str| RawEntry::deflated(name.as_bytes(), b"content");
    let mut differs = file("app.py");
    differs.local.name = b"app.pz".to_vec();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("`../escape`", with(file("../escape"))),
        ("two headers differ in the name", with(differs)),
        ("`PACK.toml`", with(file("PACK.toml"))),
        ("leads out of the pack", with(RawEntry::link(b"link", b"../../etc/passwd"))),
        ("setuid", with(RawEntry { attributes: 0o104_755 << 16, ..file("run") })),
        ("belong to no entry", RawZip { gap: b"between".to_vec(), ..RawZip::of(vec![file("a")]) }.bytes()),
        ("checksum", with(file("app.py").both(|header| header.crc ^= 1))),
        ("is longer than", with(RawEntry::packed(b"bomb", b"x", deflate(&vec![0; 8 << 20]), 8))),
    ];
    for (words, bytes) in cases {
        fs::write(world.work().join("hostile.zip"), bytes).unwrap();
        let ran = world.silver(["pack", "--from", "hostile.zip", "-o", "out.zip"]).exits(8);
        for word in [words, "hostile.zip", "error:", "hint:"] {
            assert!(ran.stderr().contains(word), "`{word}` is not in\n{}", ran.snapshot());
        }
    }
    // a link that stays inside the zip, but not inside what is taken from it
    let wrapped =
        RawZip::of(vec![RawEntry::deflated(b"top/pack.toml", &manifest), RawEntry::link(b"top/link", b"../top/pack.toml")]);
    fs::write(world.work().join("hostile.zip"), wrapped.bytes()).unwrap();
    let ran = world.silver(["pack", "--from", "hostile.zip", "-o", "out.zip"]).exits(2);
    assert!(ran.stderr().contains("`top/link` leads out"), "{}", ran.snapshot());
    assert!(!world.work().join("out.zip").exists());
}

/// A pack that was zipped anew is refused with the way out, and that is one.
#[test]
fn a_pack_that_another_tool_wrote_anew_becomes_one_again() {
    let world = World::new();
    let good = world.hello("good");
    if !there("zip") || !there("unzip") {
        return skipped("there is no `zip` and `unzip`");
    }
    let script = format!("mkdir un && cd un && unzip -q {} && zip -qr ../anew.zip .", good.display());
    assert!(Command::new("sh").args(["-ec", &script]).current_dir(world.work()).status().unwrap().success());
    let ran = world.silver(["inspect", "anew.zip"]).exits(8);
    assert!(
        ran.stderr().contains("not as silver writes it") && ran.stderr().contains("silver pack --from"),
        "{}",
        ran.snapshot()
    );
    world.silver(["pack", "--from", "anew.zip", "-o", "again.zip"]).ok();
    assert_eq!(files(&world, "again.zip", &[]), files(&world, good.to_str().unwrap(), &[]));
}
