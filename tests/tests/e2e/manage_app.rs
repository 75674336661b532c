//! `silver manage-app`: what a pack's plugin does to a customization, with an index that is a folder.

use silver_tests::{World, trac, wheel};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// A customization whose index is the folder `index/`, with the wheels of `TracDemo`, which needs `Helper`.
fn customization(world: &World) -> PathBuf {
    let text = "[pack]\nid = \"org.edgewall.trac\"\n\n[index.python]\ndirectory = \"../index\"\n";
    world.write("mine/customize.toml", text);
    let index = world.work().join("index");
    fs::create_dir_all(&index).unwrap();
    let entry_points = "[trac.plugins]\ntracdemo = tracdemo\n";
    wheel::write(
        &index,
        "TracDemo",
        "1.0",
        "Requires-Dist: Helper>=2\n",
        &[("tracdemo/__init__.py", ""), ("entry_points.txt", entry_points)],
    );
    wheel::write(&index, "Helper", "2.1", "", &[("helper.py", "")]);
    world.work().join("mine")
}

/// Every file below `dir` with its content.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push((path.strip_prefix(dir).unwrap().to_owned(), fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_grant_is_asked_for_once_and_edits_are_written_as_one() {
    let world = World::new();
    let zip = trac::pack(&world).display().to_string();
    let mine = customization(&world);
    let manage = |more: &[&str]| world.silver([&["manage-app", &zip, "--customize=mine"], more].concat());
    let before = files(&mine);

    // nobody can answer: nothing happens
    let ran = manage(&["install-plugin", "TracDemo"]).exits(2);
    assert!(ran.stderr().contains("index") && ran.stderr().contains("--yes"), "{}", ran.snapshot());
    manage(&["install-plugin", "TracDemo", "--dry-run", "--yes"]).ok();
    assert_eq!(files(&mine), before);

    let report: serde_json::Value =
        serde_json::from_str(&manage(&["install-plugin", "TracDemo", "--yes", "--json"]).ok().stdout()).unwrap();
    assert_eq!((&report["status"], &report["written"]), (&0.into(), &true.into()), "{report}");
    let changed: Vec<&str> = report["files"].as_array().unwrap().iter().filter_map(|file| file["path"].as_str()).collect();
    // the lock says where the packages come from; they need not lie here
    assert_eq!(changed, ["customize.lock", "customize.toml"]);
    let lock = fs::read_to_string(mine.join("customize.lock")).unwrap();
    assert!(lock.contains("[[grant]]") && lock.contains("requested = false"), "{lock}");
    assert!(fs::read_to_string(mine.join("customize.toml")).unwrap().contains("python = [\"TracDemo\"]"));

    // granted once and for all; what only the other needed goes with it
    manage(&["list-plugins"]).ok();
    manage(&["uninstall-plugin", "TracDemo"]).ok();
    let left: Vec<PathBuf> = files(&mine).into_iter().map(|(path, _)| path).collect();
    assert_eq!(left, [PathBuf::from("customize.lock"), PathBuf::from("customize.toml")]);
}

#[test]
fn what_is_not_the_locks_is_refused_and_changes_nothing() {
    let world = World::new();
    let zip = trac::pack(&world).display().to_string();
    let mine = customization(&world);
    let manage = |more: &[&str]| world.silver([&["manage-app", &zip, "--customize=mine", "--yes"], more].concat());
    manage(&["install-plugin", "Helper"]).ok();
    world.silver(["customize", "vendor", &zip, "--customize=mine"]).ok();
    let lock = fs::read_to_string(mine.join("customize.lock")).unwrap();
    let wheel = mine.join("app-plugins/python/Helper-2.1-py3-none-any.whl");
    let good = fs::read(&wheel).unwrap();

    fs::write(&wheel, b"another file").unwrap();
    let ran = manage(&["install-plugin", "TracDemo"]).exits(8);
    assert!(ran.stderr().contains("Helper-2.1") && ran.stderr().contains("hint:"), "{}", ran.snapshot());
    fs::write(&wheel, &good).unwrap();

    // a grant for another digest of the plugin
    let at = lock.find("plugin = \"sha256:").unwrap() + "plugin = \"sha256:".len();
    let other = format!("{}{}{}", &lock[..at], "0".repeat(8), &lock[at + 8..]);
    fs::write(mine.join("customize.lock"), &other).unwrap();
    let before = files(&mine);
    let ran = manage(&["list-plugins"]).exits(8);
    assert!(ran.stderr().contains("plugins/commands.wasm") && ran.stderr().contains("hint:"), "{}", ran.snapshot());
    assert_eq!(files(&mine), before);
}

#[test]
fn killed_at_any_moment_the_customization_is_the_old_or_the_new() {
    let world = World::new();
    let zip = trac::pack(&world).display().to_string();
    let mine = customization(&world);
    let install = ["manage-app", &zip, "--customize=mine", "--yes", "install-plugin", "TracDemo"];
    let uninstall = ["manage-app", &zip, "--customize=mine", "--yes", "uninstall-plugin", "TracDemo"];
    world.silver(install).ok();
    let new = files(&mine);
    world.silver(uninstall).ok();
    let old = files(&mine);
    for delay in (0..1500).step_by(150) {
        let mut child = world.spawn(install);
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().ok();
        child.wait().unwrap();
        // the next command finishes what was begun
        world.silver(["manage-app", &zip, "--customize=mine", "list-plugins"]).ok();
        let now = files(&mine);
        assert!(now == old || now == new, "killed after {delay} ms: {:?}", now.iter().map(|(path, _)| path).collect::<Vec<_>>());
        if now == new {
            world.silver(uninstall).ok();
        }
    }
}
