//! Operators sign what they agree to, with their SSH keys, and `silver registry verify` checks it against nodes.toml.

use silver_registry::{Record, Registry, Signer, Statement};
use silver_tests::World;
use std::{fs, path::Path, process::Command};

/// Makes a key in the home of this world, or elsewhere; the public half.
fn key(dir: &Path, name: &str) -> String {
    fs::create_dir_all(dir).unwrap();
    let file = dir.join(name);
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&file).status().unwrap();
    assert!(made.success());
    fs::read_to_string(file.with_extension("pub")).unwrap().trim().to_owned()
}

fn operators(world: &World, keys: &[&str]) {
    let keys: Vec<String> = keys.iter().map(|key| format!("\"{key}\"")).collect();
    world.write("nodes.toml", &format!("[operators.ann]\nssh-keys = [{}]\n", keys.join(", ")));
}

fn signature(world: &World, event: &str) -> Option<String> {
    world.json(&["registry", "show", event])["predicate"]["by"]["signature"].as_str().map(str::to_owned)
}

fn findings(world: &World, exit: i32) -> Vec<(String, String)> {
    let ran = world.silver(["registry", "verify", "--json"]).exits(exit);
    let rows: serde_json::Value = serde_json::from_str(&ran.stdout()).unwrap();
    let text = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap().to_owned();
    rows.as_array().unwrap().iter().map(|row| (text(row, "finding"), text(row, "path"))).collect()
}

#[test]
fn a_change_is_signed_by_the_operator_whose_key_is_here_and_verified() {
    let world = World::new();
    let ssh = world.home().parent().unwrap().join(".ssh");
    let (mine, other) = (key(&ssh, "id_ed25519"), key(&world.work().join("elsewhere"), "other"));
    world.update("good").ok();
    assert_eq!(signature(&world, "0"), None, "nodes.toml names no operators");

    operators(&world, &[&other]);
    let ran = world.update("next").ok();
    assert!(ran.stderr().contains("not signed"), "{}", ran.stderr());
    assert_eq!(signature(&world, "1"), None);

    operators(&world, &[&other, &mine]);
    world.silver(["disable", "hello"]).ok();
    assert!(signature(&world, "2").unwrap().starts_with("-----BEGIN SSH SIGNATURE-----"));
    let said = world.silver(["registry", "verify"]).ok().stderr();
    assert!(said.contains("1 changes signed by operators, 0 by keys of nobody in nodes.toml, 2 not signed"), "{said}");
    // what OpenSSH itself says of it
    let plan = world.json(&["registry", "show", "2"])["predicate"]["event"]["plan"].as_str().unwrap().to_owned();
    world.write("signature", &signature(&world, "2").unwrap());
    world.write("plan", &format!("{plan}\n"));
    world.write("allowed", &format!("ann {mine}\n"));
    let verify = ["-Y", "verify", "-f", "allowed", "-I", "ann", "-n", "silver-plan", "-s", "signature"];
    let plan = fs::File::open(world.work().join("plan")).unwrap();
    let checked = Command::new("ssh-keygen").args(verify).current_dir(world.work()).stdin(plan).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));

    // and how it is shown
    let shown = world.silver(["registry", "show", "2"]).ok().stdout();
    assert!(shown.contains("holds: ann, SHA256:") && !shown.contains("BEGIN SSH"), "{shown}");

    // the operator is gone, what was signed stays told
    operators(&world, &[&other]);
    let shown = world.silver(["registry", "show", "2"]).ok().stdout();
    assert!(shown.contains("which no operator of nodes.toml has"), "{shown}");
    assert_eq!(findings(&world, 0), [("stranger".into(), "events/2.json".into())]);
}

#[test]
fn a_signature_over_another_plan_is_found() {
    let world = World::new();
    let mine = key(&world.home().parent().unwrap().join(".ssh"), "id_ed25519");
    operators(&world, &[&mine]);
    world.update("good").ok();
    world.silver(["disable", "hello"]).ok();
    world.silver(["local", "stop"]).ok();

    // whoever has the node's key records a change under an approval that was given for another one
    let home = world.home().join("data/registry");
    let signer = Signer::load(&world.home().join("data/keys/node.key")).unwrap();
    let registry = Registry::open_or_create(&home, &signer).unwrap();
    let record = |index| registry.event(index).unwrap().statement.record().clone();
    let (first, second): (Record, Record) = (record(0), record(1));
    registry.append(&Statement::new(Record { by: first.by.clone(), ..second.clone() }), &signer).unwrap();
    let mut nonsense = second;
    nonsense.by.signature = Some("-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----".into());
    registry.append(&Statement::new(nonsense), &signer).unwrap();
    let forged = |index: u32| ("forged".to_owned(), format!("events/{index}.json"));
    assert_eq!(findings(&world, 8), [forged(2), forged(3)]);
    for event in ["2", "3"] {
        let shown = world.silver(["registry", "show", event]).exits(8);
        assert!(shown.stdout().contains("does not hold"), "{}", shown.stdout());
    }
    world.silver(["registry", "show", "1"]).ok();
}
