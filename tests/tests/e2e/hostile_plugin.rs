//! Customizers that loop, eat memory, trap, lie about their imports or are not those that were
//! pinned: an error with the plugin's name, and nothing is deployed.

use crate::wasm;
use silver_tests::{Ran, World};
use std::fs;

const HELLO: &str = "[pack]\nid = \"org.silver.hello\"\nversion = \"1\"\n";

/// The directory of a hello whose customizer this is.
fn source(component: &[u8]) -> tempfile::TempDir {
    let dir = silver_tests::hello::variant("good");
    let manifest = dir.path().join("pack.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let plugin = "\n[[plugin]]\nfile = \"plugins/customizer.wasm\"\nworld = \"customizer-plugin\"\n";
    fs::write(&manifest, text + plugin).unwrap();
    fs::create_dir(dir.path().join("plugins")).unwrap();
    fs::write(dir.path().join("plugins/customizer.wasm"), component).unwrap();
    dir
}

/// Packs it and deploys it with an empty customization.
fn update(world: &World, component: &[u8]) -> Ran {
    world.silver(["pack", source(component).path().to_str().unwrap(), "-o", "plugged.zip"]).ok();
    world.write("mine/customize.toml", HELLO);
    world.silver(["update", "plugged.zip", "--customize=mine/", "--yes"])
}

fn refused(component: &[u8], code: i32, words: &[&str]) {
    let world = World::new();
    let ran = update(&world, component);
    for word in words.iter().chain(&["error:", "hint:"]) {
        assert!(ran.stderr().contains(word), "`{word}` is not in\n{}", ran.snapshot());
    }
    assert!(!ran.stderr().contains("panicked"), "{}", ran.stderr());
    ran.exits(code);
    assert!(!world.home().join("data/nodes/local/apps/hello.json").exists(), "something was deployed");
    let log = world.json(&["registry", "log"]);
    assert!(log.as_array().unwrap().is_empty(), "{log}");
}

/// Gives back what it was lent and finds nothing to do.
const GOOD: &str =
    "(call $drop-tree (local.get 0)) (call $drop-tree (local.get 1)) (call $drop-overlay (local.get 2)) (i32.const 1024)";
const NAME: &str = "hello-1.0.0: plugins/customizer.wasm";

#[test]
fn a_good_one_is_deployed() {
    let world = World::new();
    update(&world, &wasm::customizer(GOOD, "")).ok();
    assert!(world.http().page("hello.localhost", "/").contains("1.0.0"));
}

#[test]
fn one_that_loops_is_stopped() {
    let component = wasm::customizer("(loop $on (br $on)) (unreachable)", "");
    refused(&component, 2, &[NAME, "was stopped in `merge`: limit of"]);
}

#[test]
fn one_that_eats_memory_is_stopped() {
    let component = wasm::customizer("(loop $on (drop (memory.grow (i32.const 64))) (br $on)) (unreachable)", "");
    refused(&component, 2, &[NAME, "was stopped in `merge`: limit of memory: 512 MiB"]);
}

#[test]
fn one_that_traps_is_named_with_its_functions() {
    let component = wasm::customizer("(call $inner) (i32.const 1024)", "(func $inner unreachable)");
    refused(&component, 2, &[NAME, "failed in `merge`", "inner"]);
}

#[test]
fn one_that_wants_more_than_its_world_is_not_even_compiled() {
    let text = r#"(component (import "wasi:sockets/tcp@0.2.0" (instance)) (instance $none)
        (export "silver:plugin/customizer@0.1.0" (instance $none)))"#;
    refused(&wat::parse_str(text).unwrap(), 1, &[NAME, "wasi:sockets/tcp@0.2.0"]);
    refused(b"\0asm\x01\0\0\0", 1, &[NAME]);
}

#[test]
fn one_that_is_not_the_pinned_one() {
    let world = World::new();
    let good = wasm::customizer(GOOD, "");
    update(&world, &good).ok();
    let lock = fs::read_to_string(world.work().join("mine/customize.lock")).unwrap();

    // another plugin in a pack of the same version: not the pack of the lock
    let ran = update(&world, &wasm::customizer("(unreachable)", "")).exits(8);
    for word in ["customize.lock", "error:", "hint:"] {
        assert!(ran.stderr().contains(word), "`{word}` is not in\n{}", ran.snapshot());
    }
    assert_eq!(fs::read_to_string(world.work().join("mine/customize.lock")).unwrap(), lock);
    assert_eq!(world.json(&["releases", "hello"]).as_array().unwrap().len(), 1);

    // nor can a pack be made with another one than its manifest names
    let dir = source(&good);
    let manifest = dir.path().join("pack.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, format!("{text}sha256 = \"{}\"\n", "0".repeat(64))).unwrap();
    let ran = world.silver(["pack", dir.path().to_str().unwrap(), "-o", "other.zip"]).exits(2);
    assert!(ran.stderr().contains("plugins/customizer.wasm") && ran.stderr().contains("hint:"), "{}", ran.snapshot());
}

#[test]
fn inspect_tells_what_a_plugin_imports_and_uses() {
    let world = World::new();
    world.silver(["pack", source(&wasm::customizer(GOOD, "")).path().to_str().unwrap(), "-o", "good.zip"]).ok();
    let tried = || world.json(&["inspect", "good.zip", "--only", "plugins", "--verbose"])[0]["tried"].clone();
    let first = tried();
    assert_eq!((&first["abi"], &first["failures"]), (&"0.1.0".into(), &serde_json::json!([])), "{first}");
    let calls: Vec<&str> = first["calls"].as_array().unwrap().iter().map(|call| call["call"].as_str().unwrap()).collect();
    assert_eq!(calls, ["claims", "check", "merge"]);
    let merge = &first["calls"][2];
    assert!(merge["fuel"].as_u64().unwrap() > 0 && merge["memory"] == 131_072, "{merge}");
    assert_eq!(first, tried(), "fuel is the same every time");
    let shown = world.silver(["inspect", "good.zip", "--only", "plugins", "-v"]).ok().stdout();
    assert!(shown.contains("built for silver ABI 0.1.0") && shown.contains("units of fuel, 128 KiB of memory"), "{shown}");

    // what fails is told, and does not keep anybody from looking at the pack
    let broken = wasm::customizer("(unreachable)", "(func $begin unreachable) (start $begin)");
    world.silver(["pack", source(&broken).path().to_str().unwrap(), "-o", "broken.zip"]).ok();
    let shown = world.silver(["inspect", "broken.zip", "--only", "plugins", "-v"]).ok().stdout();
    assert!(shown.contains("fails: internal error: plugin `plugins/customizer.wasm` failed in `merge`"), "{shown}");
}

#[test]
fn one_for_another_silver_is_told_by_both_versions() {
    let text = r#"(component (instance $none) (export "silver:plugin/customizer@0.3.0" (instance $none)))"#;
    refused(&wat::parse_str(text).unwrap(), 1, &[NAME, "needs silver ABI 0.3, this silver has 0.1", "update silver"]);
}
