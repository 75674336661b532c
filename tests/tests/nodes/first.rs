//! Three commands lead from a bare server to a running application.

use silver_tests::{
    World,
    nodes::{
        TestNode, Tests,
        server::{HOST, Server},
    },
};

pub(crate) const TESTS: Tests = &[
    ("three_commands_lead_from_a_bare_server_to_an_application", three_commands_lead_from_a_bare_server_to_an_application),
    ("nothing_but_ssh_and_the_web_is_open", nothing_but_ssh_and_the_web_is_open),
    ("a_rollback_brings_back_the_release_before", a_rollback_brings_back_the_release_before),
];

fn three_commands_lead_from_a_bare_server_to_an_application() {
    let (world, node) = (World::new(), TestNode::bare("web1"));
    world.write("nodes.toml", "[organisation]\ntls = \"off\"\n");
    let zip = world.hello("good");
    world.silver(["add-node", "web1", &node.target("deploy"), "--host-key", node.host_key()]).ok();

    // the plan is what would be done, and nothing is
    let plan = world.silver(["setup-node", "web1", "--dry-run"]).ok();
    assert!(plan.stdout().contains("caddy"), "{}", plan.stdout());
    assert!(!node.try_sh("command -v caddy || ls /etc/silver").status.success());

    world.silver(["setup-node", "web1", "--yes"]).ok();
    world.silver(["update", zip.to_str().unwrap(), HOST, "--node", "web1", "--yes"]).ok();
    assert!(node.http().page(HOST, "/").contains("1.0.0"));
    let nodes = world.json(&["list-nodes"]);
    assert_eq!((&nodes[0]["state"], &nodes[0]["apps"]), (&"reachable".into(), &1.into()), "{nodes}");

    // again there is nothing to do
    let again = world.silver(["setup-node", "web1", "--yes"]).ok();
    assert!(again.snapshot().contains("nothing to do"), "{}", again.snapshot());
    let again = world.silver(["update", zip.to_str().unwrap(), HOST, "--node", "web1", "--yes"]).ok();
    assert!(again.snapshot().contains("nothing to do"), "{}", again.snapshot());
    world.silver(["doctor", "--node", "web1"]).ok();
}

fn nothing_but_ssh_and_the_web_is_open() {
    let server = Server::new();
    server.update("good").ok();
    let open =
        server.node.sh("ss -tlnH | awk '{print $4}' | grep -v '^127\\.\\|^\\[::1\\]' | sed 's/.*://' | sort -un | tr '\\n' ' '");
    assert!(open.split_whitespace().all(|port| ["22", "80", "443"].contains(&port)), "{open}");
    // the application itself listens on no port at all, and runs as a user of its own in a sandbox
    let units = server.node.sh("systemctl list-units --plain --no-legend --state=running 'silver-hello*' | awk '{print $1}'");
    assert!(!units.is_empty());
    for unit in units.lines() {
        assert_ne!(server.node.sh(&format!("ps -o user= -p $(systemctl show -P MainPID {unit})")), "root", "{unit}");
        let exposure = server.node.sh(&format!("systemd-analyze security --no-pager {unit} | tail -1"));
        let level: f64 = exposure.split_whitespace().find_map(|word| word.parse().ok()).unwrap_or(10.0);
        assert!(level <= 2.5, "{unit}: {exposure}");
    }
    assert_eq!(server.node.sh("ss -tlnpH | grep python || true"), "");
}

fn a_rollback_brings_back_the_release_before() {
    let server = Server::new();
    server.update("good").ok();
    server.http().post(HOST, "/count", "").unwrap();
    server.update("next").ok();
    assert_eq!(server.settled(), "1.0.1");
    server.silver(["rollback", "hello", "--yes"]).ok();
    assert_eq!(server.settled(), "1.0.0");
    assert_eq!(server.count(), 1);
    // a release that fails its check never gets a visitor
    server.update("broken-check").exits(4);
    assert_eq!(server.settled(), "1.0.0");
}
