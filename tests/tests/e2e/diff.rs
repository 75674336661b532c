//! `silver diff`: what really lies on the node, compared to the line with a pack, a directory, or what was
//! deployed.

use silver_tests::{Ran, World};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

const CUSTOMIZE: &str = "[pack]\nid = \"org.silver.hello\"\nversion = \"1\"\n";
const TEMPLATE: &str = "instance/templates/index.html";

/// The files of the one release of `hello`.
fn tree(world: &World) -> PathBuf {
    let releases = world.home().join("data/nodes/local/releases/hello");
    fs::read_dir(releases).unwrap().next().unwrap().unwrap().path().join("tree")
}

/// As somebody who works on the node by hand.
fn by_hand(path: &Path, text: &str) {
    let folder = path.parent().unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(path).ok();
    fs::write(path, text).unwrap();
}

fn rows(ran: &Ran) -> Vec<(String, String, String)> {
    let rows: serde_json::Value = serde_json::from_str(&ran.stdout()).unwrap();
    let text = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    rows.as_array().unwrap().iter().map(|row| (text(row, "path"), text(row, "difference"), text(row, "instead"))).collect()
}

fn row(path: &str, difference: &str, instead: &str) -> (String, String, String) {
    (path.into(), difference.into(), instead.into())
}

#[test]
fn a_pack_is_compared_with_what_is_there() {
    let world = World::new();
    let (good, next) = (world.hello("good"), world.hello("next"));
    let (good, next) = (good.to_str().unwrap(), next.to_str().unwrap());
    let said = world.silver(["diff", good, "hello"]).exits(2).stderr();
    assert!(said.contains("there is no application `hello`"), "{said}");
    world.update("good").ok();
    for app in ["hello", "hello.localhost", "http://hello.localhost:8484/"] {
        let same = world.silver(["diff", good, app]).ok();
        assert!(same.stdout().is_empty() && same.stderr().contains("is the same"), "{}", same.snapshot());
    }
    let said = world.silver(["diff", next, "hello"]).exits(3).stdout();
    assert!(said.contains("--- node/pack.toml\n+++ pack/pack.toml\n"), "{said}");
    assert!(said.contains("\n-version = \"1.0.0\"\n-app-version = \"1.0.0\"\n+version = \"1.0.1\"\n"), "{said}");
    let named = world.silver(["diff", next, "hello", "--name-only"]).exits(3).stdout();
    assert!(named.contains("~ pack.toml") && !named.contains("@@"), "{named}");

    world.write("mine/customize.toml", CUSTOMIZE);
    world.write("mine/templates/index.html", "mine");
    let said = world.silver(["diff", good, "hello", "--customize=mine", "--json"]).exits(3);
    assert_eq!(rows(&said), [row(TEMPLATE, "changed", "")]);
    assert!(!world.work().join("mine/customize.lock").exists(), "a comparison changes nothing");
    world.silver(["update", good, "--customize=mine", "--yes"]).ok();
    world.silver(["diff", good, "hello", "--customize=mine"]).ok();
}

#[test]
fn what_was_changed_by_hand_is_seen_whatever_its_times_say() {
    let world = World::new();
    world.update("good").ok();
    world.silver(["diff", "hello"]).ok();
    let tree = tree(&world);
    let template = tree.join(TEMPLATE);
    let (before, times) = (fs::read_to_string(&template).unwrap(), fs::metadata(&template).unwrap().modified().unwrap());
    by_hand(&template, &format!("{before}and more\n"));
    fs::File::options().write(true).open(&template).unwrap().set_modified(times).unwrap();
    by_hand(&tree.join("instance/extra.bin"), "\0\u{1}");
    symlink("index.html", tree.join("instance/templates/link")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, tree.join("instance/pipe"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();

    let said = world.silver(["diff", "hello"]).exits(3).stdout();
    assert!(said.contains(&format!("--- deployed/{TEMPLATE}\n+++ node/{TEMPLATE}\n")), "{said}");
    assert!(said.contains("\n+and more"), "{said}");
    assert!(said.contains("--- /dev/null\n+++ node/instance/templates/link\n"), "{said}");
    assert!(said.contains("+ instance/extra.bin (not text)") && said.contains("? instance/pipe"), "{said}");
    let all = [
        row("instance/extra.bin", "added", "binary"),
        row(TEMPLATE, "changed", ""),
        row("instance/templates/link", "added", ""),
        row("instance/pipe", "odd", ""),
    ];
    assert_eq!(rows(&world.silver(["diff", "hello", "--json"]).exits(3)), all);
    let only = world.silver(["diff", "hello", "--only", "instance/templates", "--json"]).exits(3);
    assert_eq!(rows(&only), [all[1].clone(), all[2].clone()]);
}

#[test]
fn a_directory_is_compared_as_it_is() {
    let world = World::new();
    let good = world.hello("good");
    world.update("good").ok();
    world.silver(["merge", good.to_str().unwrap(), "-o", "out"]).ok();
    world.silver(["diff", "out", "hello"]).ok();
    let (work, template) = (world.work().join("out"), world.work().join("out").join(TEMPLATE));
    by_hand(&template, "other\n");
    fs::set_permissions(work.join("pack.toml"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(work.join("edition.json")).unwrap();
    let ran = world.silver(["diff", "out", "hello", "--json"]).exits(3);
    assert_eq!(
        rows(&ran),
        [row("edition.json", "removed", ""), row(TEMPLATE, "changed", ""), row("pack.toml", "changed", "kind")]
    );
    world.silver(["diff", "out", "hello", "--set", "greeting=x"]).exits(2);
    world.silver(["diff", "absent", "hello"]).exits(2);
}

#[test]
fn what_is_shown_is_bounded() {
    let world = World::new();
    world.update("good").ok();
    let tree = tree(&world);
    for number in 0..3 {
        by_hand(&tree.join(format!("instance/long{number}.txt")), &"a line that is long enough\n".repeat(20_000));
    }
    by_hand(&tree.join("instance/longer.txt"), &"a line that is long enough\n".repeat(50_000));
    let ran = world.silver(["diff", "hello", "--json"]).exits(3);
    let instead: Vec<_> = rows(&ran).into_iter().map(|(_, _, instead)| instead).collect();
    assert_eq!(instead, ["", "cut", "cut", "long"]);
    let ran = world.silver(["diff", "hello"]).exits(3);
    assert!(ran.stdout().len() < 2 << 20 && ran.stderr().contains("the lines of 2 more files are not shown"), "{}", ran.stderr());
}
