//! What is not as it was deployed is found, whoever did it and whichever release it is of.

use serde_json::Value;
use silver_tests::World;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

fn findings(world: &World, args: &[&str]) -> Vec<(String, String, String)> {
    let ran = world.silver(args.iter().chain(&["--json"]));
    let rows: Value = serde_json::from_str(&ran.stdout()).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(ran.code(), if rows.is_empty() { 0 } else { 3 }, "{}", ran.stderr());
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    rows.iter().map(|row| (text(row, "release"), text(row, "finding"), text(row, "detail"))).collect()
}

/// Writes although the file is not to be written.
fn scribble(path: &Path, text: &str) {
    let mode = fs::metadata(path).map(|meta| meta.permissions().mode());
    fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
    if mode.is_ok() {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    fs::write(path, text).unwrap();
    if let Ok(mode) = mode {
        fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o7777)).unwrap();
    }
}

#[test]
fn altered_missing_and_extra_files_of_every_release_are_found() {
    let world = World::new();
    assert_eq!(findings(&world, &["doctor"]), []);
    world.update("good").ok();
    world.update("next").ok();
    let ran = world.silver(["doctor"]).ok();
    assert!(ran.stderr().contains("the files of 2 releases of 1 applications are as they were deployed"), "{}", ran.stderr());

    let releases = world.json(&["releases", "hello"]);
    let label = |at: usize| releases[at]["release"].as_str().unwrap().to_owned();
    let (old, new) = (label(0), label(1));
    let tree = |label: &str| world.home().join("data/nodes/local/releases/hello").join(label).join("tree");
    scribble(&tree(&new).join("app.py"), "evil");
    scribble(&tree(&new).join("extra.py"), "evil");
    fs::remove_file(tree(&old).join("pack.toml")).unwrap();
    let pack_toml = (old.clone(), "missing".to_owned(), "pack.toml".to_owned());
    let found = findings(&world, &["doctor"]);
    assert_eq!(found[..2], [(new.clone(), "altered".into(), "app.py".into()), (new.clone(), "extra".into(), "extra.py".into()),]);
    assert_eq!(found[2..], [pack_toml]);
    assert_eq!(findings(&world, &["doctor", "hello.localhost"]), found, "by a location, too");
    let ran = world.silver(["doctor"]);
    assert!(ran.stderr().contains(&format!("lays {new} out anew")), "{}", ran.stderr());
    assert!(ran.stderr().contains(&format!("{old} does not serve; do not roll back to it")), "{}", ran.stderr());
}

#[test]
fn what_exists_on_this_machine_only_is_listed() {
    let world = World::new();
    assert_eq!(world.json(&["doctor", "--portable"]), serde_json::json!([]));
    world.update("good").ok();
    let list = world.json(&["doctor", "--portable"]);
    let what: Vec<&str> = list.as_array().unwrap().iter().map(|row| row["what"].as_str().unwrap()).collect();
    assert!(what.starts_with(&["registry", "key of the registry"]) && what.contains(&"data"), "{what:?}");
    for row in list.as_array().unwrap() {
        assert!(Path::new(row["path"].as_str().unwrap()).exists(), "{row}");
    }
}
