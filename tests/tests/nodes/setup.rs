//! `silver setup-node` and `silver doctor`, as their users run them: what a server is made into, who may log in to it, and
//! what becomes of what hands change.

use serde_json::Value;
use silver_tests::{
    World,
    nodes::{TestNode, Tests},
    wait_for,
};
use std::{fs, path::Path, process::Command};

pub(crate) const TESTS: Tests = &[
    ("a_bare_server_is_what_the_plan_says_and_stays_it", a_bare_server_is_what_the_plan_says_and_stays_it),
    ("what_is_changed_by_hand_is_seen_and_put_right", what_is_changed_by_hand_is_seen_and_put_right),
    ("what_stands_in_the_way_is_not_touched", what_stands_in_the_way_is_not_touched),
    ("operators_get_in_and_out", operators_get_in_and_out),
    ("what_no_fresh_connection_confirms_is_undone", what_no_fresh_connection_confirms_is_undone),
];

/// A world that knows this node as `web1`.
pub(crate) fn world(node: &TestNode, user: &str) -> World {
    let world = World::new();
    let entry = format!("[nodes.web1]\naddress = \"{}\"\nhost-key = \"{}\"\n", node.target(user), node.host_key());
    world.write("nodes.toml", &entry);
    world
}

pub(crate) fn set_up(world: &World) {
    world.silver(["setup-node", "web1", "--yes"]).ok();
}

/// Ids and what is found of them.
pub(crate) fn findings(world: &World) -> Vec<(String, String)> {
    let ran = world.silver(["doctor", "--node", "web1", "--json"]);
    let rows: Value = serde_json::from_str(&ran.stdout()).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr()));
    let rows = rows.as_array().unwrap();
    assert_eq!(ran.code(), if rows.is_empty() { 0 } else { 3 }, "{}", ran.stderr());
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    rows.iter().map(|row| (text(row, "resource"), text(row, "finding"))).collect()
}

/// Everything that the set-up promises, as the machine itself tells it.
const PROMISES: [(&str, &str); 10] = [
    ("systemctl is-active caddy systemd-journald | sort -u", "active"),
    ("systemctl is-enabled caddy silver-firewall silver-recover | sort -u", "enabled"),
    ("stat -c '%U %a' /run/caddy && ls /run/caddy", "caddy 750\nadmin.sock"),
    // nothing of Caddy's admin API, nor anything else, but ssh and the web
    ("ss -Hltn | awk '{print $4}' | sed 's/.*://' | sort -un | grep -vx '22\\|80\\|443'; true", ""),
    ("findmnt -no OPTIONS /run/silver/sockets | grep -o nosymfollow", "nosymfollow"),
    ("findmnt -no OPTIONS /run/silver/public | grep -o '^ro.*nosymfollow' | cut -c1-2", "ro"),
    ("nft list table inet silver | grep -c 'accept comment'", "3"),
    ("apt-config dump | grep -c 'Origins-Pattern:: .*label=Debian-Security'", "2"),
    ("apt-config dump | grep 'Origins-Pattern:: ' | grep -vc Security; true", "0"),
    ("stat -c '%U %a' /var/lib/silver/secrets /var/lib/silver/keys /var/lib/silver/data", "root 700\nroot 700\nroot 711"),
];

fn a_bare_server_is_what_the_plan_says_and_stays_it() {
    let node = TestNode::bare("web1");
    let world = world(&node, "deploy");
    let hold = || {
        for (script, said) in PROMISES {
            assert_eq!(node.sh(script), said, "{script}");
        }
        assert_eq!(findings(&world), []);
    };
    let plan = world.json(&["setup-node", "web1", "--dry-run"]);
    let rows = plan.as_array().unwrap();
    let actions: Vec<(&str, &str)> =
        rows.iter().map(|row| (row["id"].as_str().unwrap(), row["action"].as_str().unwrap())).collect();
    assert!(actions.contains(&("package:caddy", "create")) && actions.contains(&("firewall:ssh-22", "create")), "{actions:?}");
    assert!(rows.iter().all(|row| !row["why"].as_str().unwrap().is_empty()), "{plan}");
    assert!(!node.try_sh("command -v caddy || test -e /etc/silver").status.success(), "a dry run changes nothing");
    assert_eq!(findings(&world), [(String::new(), "none".to_owned())]);

    let done = world.silver(["setup-node", "web1", "--yes"]).ok();
    assert!(done.stdout().contains("web1 is set up"), "{}", done.stdout());
    let noted = fs::read_to_string(world.work().join("nodes.toml")).unwrap();
    assert!(noted.contains("log-key = "), "{noted}");
    hold();

    let again = world.silver(["setup-node", "web1", "--yes"]).ok();
    assert!(again.stdout().starts_with("nothing to do: web1: all"), "{}", again.stdout());
    assert_eq!(world.json(&["setup-node", "web1", "--dry-run"]), serde_json::json!([]));

    // a start loses none of it
    node.reboot().unwrap();
    node.wait();
    wait_for("the start to end", || (node.sh("systemctl is-system-running || true") == "running").then_some(()));
    hold();
}

/// What a hand does, and the resource that is not as it shall be then.
const HANDS: [(&str, &str); 10] = [
    ("apt-get -q -y remove unattended-upgrades >/dev/null 2>&1", "package:unattended-upgrades"),
    ("echo '# edited' >> /etc/silver/front.toml", "front"),
    ("rm /etc/tmpfiles.d/silver.conf", "directories-at-start"),
    ("chmod 777 /var/lib/silver/keys", "directory:/var/lib/silver/keys"),
    ("chown nobody /var/lib/silver/secrets", "directory:/var/lib/silver/secrets"),
    ("systemctl stop caddy", "unit:caddy.service"),
    ("systemctl disable -q caddy", "unit:caddy.service"),
    ("echo 0 > /proc/sys/net/ipv4/tcp_migrate_req", "sysctl:net.ipv4.tcp_migrate_req"),
    ("nft insert rule inet silver input tcp dport 6666 accept", "firewall:ssh-22"),
    ("sed -i 's/dport 80/dport 81/' /etc/silver/firewall.nft", "firewall:http"),
];

fn what_is_changed_by_hand_is_seen_and_put_right() {
    let node = TestNode::ready("web1");
    let world = world(&node, "root");
    set_up(&world);
    assert_eq!(findings(&world), []);
    for (hand, resource) in HANDS {
        node.sh(hand);
        let found = findings(&world);
        assert!(found.contains(&(resource.into(), "differs".into())), "{hand}: {found:?}");
        set_up(&world);
        assert_eq!(findings(&world), [], "{hand}");
    }
    assert!(!node.sh("nft list table inet silver").contains("6666"));
}

fn what_stands_in_the_way_is_not_touched() {
    let node = TestNode::ready("web1");
    let world = world(&node, "root");
    node.sh("echo ':80 { respond mine }' > /etc/caddy/Caddyfile");
    let said = world.silver(["setup-node", "web1", "--yes"]).exits(1).stderr();
    assert!(said.contains("Caddy on web1 serves something else: /etc/caddy/Caddyfile") && said.contains("hint:"), "{said}");
    node.sh("rm /etc/caddy/Caddyfile; systemd-run --quiet --unit=other python3 -m http.server 80");
    wait_for("a web server", || node.try_sh("ss -Hltn | grep -q :80").status.success().then_some(()));
    let said = world.silver(["setup-node", "web1", "--yes"]).exits(1).stderr();
    assert!(said.contains("`python3` on web1 listens on a port of the web"), "{said}");
    node.sh("test ! -e /etc/systemd/system/caddy.service.d/silver.conf");
    node.sh("systemctl stop other");
    set_up(&world);
    node.sh("systemctl is-active caddy");
}

/// Does this key open the node for this user?
fn opens(node: &TestNode, key: &Path, user: &str) -> bool {
    let options = ["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no"];
    let mut ssh = Command::new("ssh");
    ssh.args(options).args(["-o", "UserKnownHostsFile=/dev/null", "-o", "IdentityAgent=none", "-i"]).arg(key);
    ssh.args([&node.target(user), "true"]).output().unwrap().status.success()
}

fn operators_get_in_and_out() {
    let node = TestNode::ready("web1");
    let world = world(&node, "deploy");
    let key = world.work().join("ann");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "ann@desk", "-f"]).arg(&key).status();
    assert!(made.unwrap().success());
    let line = fs::read_to_string(key.with_extension("pub")).unwrap();
    set_up(&world);
    assert!(!opens(&node, &key, "deploy"));

    let without = fs::read_to_string(world.work().join("nodes.toml")).unwrap();
    world.write("nodes.toml", &format!("{without}\n[operators.ann]\nssh-keys = [\"{}\"]\n", line.trim()));
    set_up(&world);
    assert!(opens(&node, &key, "deploy"), "ann is an operator");
    assert!(!opens(&node, &key, "root"), "of the user that nodes.toml names");
    let own = node.sh("cat /home/deploy/.ssh/authorized_keys");
    assert!(!own.contains("ann@desk"), "{own}");

    // who the node's address named before is none of the operators' any more
    let with = fs::read_to_string(world.work().join("nodes.toml")).unwrap();
    world.write("nodes.toml", &with.replace("\"deploy@", "\"root@"));
    set_up(&world);
    assert!(opens(&node, &key, "root") && !opens(&node, &key, "deploy"), "ann logs in as root now");
    assert_eq!(node.sh("ls /etc/ssh/silver"), "root.keys");
    assert_eq!(findings(&world), []);
    world.write("nodes.toml", &with);
    set_up(&world);
    assert!(!opens(&node, &key, "root") && opens(&node, &key, "deploy"));

    world.write("nodes.toml", &without);
    set_up(&world);
    assert!(!opens(&node, &key, "deploy"), "ann is none any more");
    assert_eq!(node.sh("cat /home/deploy/.ssh/authorized_keys"), own);
}

fn what_no_fresh_connection_confirms_is_undone() {
    let node = TestNode::ready("web1");
    let world = world(&node, "deploy");
    let ann = format!("\n[operators.ann]\nssh-keys = [\"{}\"]\n", node.host_key()); // any key will do
    world.write("nodes.toml", &(fs::read_to_string(world.work().join("nodes.toml")).unwrap() + &ann));
    // the connection that is kept goes on without the server that would take another one
    world.silver(["setup-node", "web1", "--dry-run"]).ok();
    node.sh("systemctl stop ssh; install -d -o nobody -m 700 /etc/ssh/silver");
    let guarded = "nft list tables; cat /proc/sys/net/ipv4/tcp_migrate_req; stat -c '%U %a' /etc/ssh/silver; ls /etc/ssh/silver";
    let before = node.sh(guarded);
    let refused = world.silver(["setup-node", "web1", "--yes"]).exits(1);
    assert!(refused.stderr().contains("undone: no fresh connection came through in time"), "{}", refused.stderr());
    assert_eq!(node.sh(guarded), before);
    // all else stays, and it is known that this was not all
    node.sh("systemctl is-active caddy; systemctl start ssh");
    assert!(findings(&world).contains(&(String::new(), "incomplete".into())));
    set_up(&world);
    assert_eq!(findings(&world), []);
    assert_ne!(node.sh(guarded), before);
}
