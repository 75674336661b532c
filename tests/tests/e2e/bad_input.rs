//! Bad input: a clear error that names the thing and the way out, the documented exit code, nothing
//! changed, nothing lost.

use silver_tests::{Ran, World};
use std::{fs, os::unix::fs::symlink, path::Path};

const HOST: &str = "hello.localhost";
const HELLO: &str = "[pack]\nid = \"org.silver.hello\"\nversion = \"1\"\n";

/// Updates with the customization `mine/`, which must be refused; the words must be in the error.
fn refused(world: &World, words: &[&str]) -> Ran {
    let zip = world.hello("good");
    let ran = world.silver(["update", zip.to_str().unwrap(), "--customize=mine/", "--yes"]);
    assert_refused(world, &ran, words);
    ran
}

fn assert_refused(world: &World, ran: &Ran, words: &[&str]) {
    let said = ran.stderr();
    for word in words.iter().chain(&["error:"]) {
        assert!(said.contains(word), "`{word}` is not in\n{}", ran.snapshot());
    }
    assert!(!said.contains("panicked"), "{said}");
    assert!(!world.home().join("data/nodes/local/apps/hello.json").exists(), "something was deployed");
}

#[test]
fn a_customization_that_is_not_for_this_pack() {
    for (text, words) in [
        ("[pack]\nid = \"org.other\"\nversion = \"1\"\n", &["org.other", "org.silver.hello"][..]),
        ("[pack]\nid = \"org.silver.hello\"\nversion = \"9\"\n", &["9", "1.0.0"]),
        ("[pack]\nid = \"org.silver.hello\"\nversion = \"1\"\n[settings]\ngreting = \"x\"\n", &["greting", "hint:", "greeting"]),
        ("[pack]\nid = \"org.silver.hello\"\nversion = \"1\"\nnonsense = 1\n", &["nonsense", "customize.toml", "hint:"]),
        ("[pack\n", &["customize.toml:1:6", "expected `]`"]),
    ] {
        let world = World::new();
        world.write("mine/customize.toml", text);
        refused(&world, words).exits(2);
    }
}

#[test]
fn a_customization_that_escapes_or_hangs() {
    type Make = fn(&Path);
    let cases: &[(Make, &[&str])] = &[
        (|mine| symlink("/etc/passwd", mine.join("templates/index.html")).unwrap(), &["templates/index.html"]),
        (|mine| symlink("../../../../etc", mine.join("templates/out")).unwrap(), &["templates/out"]),
        (|mine| fifo(&mine.join("templates/pipe.html")), &["templates/pipe.html"]),
        (|mine| fs::write(mine.join("templates/other.html"), "x").unwrap(), &["templates/other.html"]),
        (|mine| fs::write(mine.join("nobody.txt"), "x").unwrap(), &["nobody.txt"]),
        (
            |mine| {
                fs::write(mine.join("notes/a.txt"), "x").unwrap();
                fs::write(mine.join("notes/A.txt"), "x").unwrap();
            },
            &["notes/"],
        ),
    ];
    for (make, words) in cases {
        let world = World::new();
        world.write("mine/customize.toml", HELLO);
        let mine = world.work().join("mine");
        fs::create_dir_all(mine.join("templates")).unwrap();
        fs::create_dir_all(mine.join("notes")).unwrap();
        make(&mine);
        refused(&world, words).exits(2);
    }
}

#[test]
fn a_pack_that_is_not_one() {
    let world = World::new();
    world.write("noise.zip", "this is not a zip");
    let ran = world.silver(["update", "noise.zip", "--yes"]);
    assert_refused(&world, &ran, &["noise.zip"]);
    ran.exits(2);
    let ran = world.silver(["update", "absent.zip", "--yes"]);
    assert_refused(&world, &ran, &["absent.zip", "hint:"]);
    ran.exits(2);

    // one byte of a good one, in the middle of a file's content
    let zip = fs::read(world.hello("good")).unwrap();
    for at in [zip.len() / 3, zip.len() / 2] {
        let mut broken = zip.clone();
        broken[at] ^= 4;
        fs::write(world.work().join("broken.zip"), broken).unwrap();
        let ran = world.silver(["update", "broken.zip", "--yes"]);
        assert_refused(&world, &ran, &["broken.zip"]);
    }
}

#[test]
fn an_older_version_needs_to_be_asked_for() {
    let world = World::new();
    world.update("next").ok();
    let ran = world.update("good");
    assert!(ran.stderr().contains("--allow-downgrade"), "{}", ran.snapshot());
    ran.exits(1);
    assert!(world.http().page(HOST, "/").contains("1.0.1"));
    let zip = world.hello("good");
    world.silver(["update", zip.to_str().unwrap(), "--allow-downgrade", "--yes"]).ok();
    assert!(world.http().page(HOST, "/").contains("1.0.0"));
}

#[test]
fn another_pack_under_the_same_name() {
    let world = World::new();
    world.update("good").ok();
    let dir = silver_tests::hello::variant("next");
    let manifest = dir.path().join("pack.toml");
    let text = fs::read_to_string(&manifest).unwrap().replace("org.silver.hello", "org.stranger.hello");
    fs::write(&manifest, text).unwrap();
    world.silver(["pack", dir.path().to_str().unwrap(), "-o", "stranger.zip"]).ok();
    let ran = world.silver(["update", "stranger.zip", "--yes"]);
    for word in ["org.stranger.hello", "org.silver.hello", "hint:", "silver keys trust stranger.zip --app=hello"] {
        assert!(ran.stderr().contains(word), "{}", ran.snapshot());
    }
    ran.exits(8);
    assert!(world.http().page(HOST, "/").contains("1.0.0"));
}

#[test]
fn a_port_in_use() {
    let world = World::new();
    let _listener = std::net::TcpListener::bind(("127.0.0.1", world.port())).unwrap();
    let ran = world.update("good");
    let said = ran.stderr();
    assert!(said.contains(&world.port().to_string()) && said.contains("SILVER_PORT"), "{}", ran.snapshot());
    ran.exits(6);
}

#[test]
fn two_updates_at_once() {
    let world = World::new();
    world.update("good").ok();
    let next = world.hello("next");
    let additive = world.hello("additive");
    let both = [&next, &additive].map(|zip| world.spawn(["update", zip.to_str().unwrap(), "--yes"]));
    let codes = both.map(|child| child.wait_with_output().unwrap().status.code().unwrap());
    // one wins; the other finds the lock held (7), or comes later and is a downgrade (1) or done (0)
    assert!(codes.contains(&0), "{codes:?}");
    assert!(codes.iter().all(|code| [0, 1, 7].contains(code)), "{codes:?}");
    let page = world.http().page(HOST, "/");
    assert!(page.contains("1.0.1") || page.contains("1.1.0"), "{page}");
    world.silver(["registry", "verify"]).ok();
}

#[test]
fn an_app_that_writes_into_its_own_release_is_found_out() {
    let world = World::new();
    world.update("writes-own-file").ok();
    let drift = &world.json(&["status"])[0]["drift"];
    assert_eq!(*drift, serde_json::json!(["instance/templates/index.html (altered)"]));
    // what was deployed is still what the registry holds
    world.silver(["registry", "verify"]).ok();
}

#[test]
fn an_app_that_ignores_sigterm_is_killed() {
    let world = World::new();
    world.update("ignores-term").ok();
    world.silver(["disable", "hello"]).ok();
    assert_eq!(world.http().get(HOST, "/").unwrap().status, 503);
    world.silver(["enable", "hello"]).ok();
    assert_eq!(world.http().page(HOST, "/count"), "0");
}

fn fifo(path: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
}
