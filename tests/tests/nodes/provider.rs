//! `silver create-node`, `destroy-node` and `list-images`: a node on this machine in seconds, and gone without a trace.

use silver_tests::{
    World,
    nodes::{Tests, access, images},
};
use std::{fs, path::PathBuf, process::Command};

pub(crate) const TESTS: Tests = &[
    ("a_node_is_created_noted_reached_and_destroyed", a_node_is_created_noted_reached_and_destroyed),
    ("what_cannot_be_made_or_destroyed_is_refused", what_cannot_be_made_or_destroyed_is_refused),
];

/// A world with a provider that keeps its nodes there, and takes the images of the tests.
fn world() -> (World, PathBuf) {
    let world = World::new();
    let directory = images().join("run").join(world.work().parent().unwrap().file_name().unwrap());
    let file = format!(
        "# ours\n[providers.here]\nkind = \"nspawn\"\ndirectory = \"{}\"\nimages = \"{}\"\n",
        directory.display(),
        images().display()
    );
    world.write("nodes.toml", &file);
    (world, directory)
}

fn a_node_is_created_noted_reached_and_destroyed() {
    let (world, directory) = world();
    let key = access().key().with_extension("pub").display().to_string();
    let made = world.json(&["create-node", "lab1", "--ssh-key", &key]);
    let address = made["address"].as_str().unwrap();
    let noted = fs::read_to_string(world.work().join("nodes.toml")).unwrap();
    assert!(noted.starts_with("# ours\n[providers.here]\n"), "{noted}");
    for line in
        ["[nodes.lab1]", &format!("address = \"{address}\""), &format!("host-key = \"{}\"", made["host_key"].as_str().unwrap())]
    {
        assert!(noted.lines().any(|there| there == line), "{line}: {noted}");
    }
    // whose key was named may log in, and the host has the key that was noted
    let known = world.write("known", &format!("{} {}\n", address.split_once('@').unwrap().1, made["host_key"].as_str().unwrap()));
    let known = format!("UserKnownHostsFile={}", known.display());
    let ssh = ["-F", "none", "-o", &known, "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", address, "hostname"];
    let output = Command::new("ssh").args(ssh).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "lab1\n", "{output:?}");
    assert_eq!(world.json(&["list-nodes"])[0]["node"], "lab1");

    // the name is taken
    world.silver(["create-node", "lab1", "--ssh-key", &key]).exits(2);
    world.silver(["destroy-node", "lab1"]).exits(2); // nobody there to ask
    world.silver(["destroy-node", "lab1", "--yes"]).ok();
    assert_eq!(fs::read_to_string(world.work().join("nodes.toml")).unwrap().matches("lab1").count(), 0);
    assert!(!directory.join("lab1").exists());
    assert!(!Command::new("ssh").args(ssh).args(["-o", "ConnectTimeout=1"]).output().unwrap().status.success());
}

fn what_cannot_be_made_or_destroyed_is_refused() {
    let (world, directory) = world();
    let key = access().key().with_extension("pub").display().to_string();
    let rows = world.json(&["list-images"]);
    assert_eq!(rows[0]["image"], "debian-12");
    assert!(rows[0]["place"].as_str().unwrap().starts_with(images().to_str().unwrap()));
    let before = fs::read_to_string(world.work().join("nodes.toml")).unwrap();
    for (words, exit, said) in [
        (vec!["create-node", "lab1"], 2, "no public key is known"),
        (vec!["create-node", "lab1", "--ssh-key", "nodes.toml"], 2, "not a public key of ssh"),
        (vec!["create-node", "lab1", "--ssh-key", &key, "--image", "windows"], 1, "there is no image `windows`"),
        (vec!["create-node", "lab1", "--ssh-key", &key, "--provider", "cloud"], 2, "there is no provider `cloud`"),
        (vec!["create-node", "local", "--ssh-key", &key], 2, "there is a node or group `local` already"),
        (vec!["destroy-node", "lab1", "--yes"], 2, "has not created a node `lab1`"),
    ] {
        let ran = world.silver(&words).exits(exit);
        assert!(ran.stderr().contains(said), "{words:?}: {}", ran.stderr());
    }
    assert_eq!(fs::read_to_string(world.work().join("nodes.toml")).unwrap(), before);
    assert!(!directory.join("lab1").exists());
    // a server that was there before silver is nobody's to destroy
    world.write("nodes.toml", &format!("{before}\n[nodes.old]\naddress = \"root@10.213.7.99\"\n"));
    let ran = world.silver(["destroy-node", "old", "--yes"]).exits(2);
    assert!(ran.stderr().contains("are not destroyed by it"), "{}", ran.stderr());
}
