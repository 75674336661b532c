//! What servers record, and how it gets to operators: copies that notice a history that was rewritten, operators'
//! signatures and keys, what was observed on the node.

use serde_json::Value;
use silver_tests::{
    World,
    nodes::{Tests, access, fleet::Fleet, server::HOST},
};
use std::fs;

pub(crate) const TESTS: Tests = &[
    ("what_was_observed_is_recorded_and_signed", what_was_observed_is_recorded_and_signed),
    (
        "copies_follow_their_nodes_and_a_rewritten_history_is_an_alarm",
        copies_follow_their_nodes_and_a_rewritten_history_is_an_alarm,
    ),
];

/// The newest event of a kind in the copy of a node's registry.
fn newest(world: &World, node: &str, kind: &str) -> (String, Value) {
    let log = world.json(&["registry", "log", "--node", node, "--kind", kind]);
    let number = log.as_array().unwrap().iter().filter_map(|row| row["event"].as_u64()).max().unwrap().to_string();
    let record = world.json(&["registry", "show", &number, "--node", node])["predicate"].clone();
    (number, record)
}

fn what_was_observed_is_recorded_and_signed() {
    let fleet = Fleet::new(&["web1"]);
    let (world, node) = (&fleet.world, &fleet.nodes[0]);
    fleet.update("good").ok();
    let before = world.json(&["releases", "hello", "--node", "web1"])[0]["release"].as_str().unwrap().to_owned();
    let tree = format!("/var/lib/silver/releases/hello/{before}/tree");
    node.sh(&format!("cd {tree}; cp app.py /root/app.py; rm app.py; (cat /root/app.py; echo '# mine') > app.py; touch extra"));
    fleet.update("next").ok();
    world.silver(["registry", "pull", "web1"]).ok();

    let (number, record) = newest(world, "web1", "deploy");
    let event = &record["event"];
    assert_eq!(event["previous"]["label"], *before, "{event}");
    let drift = event["drift"].to_string();
    assert!(drift.contains("app.py") && drift.contains("extra"), "{drift}");
    assert_eq!(event["verified"], event["release"]["tree"], "the new release was read back from the disk");
    let packages: Vec<(String, String)> = serde_json::from_value(event["packages"].clone()).unwrap();
    let python = packages.iter().find(|(name, _)| name.starts_with("python3")).unwrap_or_else(|| panic!("{packages:?}"));
    assert_eq!(node.sh(&format!("dpkg-query --show --showformat='${{Version}}' {}", python.0)), python.1);

    // who: the key that sshd saw, and the same operator's signature over what was agreed to
    let key = fs::read_to_string(access().key().with_extension("pub")).unwrap();
    let bare: Vec<&str> = key.split_whitespace().take(2).collect();
    assert_eq!(record["by"]["key"], bare.join(" "), "{record}");
    assert_eq!(record["node"]["host-key"], node.host_key());
    let set_up: Value = serde_json::from_str(&node.sh("cat /var/lib/silver/setup.json")).unwrap();
    assert_eq!(record["node"]["setup"], set_up["version"]);
    let shown = world.silver(["registry", "show", &number, "--node", "web1"]).ok().stdout();
    assert!(shown.contains("holds: ann, SHA256:") && shown.contains("(ann)"), "{shown}");
    let verified = world.silver(["registry", "verify", "--node", "web1"]).ok().stderr();
    assert!(verified.contains("2 changes signed by operators, 0 by keys of nobody"), "{verified}");
    // also of what is no change of an application
    world.silver(["run", "hello", "--node", "web1", "--", "true"]).ok();
    world.silver(["registry", "pull", "web1"]).ok();
    assert_eq!(newest(world, "web1", "run").1["by"]["key"], bare.join(" "));
}

fn copies_follow_their_nodes_and_a_rewritten_history_is_an_alarm() {
    const ROWS: &str = "[pack]\nid = \"org.silver.hello\"\nversion = \"1\"\n\n[[deploy]]\ngroup = \"web\"\nlocations = [\"hello.example.org\"]\n";
    let fleet = Fleet::new(&["web1", "web2"]);
    let (world, node) = (&fleet.world, &fleet.nodes[0]);
    world.write("mine/customize.toml", ROWS);
    let pack = world.hello("good").display().to_string();
    world.silver(["update", &pack, "--customize=mine", "--yes"]).ok();
    let pulled = world.silver(["registry", "pull", "--all", "--json"]).ok().stdout();
    assert_eq!(Fleet::column(&pulled, "outcome"), ["copied"; 2]);
    let again = world.json(&["registry", "pull", "--all"]);
    assert!(again.as_array().unwrap().iter().all(|row| row["new"] == 0), "{again}");

    // a second laptop has what is under version control, and everything else from the nodes
    let other = fleet.another_desk();
    fs::create_dir(other.work().join("mine")).unwrap();
    for file in ["mine/customize.toml", "mine/customize.lock"] {
        fs::copy(world.work().join(file), other.work().join(file)).unwrap();
    }
    other.silver(["update", "--customize=mine", "--yes"]).exits(2);
    other.silver(["registry", "pull", "--all"]).ok();
    other.silver(["registry", "verify"]).ok();
    let nothing = other.silver(["update", "--customize=mine", "--yes"]).ok().stdout();
    assert_eq!(nothing.matches("nothing to do").count(), 2, "{nothing}");
    let files = other.json(&["registry", "files", &newest(&other, "web2", "deploy").0, "--node", "web2"]);
    assert!(files.to_string().contains("app.py"), "{files}");

    // somebody puts an older state of one node back
    node.sh("cp -a /var/lib/silver/registry /root/before");
    let next = world.hello("next").display().to_string();
    world.silver(["update", &next, HOST, "--node", "web1", "--yes"]).ok();
    world.silver(["registry", "pull", "web1"]).ok();
    let put_back = "rm -rf /var/lib/silver/registry; cp -a /root/before /var/lib/silver/registry";
    node.sh(put_back);
    let head = || world.silver(["registry", "log", "--node", "web1", "--json"]).ok().stdout();
    let before = head();
    let alarm = world.silver(["registry", "pull", "--all", "--json"]).exits(8);
    assert_eq!(Fleet::column(&alarm.stdout(), "outcome"), ["alarm", "copied"]);
    assert!(Fleet::column(&alarm.stdout(), "message")[0].contains("events when it was last seen"), "{}", alarm.stdout());
    // whoever has seen more does nothing there, one node or several
    for words in [&["disable", "hello", "--node", "web1", "--yes"][..], &["update", &next, HOST, "--node", "web1,web2", "--yes"]]
    {
        let refused = world.silver(words).exits(8).stderr();
        for word in ["registry of `web1` is not what it was", "events when it was last seen", "heads/web1", "hint:"] {
            assert!(refused.contains(word), "`{word}`: {refused}");
        }
    }
    // ... and it goes on from there, by those who have not, until there are more events than before
    other.silver(["disable", "hello", "--node", "web1", "--yes"]).ok();
    other.silver(["enable", "hello", "--node", "web1", "--yes"]).ok();
    let refused = world.silver(["update", &next, HOST, "--node", "web1", "--yes"]).exits(8).stderr();
    assert!(refused.contains("not those that were last seen"), "{refused}");
    let alarm = world.silver(["registry", "pull", "web1", "--json"]).exits(8);
    assert!(Fleet::column(&alarm.stdout(), "message")[0].contains("not those that were last seen"), "{}", alarm.stdout());
    assert_eq!(head(), before, "the copy is what the node had said");
    world.silver(["registry", "verify"]).ok();
    // who never saw that history cannot tell; who has a copy of another time can
    other.silver(["registry", "pull", "web1"]).ok();
    assert_ne!(other.silver(["registry", "log", "--node", "web1", "--json"]).ok().stdout(), before);
}
