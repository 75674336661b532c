//! `silver plugin grants|allow|deny`: what was decided is bound to the plugin's digest, an upgrade that asks for more
//! shows the difference, and what is not allowed answers `denied`.

use crate::wasm;
use serde_json::Value;
use silver_tests::World;
use std::fs;

const FILE: &str = "plugins/commands.wasm";

/// Asks the index `python` for `x`.
const SEARCH: &str =
    "(call $search (i32.const 4096) (i32.const 6) (i32.const 4112) (i32.const 1) (i32.const 10) (i32.const 2048))";
/// Fetches a page of a host that is nowhere.
const GET: &str = "(call $get (i32.const 4144) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) \
                   (i32.const 0) (i32.const 0) (i32.const 2048))";

/// Offers `look`, which makes this call and gives on what it answers.
fn component(version: u32, call: &str) -> Vec<u8> {
    let zeros = "i32 ".repeat(12);
    wasm::component(
        "command-plugin",
        &format!(
            r#"(module
        (import "silver:plugin/index@0.1.0" "search" (func $search (param i32 i32 i32 i32 i32 i32)))
        (import "silver:plugin/http-fetch@0.1.0" "get" (func $get (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
        (import "silver:plugin/workspace@0.1.0" "[resource-drop]staging" (func $drop-staging (param i32)))
        (memory (export "memory") 2)
        (global (mut i32) (i32.const {version}))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
        (data (i32.const 4096) "python") (data (i32.const 4112) "x") (data (i32.const 4128) "look")
        (data (i32.const 4144) "https://a.example/")
        ;; one command without parameters: name, summary, params, extra
        (data (i32.const 5000) "\20\10\00\00\04\00\00\00\20\10\00\00\04\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
        (data (i32.const 1024) "\00\00\00\00\88\13\00\00\01\00\00\00")
        (func (export "silver:plugin/commands@0.1.0#list-commands") (result i32) (i32.const 1024))
        (func (export "silver:plugin/commands@0.1.0#run-command") (param {zeros}) (result i32)
            {call}
            (if (i32.load8_u (i32.const 2048)) (then
                (i32.store8 (i32.const 3000) (i32.const 1))
                (i64.store (i32.const 3004) (i64.load (i32.const 2052))) (i32.store (i32.const 3012) (i32.load (i32.const 2060)))))
            (call $drop-staging (local.get 11))
            (i32.const 3000)))"#
        ),
    )
}

/// A pack of `hello` with this plugin.
fn pack(world: &World, version: u32, needs: &str, call: &str) -> String {
    let dir = silver_tests::hello::variant("good");
    let manifest = dir.path().join("pack.toml");
    let text = fs::read_to_string(&manifest).unwrap().replace("version = \"1.0.0\"", &format!("version = \"1.{version}.0\""));
    let plugin = format!(
        "\n[[plugin]]\nfile = \"{FILE}\"\nworld = \"command-plugin\"\nneeds = [{needs}]\n[index.python]\nconstraints = \"pins.lock\"\n"
    );
    fs::write(&manifest, text + &plugin).unwrap();
    fs::write(dir.path().join("pins.lock"), "").unwrap();
    fs::create_dir(dir.path().join("plugins")).unwrap();
    fs::write(dir.path().join(FILE), component(version, call)).unwrap();
    let name = format!("v{version}.zip");
    world.silver(["pack", dir.path().to_str().unwrap(), "-o", &name]).ok();
    name
}

fn decisions(rows: &Value) -> Vec<(&str, &str, &str)> {
    rows.as_array()
        .unwrap()
        .iter()
        .map(|row| (row["need"].as_str().unwrap(), row["decision"].as_str().unwrap(), row["before"].as_str().unwrap()))
        .collect()
}

#[test]
fn decisions_are_kept_by_digest_and_an_upgrade_shows_what_is_new() {
    let world = World::new();
    let lock = world.work().join("mine/customize.lock");
    world.write("mine/customize.toml", "[pack]\nid = \"org.silver.hello\"\n");
    let first = pack(&world, 1, "\"index:python\"", SEARCH);
    let mine = "--customize=mine";
    let rows = |pack: &str| world.json(&["plugin", "grants", pack, mine]);
    assert_eq!(decisions(&rows(&first)), [("index:python", "undecided", "-")]);

    // denied: it runs without, and nobody is asked
    world.silver(["plugin", "deny", &first, mine]).ok();
    assert_eq!(decisions(&rows(&first)), [("index:python", "denied", "-")]);
    let ran = world.silver(["manage-app", &first, mine, "look"]).exits(1);
    assert!(ran.stderr().contains("denied: index:python") && ran.stderr().contains("silver plugin grants"), "{}", ran.snapshot());

    world.silver(["plugin", "allow", &first, "index:python", mine]).ok();
    world.silver(["manage-app", &first, mine, "look"]).ok();

    // an upgrade is another component: its old need and its new one are told apart
    let second = pack(&world, 2, "\"index:python\", \"edit-customization\", \"http:a.example\"", SEARCH);
    let undecided = [
        ("index:python", "undecided", "allowed"),
        ("edit-customization", "undecided", "new"),
        ("http:a.example", "undecided", "new"),
    ];
    assert_eq!(decisions(&rows(&second)), undecided);
    let before = fs::read_to_string(&lock).unwrap();
    let ran = world.silver(["manage-app", &second, mine, "look"]).exits(2);
    for told in ["(as before)", "read pages of a.example over HTTPS (new)", "--yes"] {
        assert!(ran.stderr().contains(told), "`{told}` is not in\n{}", ran.snapshot());
    }
    world.silver(["plugin", "allow", &second, mine, "--dry-run"]).ok();
    assert_eq!(fs::read_to_string(&lock).unwrap(), before, "nothing was decided");

    // a part of it: the rest is still to be decided
    let told = world.json(&["plugin", "allow", &second, "index:python", mine]);
    assert_eq!(decisions(&told)[0], ("index:python", "allowed", "allowed"));
    let told = world.json(&["plugin", "deny", &second, "http:a.example", "edit-customization", mine]);
    assert_eq!(decisions(&told)[2], ("http:a.example", "denied", "-"));
    world.silver(["manage-app", &second, mine, "look"]).ok();
    assert!(!fs::read_to_string(&lock).unwrap().contains("needs = []"));
}

#[test]
fn what_nobody_asks_for_is_not_decided() {
    let world = World::new();
    world.write("mine/customize.toml", "[pack]\nid = \"org.silver.hello\"\n");
    let zip = pack(&world, 1, "\"index:python\"", SEARCH);
    for (arguments, code, told) in [
        (vec!["edit-customization"], 2, "`index:python`"),
        (vec!["--plugin=plugins/other.wasm"], 2, FILE),
        (vec!["everything"], 2, "http:HOST"),
    ] {
        let ran = world.silver([&["plugin", "allow", &zip, "--customize=mine"][..], &arguments].concat()).exits(code);
        assert!(ran.stderr().contains(told), "{arguments:?}: {}", ran.snapshot());
        assert!(!world.work().join("mine/customize.lock").exists());
    }
}

#[test]
fn a_page_is_fetched_from_a_granted_host_and_from_no_other() {
    let world = World::new();
    world.write("mine/customize.toml", "[pack]\nid = \"org.silver.hello\"\n");
    let other = pack(&world, 1, "\"http:b.example\"", GET);
    let ran = world.silver(["manage-app", &other, "--customize=mine", "--yes", "look"]).exits(1);
    assert!(ran.stderr().contains("denied: http: `https://a.example/`"), "{}", ran.snapshot());
    // the right host: that name is reserved and nowhere, which is what silver itself says
    let right = pack(&world, 2, "\"http:a.example\"", GET);
    let ran = world.silver(["manage-app", &right, "--customize=mine", "--yes", "look"]).exits(1);
    assert!(ran.stderr().contains("not found: the host of https://a.example/"), "{}", ran.snapshot());

    // addresses are not names
    let dir = silver_tests::hello::variant("good");
    let manifest = dir.path().join("pack.toml");
    let plugin = format!("\n[[plugin]]\nfile = \"{FILE}\"\nworld = \"command-plugin\"\nneeds = [\"http:127.0.0.1\"]\n");
    fs::write(&manifest, fs::read_to_string(&manifest).unwrap() + &plugin).unwrap();
    let ran = world.silver(["pack", dir.path().to_str().unwrap(), "-o", "numbers.zip"]).exits(2);
    assert!(ran.stderr().contains("http:HOST"), "{}", ran.snapshot());
}
