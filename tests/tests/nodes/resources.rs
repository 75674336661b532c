//! Kinds of resources that silver's own set-up does not have, and changes that cut the operator off.

use silver_core::node::Node as _;
use silver_plugin_api::setup::{
    Applied, Command, Content, Fate, File, Firewall, Group, Item, OnChange, Plan, Presence, Resource, SetupOrder, Unit, User,
};
use silver_tests::nodes::{TestNode, Tests, access};
use silver_transport::{
    RemoteNode,
    ssh::{Install, Place, Program, Ssh},
};

pub(crate) const TESTS: Tests = &[
    ("users_groups_and_commands_get_in_place", users_groups_and_commands_get_in_place),
    ("a_firewall_that_cuts_off_is_undone", a_firewall_that_cuts_off_is_undone),
    ("an_sshd_that_cannot_be_reached_is_undone", an_sshd_that_cannot_be_reached_is_undone),
    ("what_sshd_does_not_take_is_undone_at_once", what_sshd_does_not_take_is_undone_at_once),
    ("what_was_not_confirmed_before_a_start_is_undone", what_was_not_confirmed_before_a_start_is_undone),
];

/// A node as silver sees it.
struct Reached {
    node: TestNode,
    remote: RemoteNode,
    runtime: tokio::runtime::Runtime,
    _dir: tempfile::TempDir,
}

impl Reached {
    fn new(node: TestNode) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = Place {
            node: node.name().into(),
            address: node.target("root").parse().unwrap(),
            host_key: Some(node.host_key().parse().unwrap()),
            control: dir.path().join("ssh"),
            config: None,
        };
        let binary = silver_tests::world::binary();
        let program = Program::at(&binary, &dir.path().join("agents"), silver_build::build::native_platform).unwrap().unwrap();
        let ssh = Ssh::new(place, "ann@desk", vec![program], Install::Bare, Box::new(|_| {}));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { node, remote: RemoteNode::new(ssh), runtime, _dir: dir }
    }

    fn apply(&self, items: Vec<Item>) -> Applied {
        let order = SetupOrder { plan: Plan { items, facts_used: Vec::new() }, operator: "ann@desk".into(), reason: None };
        self.runtime.block_on(self.remote.set_up(&order, &mut silver_core::progress::Silent)).unwrap()
    }
}

fn fate<'a>(applied: &'a Applied, id: &str) -> &'a Fate {
    &applied.items.iter().find(|item| item.id == id).unwrap().fate
}

fn file(path: &str, text: &str) -> Resource {
    let (owner, group) = ("root".to_owned(), "root".to_owned());
    Resource::File(File { path: path.into(), content: Content::text(text), owner, group, mode: 0o644, state: Presence::Present })
}

fn users_groups_and_commands_get_in_place() {
    let reached = Reached::new(TestNode::bare("web1"));
    let node = &reached.node;
    let key = access().public_key().unwrap();
    let user = User {
        name: "ann".into(),
        shell: Some("/bin/sh".into()),
        groups: vec!["team".into()],
        authorized_keys: vec![key.trim().to_owned()],
        ..User::default()
    };
    let system = User { name: "app".into(), system: true, ..User::default() };
    let command = Command {
        argv: ["sh", "-c", "id -un >> /tmp/ran"].map(Into::into).to_vec(),
        user: Some("ann".into()),
        ..Command::default()
    };
    let items = vec![
        Item::new("ann", Resource::User(user), "she works here"),
        Item::new("app", Resource::User(system), "runs it"),
        Item::new("team", Resource::Group(Group { name: "team".into(), ..Group::default() }), "hers"),
        Item::new("ran", Resource::Command(command), "once"),
        Item::new("config", file("/etc/x", "1"), "pokes").notify("ran", OnChange::Rerun),
    ];
    let applied = reached.apply(items.clone());
    assert!(applied.is_complete() && applied.event.is_some(), "{applied:?}");
    assert_eq!(
        node.sh("id -nG ann; getent passwd app | cut -d: -f6,7; cat /tmp/ran"),
        "ann team\n/nonexistent:/usr/sbin/nologin\nann"
    );
    assert_eq!(String::from_utf8_lossy(&node.ssh("ann", "id -un").stdout), "ann\n");
    assert!(!reached.apply(items.clone()).has_changed());

    let hands = [
        ("gpasswd -d ann team", "ann"),
        ("usermod -s /bin/bash ann", "ann"),
        ("echo 'ssh-ed25519 AAAAeve eve' >> ~ann/.ssh/authorized_keys", "ann"),
        ("userdel app", "app"),
        ("gpasswd -d ann team; groupdel team", "team"),
    ];
    for (hand, id) in hands {
        node.sh(hand);
        let applied = reached.apply(items.clone());
        assert!(applied.is_complete() && *fate(&applied, id) == Fate::Changed, "{hand}: {applied:?}");
        assert!(!reached.apply(items.clone()).has_changed(), "{hand}");
    }
    assert!(!node.sh("cat ~ann/.ssh/authorized_keys").contains("eve"));

    // a link that she put there leads root nowhere
    node.sh(
        "rm -r ~ann/.ssh; ln -s /root/.ssh ~ann/.ssh; chown -h ann ~ann/.ssh; sha256sum /root/.ssh/authorized_keys > /tmp/before",
    );
    let applied = reached.apply(items);
    assert!(matches!(fate(&applied, "ann"), Fate::Failed { .. }), "{applied:?}");
    node.sh("sha256sum --quiet -c /tmp/before");
}

fn a_firewall_that_cuts_off_is_undone() {
    let reached = Reached::new(TestNode::ready("web1"));
    let rule = |name: &str, port| Resource::Firewall(Firewall { name: name.into(), port, ..Firewall::default() });
    let applied = reached.apply(vec![Item::new("http", rule("http", 80), "the web")]);
    assert_eq!(*fate(&applied, "http"), Fate::Undone);
    assert!(reached.node.ssh("root", "true").status.success(), "one gets in again");
    assert!(!reached.node.sh("nft list tables").contains("silver"));

    let applied = reached.apply(vec![Item::new("http", rule("http", 80), "the web"), Item::new("ssh", rule("ssh", 22), "us")]);
    assert!(applied.is_complete(), "{applied:?}");
    assert!(reached.node.sh("systemctl list-timers --all 'silver-undo-*' | grep -c silver-undo || true").starts_with('0'));
}

/// A configuration of sshd's, and sshd that reads it.
fn sshd(text: &str, how: OnChange) -> Vec<Item> {
    let unit = Resource::Unit(Unit { name: "ssh.service".into(), content: None, enabled: true, running: true });
    vec![Item::new("config", file("/etc/ssh/sshd_config.d/x.conf", text), "x").notify("sshd", how), Item::new("sshd", unit, "x")]
}

fn an_sshd_that_cannot_be_reached_is_undone() {
    let reached = Reached::new(TestNode::bare("web1"));
    let applied = reached.apply(sshd("Port 2222\n", OnChange::Restart));
    assert_eq!(*fate(&applied, "config"), Fate::Undone, "{applied:?}");
    reached.node.sh("test ! -e /etc/ssh/sshd_config.d/x.conf && sshd -T | grep -qx 'port 22'");
    // whoever is to be told of what was undone was told
    assert!(reached.node.ssh("root", "true").status.success());
    // a change that lets one in stays
    let applied = reached.apply(sshd("Port 22\nPort 2222\n", OnChange::Restart));
    assert!(applied.is_complete(), "{applied:?}");
    reached.node.sh("ss -Hltn | grep -q :2222");
}

fn what_sshd_does_not_take_is_undone_at_once() {
    let reached = Reached::new(TestNode::bare("web1"));
    let applied = reached.apply(sshd("Nonsense yes\n", OnChange::Reload));
    assert_eq!(*fate(&applied, "config"), Fate::Undone, "{applied:?}");
    assert!(matches!(fate(&applied, "sshd"), Fate::Failed { .. }), "{applied:?}");
    reached.node.sh("test ! -e /etc/ssh/sshd_config.d/x.conf && sshd -t");
    assert!(reached.node.ssh("root", "true").status.success());
}

fn what_was_not_confirmed_before_a_start_is_undone() {
    let reached = Reached::new(TestNode::ready("web1"));
    // the unit for the start of the machine is part of silver's set-up
    crate::setup::set_up(&crate::setup::world(&reached.node, "root"));
    let rule = Resource::Firewall(Firewall { name: "http".into(), port: 80, ..Firewall::default() });
    let plan = Plan { items: vec![Item::new("http", rule, "the web")], facts_used: Vec::new() };
    let order = SetupOrder { plan, operator: "ann@desk".into(), reason: None };
    let remote = reached.remote.clone();
    let applying = reached.runtime.spawn(async move { remote.set_up(&order, &mut silver_core::progress::Silent).await });
    let ssh_is_allowed = || reached.node.sh("nft list table inet silver 2>/dev/null || true").contains("dport 22");
    silver_tests::wait_for("the rules", || (!ssh_is_allowed()).then_some(()));
    reached.node.kill().unwrap();
    applying.abort();
    reached.node.start().unwrap();
    reached.node.wait();
    assert!(ssh_is_allowed());
    assert!(reached.node.ssh("root", "true").status.success());
}
