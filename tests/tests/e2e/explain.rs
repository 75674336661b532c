//! `silver explain`: why a file of a deployed application is what it is, long after the plugin that made it is gone.

use crate::wasm;
use silver_tests::World;
use std::fs;

/// Makes `made.txt`, because of `customization:x`.
fn maker() -> Vec<u8> {
    let texts = r#"(data (i32.const 4096) "made.txt") (data (i32.const 4112) "because") (data (i32.const 4128) "customization:x")
        (data (i32.const 4160) "\20\10\00\00\0f\00\00\00")"#;
    wasm::customizer(
        "(call $put (local.get 2) (i32.const 4096) (i32.const 8) (i32.const 4112) (i32.const 7) (i32.const 0) (i32.const 1) \
         (i32.const 4112) (i32.const 7) (i32.const 4160) (i32.const 1) (i32.const 2048)) \
         (if (i32.load8_u (i32.const 2048)) (then (unreachable))) \
         (call $drop-tree (local.get 0)) (call $drop-tree (local.get 1)) (call $drop-overlay (local.get 2)) (i32.const 1024)",
        texts,
    )
}

#[test]
fn the_reasons_of_a_deployed_application_need_no_plugin() {
    let world = World::new();
    let dir = silver_tests::hello::variant("good");
    let manifest = dir.path().join("pack.toml");
    let plugin = "\n[[plugin]]\nfile = \"plugins/customizer.wasm\"\nworld = \"customizer-plugin\"\n";
    fs::write(&manifest, fs::read_to_string(&manifest).unwrap() + plugin).unwrap();
    fs::create_dir(dir.path().join("plugins")).unwrap();
    fs::write(dir.path().join("plugins/customizer.wasm"), maker()).unwrap();
    world.silver(["pack", dir.path().to_str().unwrap(), "-o", "made.zip"]).ok();
    world.write("mine/customize.toml", "[pack]\nid = \"org.silver.hello\"\n");
    world.silver(["update", "made.zip", "--customize=mine", "--yes"]).ok();

    // nothing is left of which a merge could be made again
    fs::remove_file(world.work().join("made.zip")).unwrap();
    fs::remove_dir_all(world.work().join("mine")).unwrap();
    for cache in ["plugins", "merges"] {
        fs::remove_dir_all(world.home().join("cache").join(cache)).unwrap();
    }
    let rows = world.json(&["explain", "hello", "made.txt"]);
    let row = &rows[0];
    assert_eq!((&row["change"], &row["rule"]), (&"added".into(), &"because".into()), "{rows}");
    assert_eq!((&row["inputs"][0], &row["by"]), (&"customization:x".into(), &"plugins/customizer.wasm".into()), "{rows}");
    assert!(!world.home().join("cache/plugins").exists(), "no plugin was compiled");
}

#[test]
fn files_of_a_pack_are_shown_without_the_settings_that_it_wants() {
    let world = World::new();
    let dir = silver_tests::hello::variant("good");
    let manifest = dir.path().join("pack.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("default = \"Hello\"\n", "")).unwrap();
    world.silver(["pack", dir.path().to_str().unwrap(), "-o", "wants.zip"]).ok();
    let files = world.silver(["merge", "wants.zip", "-o", "out"]).ok();
    assert!(files.stderr().contains("0 of them changed") && world.work().join("out/app.py").is_file(), "{}", files.snapshot());
    world.silver(["explain", "wants.zip", "templates/index.html"]).ok();
    // what is deployed needs them, and what customizers make can depend on them
    let ran = world.silver(["update", "wants.zip", "--dry-run"]).exits(2);
    assert!(ran.stderr().contains("`greeting`") && ran.stderr().contains("--set NAME=VALUE"), "{}", ran.snapshot());
    world.write("mine/customize.toml", "[pack]\nid = \"org.silver.hello\"\n");
    world.silver(["merge", "wants.zip", "--customize=mine"]).exits(2);
}
