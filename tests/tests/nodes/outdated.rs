//! Servers that are not set up as they would be today: what `list-nodes` says of them, and what an update asks.

use silver_tests::{
    World,
    nodes::{
        TestNode, Tests,
        server::{HOST, Server},
    },
    terminal::talk,
};
use std::fs;

pub(crate) const TESTS: Tests = &[
    ("an_update_asks_about_an_outdated_node", an_update_asks_about_an_outdated_node),
    ("an_update_of_several_nodes_asks_about_each_once", an_update_of_several_nodes_asks_about_each_once),
    ("it_is_listed_how_each_set_up_stands", it_is_listed_how_each_set_up_stands),
];

const NOTHING: &str = "not carried out: nothing has changed";

fn warning(node: &str) -> String {
    format!("the node {node} is not up to date; setup-node should be run.")
}

fn question(node: &str) -> String {
    format!("Warning: {} Continue anyway (y)es/(n)o/(u)pdate?", warning(node))
}

/// From now on the journal of all nodes shall be so large.
fn journal(world: &World, size: &str) {
    let path = world.work().join("nodes.toml");
    let before = fs::read_to_string(&path).unwrap();
    let others: String = before.lines().filter(|line| !line.starts_with("journal")).flat_map(|line| [line, "\n"]).collect();
    fs::write(path, others.replace("[organisation]", &format!("[organisation]\njournal = \"{size}\""))).unwrap();
}

/// How `list-nodes` finds the set-up of each node.
fn setups(world: &World) -> Vec<String> {
    let rows = world.json(&["list-nodes"]);
    rows.as_array().unwrap().iter().map(|row| row["setup"].as_str().unwrap_or("-").to_owned()).collect()
}

fn an_update_asks_about_an_outdated_node() {
    let server = Server::new();
    let pack = server.world.hello("good");
    let update = |more: &[&'static str]| {
        let words = ["update", pack.to_str().unwrap(), HOST, "--node", "web1"];
        server.world.command(words.iter().chain(more))
    };
    let run = |more: &[&'static str]| server.world.run(&mut update(more));
    assert!(!run(&["--dry-run"]).ok().stderr().contains("not up to date"));

    journal(&server.world, "2G");
    let said = run(&["--dry-run"]).ok().stderr();
    assert!(said.contains(&format!("warning: {}", warning("web1"))), "{said}");
    let planned = server.world.silver(["plan", pack.to_str().unwrap(), HOST, "--node", "web1"]).ok().stderr();
    assert!(planned.contains(&warning("web1")), "{planned}");
    let said = run(&[]).exits(2).stderr();
    assert!(said.contains(&warning("web1")) && said.contains("--update-node"), "{said}");
    let told = talk(&update(&[]), &["what?", "n"]);
    assert_eq!(told.matches(&question("web1")).count(), 2, "{told}");
    assert!(told.contains(NOTHING), "{told}");
    assert_eq!((setups(&server.world), server.version()), (vec!["outdated".to_owned()], None));

    // going on is no set-up
    let said = run(&["--yes"]).ok().stderr();
    assert!(said.contains(&warning("web1")), "{said}");
    assert_eq!(server.settled(), "1.0.0");
    assert_eq!(setups(&server.world), ["outdated"]);

    // a set-up is, and what it brings is there for the update that asked for it
    server.node.sh("apt-get -q -y remove python3-venv python3.11-venv >/dev/null 2>&1");
    let next = server.world.hello("next");
    let words = ["update", next.to_str().unwrap(), HOST, "--node", "web1", "--update-node", "--yes"];
    let said = server.world.silver(words).ok();
    assert!(!said.stderr().contains("not up to date"), "{}", said.stderr());
    assert_eq!(server.settled(), "1.0.1");
    assert_eq!(setups(&server.world), ["current"]);
    assert!(!run(&["--dry-run", "--allow-downgrade"]).ok().stderr().contains("not up to date"));

    // what was approved is carried out on a server that is as it was to be then, or somebody says what of that
    server.world.silver(["plan", pack.to_str().unwrap(), HOST, "--node", "web1", "--allow-downgrade", "-o", "it.plan"]).ok();
    journal(&server.world, "3G");
    let apply = |more: &[&'static str]| server.world.command(["apply", "it.plan"].iter().chain(more));
    let said = server.world.run(&mut apply(&["--dry-run"])).ok().stderr();
    assert!(said.contains(&format!("warning: {}", warning("web1"))), "{said}");
    let said = server.world.run(&mut apply(&[])).exits(2).stderr();
    assert!(said.contains(&warning("web1")) && said.contains("--update-node"), "{said}");
    let told = talk(&apply(&[]), &["n"]);
    assert!(told.contains(&question("web1")) && told.contains(NOTHING), "{told}");
    assert_eq!((setups(&server.world), server.version().as_deref()), (vec!["outdated".to_owned()], Some("1.0.1")));
    server.world.run(&mut apply(&["--update-node", "--yes"])).ok();
    assert_eq!(server.settled(), "1.0.0");
    assert_eq!(setups(&server.world), ["current"]);
}

fn an_update_of_several_nodes_asks_about_each_once() {
    let nodes = ["web1", "web2"].map(TestNode::ready);
    let world = World::new();
    world.write("nodes.toml", "[organisation]\ntls = \"off\"\n");
    for node in &nodes {
        world.silver(["add-node", node.name(), &node.target("root"), "--host-key", node.host_key()]).ok();
        world.silver(["setup-node", node.name(), "--yes"]).ok();
    }
    assert_eq!(setups(&world), ["current", "current"]);
    journal(&world, "2G");
    let pack = world.hello("good");
    let update = ["update", pack.to_str().unwrap(), HOST, "--node", "web1,web2"];
    let asked = |told: &str| ["web1", "web2"].map(|node| told.matches(&question(node)).count());

    // all questions come before anything is done
    let told = talk(&world.command(update), &["u", "n"]);
    assert_eq!(asked(&told), [1, 1], "{told}");
    assert!(told.contains(NOTHING), "{told}");
    assert_eq!(setups(&world), ["outdated", "outdated"]);
    let planned = world.silver(["plan", pack.to_str().unwrap(), HOST, "--node", "web1,web2"]).ok().stderr();
    assert!(["web1", "web2"].iter().all(|node| planned.contains(&warning(node))), "{planned}");
    // one is set up, one stays as it is, and then nobody agrees to the update
    let told = talk(&world.command(update), &["u", "y", "n"]);
    assert_eq!(asked(&told), [1, 1], "{told}");
    assert!(told.contains("web1 is set up") && told.contains(NOTHING), "{told}");
    assert_eq!(setups(&world), ["current", "outdated"]);

    let done = world.silver(update.iter().chain(&["--update-node", "--yes"])).ok();
    assert!(done.stdout().contains("web2 is set up") && !done.stdout().contains("web1 is set up"), "{}", done.stdout());
    assert_eq!(setups(&world), ["current", "current"]);
    for node in &nodes {
        assert!(node.http().page(HOST, "/").contains("1.0.0"));
    }
}

fn it_is_listed_how_each_set_up_stands() {
    let server = Server::new();
    let listed = || server.world.json(&["list-nodes"])[0].clone();
    let current = listed();
    assert_eq!((&current["setup"], &current["message"]), (&"current".into(), &serde_json::Value::Null), "{current}");
    assert!(current["setup_version"].as_str().unwrap().starts_with("sha256:"), "{current}");
    for (what, unit) in [("free_bytes", 1 << 20), ("memory_mib", 1)] {
        assert!(current[what].as_u64().unwrap() > unit, "{current}");
    }
    let table = server.world.silver(["list-nodes"]).ok().stdout();
    let line = table.lines().find(|line| line.starts_with("web1")).unwrap_or_else(|| panic!("{table}"));
    for word in ["reachable", env!("CARGO_PKG_VERSION"), "current", "iB"] {
        assert!(line.contains(word), "{word}: {table}");
    }

    server.node.sh("echo '# edited' >> /etc/silver/front.toml");
    let drifted = listed();
    assert_eq!(drifted["setup"], "drifted", "{drifted}");
    assert!(drifted["message"].as_str().unwrap().contains("file /etc/silver/front.toml"), "{drifted}");
    assert_eq!(drifted["setup_version"], current["setup_version"]);
    server.silver(["doctor"]).exits(3);
    server.world.silver(["setup-node", "web1", "--yes"]).ok();
    assert_eq!(listed()["setup"], "current");

    journal(&server.world, "2G");
    assert_eq!(listed()["setup"], "outdated");
    journal(&server.world, "1G");
    assert_eq!(listed()["setup"], "current");
    // as a set-up leaves it that was cut off
    server.node.sh("sed -i 's/\"complete\":true/\"complete\":false/' /var/lib/silver/setup.json");
    assert_eq!(listed()["setup"], "incomplete");
    server.node.sh("rm /var/lib/silver/setup.json");
    assert_eq!(listed()["setup"], "none");
    server.world.silver(["setup-node", "web1", "--yes"]).ok();
    let again = listed();
    assert_eq!((&again["setup"], &again["setup_version"]), (&"current".into(), &current["setup_version"]), "{again}");
}
