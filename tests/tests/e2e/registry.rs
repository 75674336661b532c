//! `silver registry`: whatever happened is in the log, and no file of the registry changes, goes or
//! comes unnoticed.

use silver_registry::{Record, Registry, Signer, Statement};
use silver_tests::{Ran, World};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A world where two releases were deployed, one was switched off and on; its agent is stopped.
fn deployed() -> World {
    let world = World::new();
    world.update("good").ok();
    let zip = world.hello("next");
    world.write("mine/customize.toml", "[pack]\nid = \"org.silver.hello\"\nversion = \"1\"\n");
    world.write("mine/templates/index.html", "customised: $greeting\n");
    world.silver(["update", zip.to_str().unwrap(), "--customize=mine/", "--reason", "ticket 7", "--yes"]).ok();
    world.silver(["disable", "hello", "--yes"]).ok();
    world.silver(["enable", "hello", "--yes"]).ok();
    world.silver(["local", "stop"]).ok();
    world
}

fn home(world: &World) -> PathBuf {
    world.home().join("data/registry")
}

/// What `verify` found: exit code 8, and findings with paths.
fn found(world: &World) -> Vec<(String, String)> {
    let ran = world.silver(["registry", "verify", "--json"]).exits(8);
    findings(&ran)
}

fn findings(ran: &Ran) -> Vec<(String, String)> {
    let rows: serde_json::Value = serde_json::from_str(&ran.stdout()).unwrap();
    let text = |row: &serde_json::Value, field: &str| row[field].as_str().unwrap().to_owned();
    rows.as_array().unwrap().iter().map(|row| (text(row, "finding"), text(row, "path"))).collect()
}

/// All files below the registry, one of each kind first.
fn files(dir: &Path, below: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, below, into);
        } else {
            into.push(path.strip_prefix(below).unwrap().to_str().unwrap().to_owned());
        }
    }
}

fn put(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).ok();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn the_log_tells_who_did_what_when_and_why() {
    let world = deployed();
    let log = world.json(&["registry", "log"]);
    let kinds: Vec<_> = log.as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["deploy", "deploy", "disable", "enable"]);
    assert_eq!((log[1]["event"].as_u64(), log[1]["reason"].as_str()), (Some(1), Some("ticket 7")));
    assert_eq!(log[1]["version"], "1.0.1");
    let deploys = world.json(&["registry", "log", "hello", "--kind", "deploy", "-n", "1"]);
    assert_eq!(deploys.as_array().unwrap().len(), 1);
    assert!(world.json(&["registry", "log", "other"]).as_array().unwrap().is_empty());

    let statement = world.json(&["registry", "show", "1"]);
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicate"]["event"]["outcome"], "done");
    let shown = world.silver(["registry", "show", "1"]).ok().stdout();
    assert!(shown.contains("ticket 7") && shown.contains("release pack version"), "{shown}");

    let files = world.json(&["registry", "files", "1"]);
    let index = files.as_array().unwrap().iter().find(|file| file["path"].as_str().unwrap().ends_with("templates/index.html"));
    let index = index.expect("the customised template");
    assert!(index["origin"].as_str().unwrap().contains("customization"), "{index}");
    let places = world.json(&["registry", "where-is", index["digest"].as_str().unwrap()]);
    assert_eq!(places.as_array().unwrap().len(), 1);

    let ran = world.silver(["registry", "show", "9"]).exits(1);
    assert!(ran.stderr().contains("there is no event 9"), "{}", ran.stderr());
}

#[test]
fn releases_are_compared_down_to_the_line() {
    let world = deployed();
    let ran = world.silver(["registry", "diff", "0", "1"]).exits(3);
    let said = ran.stdout();
    assert!(said.contains("pack version: 1.0.0 → 1.0.1"), "{said}");
    assert!(said.contains("+customised: $greeting"), "{said}");
    world.silver(["registry", "diff", "1", "1"]).exits(0);
    world.silver(["registry", "diff", "1", "3"]).exits(0);
}

#[test]
fn before_the_first_deployment_there_is_nothing() {
    let world = World::new();
    assert!(world.json(&["registry", "log"]).as_array().unwrap().is_empty());
    let ran = world.silver(["registry", "verify"]).exits(1);
    assert!(ran.stderr().contains("there is no registry"), "{}", ran.stderr());
}

#[test]
fn a_byte_a_file_less_or_a_file_more_is_found_where_it_is() {
    let world = deployed();
    world.silver(["registry", "log"]).ok();
    let said = world.silver(["registry", "verify"]).ok();
    assert!(said.stderr().contains("as recorded: 4 events"), "{}", said.stderr());

    let mut all = Vec::new();
    files(&home(&world), &home(&world), &mut all);
    all.sort();
    for kind in ["format", "index.sqlite", "log/tree-head", "log/tile/0", "events/", "trees/", "objects/loose/", "objects/zip/"] {
        let path = all.iter().find(|path| path.starts_with(kind)).unwrap_or_else(|| panic!("no {kind} in {all:?}"));
        let full = home(&world).join(path);
        let right = fs::read(&full).unwrap();
        let mut altered = right.clone();
        let at = altered.len() / 2;
        altered[at] ^= 1;
        put(&full, &altered);
        assert_eq!(found(&world), [("altered".into(), path.clone())]);
        fs::remove_file(&full).unwrap();
        if kind != "index.sqlite" {
            assert_eq!(found(&world), [("missing".into(), path.clone())]);
        }
        put(&full, &right);
    }
    for path in ["extra", "events/99.json", "log/tile/0/007", "objects/loose/00/extra", "trees/extra.zst"] {
        let full = home(&world).join(path);
        put(&full, b"extra");
        assert_eq!(found(&world), [("extra".into(), path.to_owned())]);
        fs::remove_file(full).unwrap();
    }
    let ran = world.silver(["registry", "verify", "--json"]).ok();
    assert_eq!(findings(&ran), [], "as before");
}

#[test]
fn a_log_that_was_rewritten_and_signed_again_is_found_by_a_head_kept_elsewhere() {
    let world = deployed();
    let head = world.silver(["registry", "head"]).ok().stdout();
    world.write("head.txt", &head);
    world.silver(["registry", "verify", "--since-head", "head.txt"]).ok();

    let signer = Signer::load(&world.home().join("data/keys/node.key")).unwrap();
    let events: Vec<Record> = Registry::open(&home(&world))
        .unwrap()
        .events(0)
        .unwrap()
        .map(|event| event.unwrap().statement.record().clone())
        .collect();
    for part in ["log", "events"] {
        fs::remove_dir_all(home(&world).join(part)).unwrap();
    }
    fs::remove_file(home(&world).join("format")).unwrap();
    let forged = Registry::open_or_create(&home(&world), &signer).unwrap();
    for mut record in events {
        record.by.claimed = "somebody@else".into();
        forged.append(&Statement::new(record), &signer).unwrap();
    }
    world.silver(["registry", "verify"]).ok();
    let ran = world.silver(["registry", "verify", "--since-head", "head.txt", "--json"]).exits(8);
    assert_eq!(findings(&ran), [("rewritten".into(), "log/tree-head".into())]);

    world.write("head.txt", "not a head");
    world.silver(["registry", "verify", "--since-head", "head.txt"]).exits(2);
}
