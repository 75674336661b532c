//! A change on a server is carried in a unit of its own, and brought to an end whatever is killed.

mod client;

pub(crate) use client::{CLIENT, run};

use client::{LABEL, SILVER};
use silver_tests::{
    nodes::{TestNode, Tests},
    wait_for,
};
use std::fs;

pub(crate) const TESTS: Tests = &[
    ("a_change_goes_on_without_its_client", a_change_goes_on_without_its_client),
    ("who_looks_on_sees_a_killed_change_reverted", who_looks_on_sees_a_killed_change_reverted),
    ("a_killed_change_is_settled_when_nobody_looks_on", a_killed_change_is_settled_when_nobody_looks_on),
    ("a_change_that_lost_power_is_reverted_at_the_next_start", a_change_that_lost_power_is_reverted_at_the_next_start),
    ("what_a_full_disk_has_left_is_settled_when_there_is_room", what_a_full_disk_has_left_is_settled_when_there_is_room),
];

/// As the set-up of a server has it.
const RECOVERY: &str = "[Service]\nType=oneshot\nExecStart=/usr/local/lib/silver/current agent recover\n\n\
                        [Install]\nWantedBy=multi-user.target\n";
/// A migration that takes until it is let go on.
const SLOW: &str = "touch $SILVER_DATA_DIR/db/begun; while ! test -e $SILVER_DATA_DIR/db/go; do sleep 0.05; done";

struct Server(TestNode);

impl Server {
    /// With silver and the test program, and a client that has submitted a slow change.
    fn changing() -> Self {
        Self::changing_on(TestNode::ready("web1"))
    }

    fn changing_on(node: TestNode) -> Self {
        let programs = node.root().unwrap().join(SILVER.trim_start_matches('/')).parent().unwrap().to_owned();
        fs::create_dir_all(&programs).unwrap();
        fs::copy(silver_tests::world::binary(), programs.join("current")).unwrap();
        fs::copy(std::env::current_exe().unwrap(), programs.join("client")).unwrap();
        fs::write(programs.join("silver-recover.service"), RECOVERY).unwrap();
        node.sh("systemctl enable /usr/local/lib/silver/silver-recover.service");
        let submit = format!("/usr/local/lib/silver/client {CLIENT} submit '{SLOW}'");
        node.sh(&format!("systemd-run --quiet --unit=client --property=StandardOutput=file:/root/said {submit}"));
        let server = Self(node);
        wait_for("the migration", || server.has("/var/lib/silver/data/shop/db/begun").then_some(()));
        assert_eq!(server.state("silver-carry-t1.service"), "active");
        server
    }

    fn has(&self, path: &str) -> bool {
        self.0.try_sh(&format!("test -e {path}")).status.success()
    }

    fn state(&self, unit: &str) -> String {
        self.0.sh(&format!("systemctl is-active {unit} || true"))
    }

    fn kill(&self, unit: &str) {
        self.0.sh(&format!("systemctl kill --signal=KILL {unit}"));
    }

    fn go_on(&self) {
        self.0.sh("touch /var/lib/silver/data/shop/db/go");
    }

    /// The migration ends with an error, for which no file is needed.
    fn go_on_without_room(&self) {
        self.0.sh("systemctl kill --signal=KILL 'silver-shop*.once-*'");
    }

    fn lock(&self) -> String {
        self.0.sh(&format!("/usr/local/lib/silver/client {CLIENT} lock"))
    }

    fn watch(&self) -> String {
        self.0.sh(&format!("/usr/local/lib/silver/client {CLIENT} watch"))
    }

    /// Waits until nothing is under way any more.
    fn settled(&self) {
        self.0.at_rest();
        assert_eq!(self.0.sh("ls /var/lib/silver/registry/events"), "0.json", "it is recorded once");
    }

    fn reverted(&self) {
        self.settled();
        assert!(!self.has(&format!("/var/lib/silver/releases/shop/{LABEL}")));
        assert!(!self.has("/var/lib/silver/data/shop"));
    }
}

fn a_change_goes_on_without_its_client() {
    let server = Server::changing();
    server.kill("client");
    wait_for("the end of the client", || (server.state("client") != "active").then_some(()));
    assert_eq!(server.state("silver-carry-t1.service"), "active");
    server.go_on();
    let seen = server.watch();
    assert!(seen.contains(r#""id":"t1""#) && seen.contains(r#""kind":"done""#), "{seen}");
    server.settled();
    assert!(server.has(&format!("/var/lib/silver/releases/shop/{LABEL}/tree/env/name")));
}

fn who_looks_on_sees_a_killed_change_reverted() {
    let server = Server::changing();
    server.kill("silver-carry-t1.service");
    let said = wait_for("the outcome", || {
        let said = server.0.sh("cat /root/said");
        said.contains("outcome").then_some(said)
    });
    assert!(said.contains("begin migrate") && said.contains(r#""kind":"reverted""#), "{said}");
    server.reverted();
    assert!(server.watch().contains(r#""idle":{"last":{"id":"t1""#));
}

fn a_killed_change_is_settled_when_nobody_looks_on() {
    let server = Server::changing();
    server.kill("client");
    server.kill("silver-carry-t1.service");
    server.reverted();
}

fn a_change_that_lost_power_is_reverted_at_the_next_start() {
    let server = Server::changing();
    server.0.restart().unwrap(); // pulls the plug
    server.0.wait();
    server.reverted();
}

fn what_a_full_disk_has_left_is_settled_when_there_is_room() {
    let node = TestNode::small("web1", 1500);
    node.sh("groupadd --system caddy"); // as its package does
    let server = Server::changing_on(node);
    // what is kept for root as well
    server.0.sh("dd if=/dev/zero of=/root/fill bs=1M 2>/dev/null; dd if=/dev/zero of=/root/rest bs=512 2>/dev/null; true");
    server.go_on_without_room();
    wait_for("the end of the unit", || (server.state("silver-carry-t1.service") != "active").then_some(()));
    let said = server.0.sh("cat /run/silver/feeds/shop/t1.jsonl");
    assert!(said.contains("outcome"), "{said}");
    server.0.sh("rm /root/fill /root/rest");
    assert_eq!(server.lock(), r#""ok""#);
    server.reverted();
}
