//! A package index that is away, that changes its mind, or that has what does not fit: the
//! customization stays as it was.

use crate::{
    hostile_pack,
    raw::{RawEntry, RawZip, deflate},
};
use silver_tests::{Ran, World, trac, wheel};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
};

/// A customization of Trac with this `[index.python]`.
fn customization(world: &World, index: &str) -> String {
    let text = format!("[pack]\nid = \"org.edgewall.trac\"\n\n[index.python]\n{index}\n");
    world.write("mine/customize.toml", &text);
    text
}

/// Installs `name`, which must be refused with these words and change nothing.
fn refused(world: &World, name: &str, code: i32, words: &[&str]) -> Ran {
    let zip = trac::pack(world).display().to_string();
    let mine = world.work().join("mine");
    // what it asks for is granted first, so that only what follows can change the directory
    world.silver(["manage-app", &zip, "--customize=mine", "--yes", "list-plugins"]).ok();
    let before = contents(&mine);
    let ran = world.silver(["manage-app", &zip, "--customize=mine", "--yes", "install-plugin", name]).exits(code);
    for word in words.iter().chain(&["error:", "hint:"]) {
        assert!(ran.stderr().contains(word), "`{word}` is not in\n{}", ran.snapshot());
    }
    assert_eq!(contents(&mine), before, "the customization was changed");
    ran
}

fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let content = if entry.path().is_dir() { Vec::new() } else { fs::read(entry.path()).unwrap() };
        // the file by which two commands keep out of each other's way
        if name != ".silver.lock" {
            found.insert(name, content);
        }
    }
    found
}

/// An index with one package, whose wheel is another one each time it is fetched; its address.
fn fickle(world: &World, package: &str) -> String {
    let (one, two) = (world.work().join("one"), world.work().join("two"));
    let wheels = [(one, "x = 1\n"), (two, "x = 2\n")].map(|(dir, text)| {
        let path = wheel::write(&dir, package, "1.0", "", &[("module.py", text)]);
        (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())
    });
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut fetched = 0;
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            let mut header = String::new();
            while stream.read_line(&mut header).unwrap() > 2 {
                header.clear();
            }
            let (kind, body) = if line.contains(".whl") {
                let (_, content) = &wheels[fetched.min(1)];
                fetched += usize::from(line.starts_with("GET"));
                ("application/zip", content.clone())
            } else {
                let name = &wheels[0].0;
                ("text/html", format!("<!DOCTYPE html><html><body><a href=\"/{name}\">{name}</a></body></html>").into_bytes())
            };
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            // pip may have hung up
            stream.get_mut().write_all(&[head.into_bytes(), body].concat()).ok();
        }
    });
    format!("http://{address}/simple")
}

#[test]
fn one_that_cannot_be_reached() {
    let world = World::new();
    // nothing listens on port 1
    customization(&world, "url = \"http://127.0.0.1:1/simple\"");
    refused(&world, "TracDemo", 1, &["the package index cannot be reached", "refused"]);
    customization(&world, "directory = \"../nowhere\"");
    refused(&world, "TracDemo", 1, &["TracDemo"]);
}

#[test]
fn one_that_gives_another_file_than_it_said() {
    let world = World::new();
    let url = fickle(&world, "TracDemo");
    customization(&world, &format!("url = \"{url}\""));
    refused(&world, "TracDemo", 8, &["the index gives another file", "TracDemo"]);
}

#[test]
fn one_that_gives_another_file_than_the_pack_pins() {
    let world = World::new();
    let url = fickle(&world, "Helper");
    let manifest = "format = 1\n[pack]\nid = \"org.example.x\"\nname = \"x\"\nversion = \"1.0.0\"\nsummary = \"x\"\n[runtime]\nkind = \"python\"\nversion = \">=3.9\"\n[processes.web]\ncommand = [\"true\"]\n[build]\npython = { requirements = \"requirements.lock\" }\n";
    world.write("source/pack.toml", manifest);
    world.write("source/requirements.lock", &format!("Helper==1.0 --hash=sha256:{}\n", "0".repeat(64)));
    let ran = world.silver(["pack", "source", "--index", &url, "-o", "x.zip"]).exits(8);
    for word in ["Helper==1.0", "the index gives another file", "error:", "hint:"] {
        assert!(ran.stderr().contains(word), "`{word}` is not in\n{}", ran.snapshot());
    }
    assert!(!world.work().join("x.zip").exists());
}

#[test]
fn packages_that_do_not_fit_the_pack() {
    let world = World::new();
    let index = world.work().join("index");
    wheel::write(&index, "TracOld", "1.0", "Requires-Dist: Trac==1.4\n", &[("old.py", "")]);
    wheel::write(&index, "TracDemo", "1.0", "", &[("demo.py", "")]);
    customization(&world, "directory = \"../index\"");
    refused(&world, "TracOld", 1, &["exclude each other", "Trac==1.4", "==1.6"]);
    refused(&world, "TracDemos", 1, &["TracDemos", "not in the index"]);
    refused(&world, "TracDemo==9.9", 1, &["TracDemo==9.9", "1.0"]);
}

#[test]
fn packages_that_were_made_to_harm() {
    let world = World::new();
    let index = world.work().join("index");
    let wheel = wheel::write(&index, "TracEvil", "1.0", "", &[("evil.py", "x = 1\n")]);
    customization(&world, "directory = \"../index\"");
    let good = hostile_pack::entries(&wheel);
    let bomb = RawEntry::packed(b"bomb", b"x", deflate(&vec![0; 8 << 20]), 8);
    let cases: [(RawEntry, &str); 5] = [
        (RawEntry::deflated(b"../../escape.py", b"x"), "`../../escape.py`"),
        (RawEntry::deflated(b"EVIL.py", b"x"), "`EVIL.py`"),
        (RawEntry::link(b"out", b"/etc/passwd"), "`out` leads out"),
        (RawEntry { in_central: false, ..RawEntry::deflated(b"hidden.py", b"x") }, "`hidden.py`"),
        (bomb, "`bomb` is longer than"),
    ];
    for (entry, words) in cases {
        fs::write(&wheel, RawZip::of([&good[..], &[entry]].concat()).bytes()).unwrap();
        refused(&world, "TracEvil", 8, &["TracEvil", words]);
    }
    assert!(!world.work().join("escape.py").exists());
}
