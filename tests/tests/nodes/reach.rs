//! How servers are reached: noted, given an agent, and found again.

use silver_tests::{
    nodes::{TestNode, Tests},
    wait_for,
    world::World,
};
use std::fs;

pub(crate) const TESTS: Tests = &[
    ("a_server_is_noted_and_nothing_is_changed_there", a_server_is_noted_and_nothing_is_changed_there),
    ("the_agent_is_copied_once_and_the_connection_is_kept", the_agent_is_copied_once_and_the_connection_is_kept),
    ("without_root_it_is_said_what_to_allow", without_root_it_is_said_what_to_allow),
    ("a_login_shell_that_lets_nobody_do_anything_is_told", a_login_shell_that_lets_nobody_do_anything_is_told),
    ("a_connection_that_has_died_is_made_anew", a_connection_that_has_died_is_made_anew),
    ("a_full_disk_takes_no_half_agent", a_full_disk_takes_no_half_agent),
];

/// Where the agents lie.
const PROGRAMS: &str = "/usr/local/lib/silver";
/// Marks a server as set up.
const MARK: &str = "mkdir -p /var/lib/silver && touch /var/lib/silver/setup.json";

/// A world that has noted the node as `web1`.
fn world(node: &TestNode, user: &str) -> World {
    let world = World::new();
    world.silver(["add-node", "web1", &node.target(user), "--yes"]).ok();
    world
}

/// The agent is there without having been copied, which takes seconds each time.
fn with_agent(node: &TestNode, world: &World) {
    node.sh(MARK);
    let status = world.silver(["status", "--node", "web1"]).ok();
    assert!(status.stderr().contains("copying silver's agent to web1"), "{}", status.stderr());
}

fn a_server_is_noted_and_nothing_is_changed_there() {
    let node = TestNode::bare("web1");
    let world = World::new();
    let before = node.sh("find / -xdev -newer /etc/hostname -not -path '/proc/*' -not -path '/sys/*' -path '*silver*' | sort");
    let fingerprint = node.sh("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub | cut -d' ' -f2");

    // nobody is there to ask, and a fingerprint has to be the right one
    let asked = world.silver(["add-node", "web1", &node.target("deploy")]).exits(2);
    assert!(asked.stderr().contains(&fingerprint), "{}", asked.stderr());
    world.silver(["add-node", "web1", &node.target("deploy"), "--host-key", "SHA256:no"]).exits(8);
    assert!(!world.home().join("config/nodes.toml").exists(), "refused, and noted all the same");

    let added = world.json(&["add-node", "web1", &node.target("deploy"), "--host-key", &fingerprint]);
    assert_eq!((added["root"].as_str(), added["fingerprint"].as_str()), (Some("sudo"), Some(fingerprint.as_str())));
    let noted = fs::read_to_string(world.home().join("config/nodes.toml")).unwrap();
    assert!(noted.contains(node.host_key()), "{noted}");
    world.silver(["add-node", "web1", &node.target("root"), "--yes"]).exits(2);

    let listed = world.json(&["list-nodes"]);
    assert_eq!((listed[0]["node"].as_str(), listed[0]["state"].as_str()), (Some("web1"), Some("bare")));
    let status = world.silver(["status", "--node", "web1"]).exits(6);
    assert!(status.stderr().contains("`silver setup-node web1`"), "{}", status.stderr());
    let after = node.sh("find / -xdev -newer /etc/hostname -not -path '/proc/*' -not -path '/sys/*' -path '*silver*' | sort");
    assert_eq!(before, after);

    // names that are not there, and commands that are not for servers
    let unknown = world.silver(["status", "--node", "web2"]).exits(2);
    assert!(unknown.stderr().contains("did you mean `web1`?"), "{}", unknown.stderr());
    world.silver(["merge", "x.zip", "--node", "web1"]).exits(2);
}

fn the_agent_is_copied_once_and_the_connection_is_kept() {
    let node = TestNode::bare("web1");
    let world = world(&node, "deploy");
    with_agent(&node, &world);
    let again = world.silver(["status", "--node", "web1"]).ok();
    assert_eq!(again.stderr().matches("copying").count(), 0);
    assert_eq!(node.sh(&format!("ls {PROGRAMS} | wc -l; stat -Lc %U:%a {PROGRAMS}/current")), "2\nroot:755");
    wait_for("the agent to go with its command", || node.sh("pgrep -f '[a]gent stdio' || true").is_empty().then_some(()));
    // one log-in for all commands so far but `add-node`'s look at the key
    let logins = || node.sh("journalctl -u ssh --no-pager | grep -c 'Accepted publickey'");
    let before = logins();
    world.json(&["list-nodes"]);
    assert_eq!(logins(), before);
    let listed = world.json(&["list-nodes"]);
    assert_eq!((listed[0]["state"].as_str(), listed[0]["apps"].as_u64()), (Some("reachable"), Some(0)));
    // another build than ours is not used, and said to be there
    node.sh(&format!("cd {PROGRAMS}; mv silver-* silver-0; ln -sfn silver-0 current"));
    let other = &world.json(&["list-nodes"])[0];
    assert_eq!((&other["state"], &other["silver"]), (&"without agent".into(), &env!("CARGO_PKG_VERSION").into()), "{other}");
}

fn without_root_it_is_said_what_to_allow() {
    let node = TestNode::bare("web1");
    let world = world(&node, "deploy");
    with_agent(&node, &world);
    node.sh("rm /etc/sudoers.d/deploy");
    for args in [&["status", "--node", "web1"][..], &["add-node", "web2", &node.target("deploy"), "--yes"]] {
        let refused = world.silver(args).exits(6);
        assert!(refused.stderr().contains("deploy ALL=(root) NOPASSWD"), "{}", refused.stderr());
    }
    let unknown = world.silver(["add-node", "web2", &node.target("nobody"), "--yes"]).exits(6);
    assert!(unknown.stderr().contains("ssh-copy-id"), "{}", unknown.stderr());
    assert!(!fs::read_to_string(world.home().join("config/nodes.toml")).unwrap().contains("web2"));
}

fn a_login_shell_that_lets_nobody_do_anything_is_told() {
    let node = TestNode::bare("web1");
    let world = world(&node, "root");
    with_agent(&node, &world);
    // as much as is skipped
    node.sh("head -c 60000 /dev/zero | tr '\\0' x >/etc/noise; echo 'cat /etc/noise; echo SILVER/ >&2' >/root/.bashrc");
    world.silver(["status", "--node", "web1"]).ok();
    node.sh("head -c 70000 /dev/zero | tr '\\0' x >/etc/noise");
    let noisy = world.silver(["status", "--node", "web1"]).exits(6);
    assert!(noisy.stderr().contains("does a login script print something"), "{}", noisy.stderr());
    node.sh("echo 'printf \"gone \\033[31mfishing\\n\"; exit 0' >/root/.bashrc");
    // every time: the end of a command is known sooner than what it has said
    for _ in 0..20 {
        let gone = world.silver(["status", "--node", "web1"]).exits(6);
        assert!(gone.stderr().contains("fishing") && !gone.stderr().contains('\u{1b}'), "{}", gone.stderr());
    }
}

fn a_connection_that_has_died_is_made_anew() {
    let node = TestNode::bare("web1");
    let world = world(&node, "root");
    with_agent(&node, &world);
    node.sh("pkill -f '[s]shd: root' || true");
    world.silver(["status", "--node", "web1"]).ok();
    node.partition(true).unwrap();
    let cut = world.silver(["status", "--node", "web1"]).exits(6);
    assert!(cut.stderr().contains("cannot be reached"), "{}", cut.stderr());
    node.partition(false).unwrap();
    world.silver(["status", "--node", "web1"]).ok();
    node.reboot().unwrap();
    node.wait();
    world.silver(["status", "--node", "web1"]).ok();
}

fn a_full_disk_takes_no_half_agent() {
    let node = TestNode::small("web1", 64);
    let world = world(&node, "root");
    node.sh("fallocate -l $(($(df --output=avail -B1 / | tail -1) - 5000000)) /full");
    let full = world.silver(["setup-node", "web1", "--yes"]).exits(1);
    assert!(full.stderr().contains("No space left on device"), "{}", full.stderr());
    assert_eq!(node.sh(&format!("ls -A {PROGRAMS}")), "");
    // a copy that failed is no set-up
    assert_eq!(world.json(&["list-nodes"])[0]["state"], "bare");
    let bare = world.silver(["status", "--node", "web1"]).exits(6);
    assert!(bare.stderr().contains("`silver setup-node web1`"), "{}", bare.stderr());
    node.sh(MARK);
    let full = world.silver(["status", "--node", "web1"]).exits(1);
    assert!(full.stderr().contains("No space left on device"), "{}", full.stderr());
}
