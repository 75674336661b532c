//! The operator's side is lost: the command is killed for good, the network is cut. The node carries on by itself.

use silver_tests::{
    Visitors,
    nodes::{
        Tests,
        server::{HOST, Server},
    },
    wait_for,
};
use std::time::Duration;

pub(crate) const TESTS: Tests = &[
    ("a_command_that_is_killed_leaves_old_or_new", a_command_that_is_killed_leaves_old_or_new),
    ("a_change_goes_on_while_the_network_is_cut", a_change_goes_on_while_the_network_is_cut),
    ("an_upload_that_was_cut_changes_nothing", an_upload_that_was_cut_changes_nothing),
    ("two_operators_at_once_are_one_after_the_other", two_operators_at_once_are_one_after_the_other),
];

fn a_command_that_is_killed_leaves_old_or_new() {
    let server = Server::new();
    server.update("good").ok();
    let visitors = Visitors::start(&server.http(), HOST);
    for pause in (0..20).map(|step| Duration::from_millis(step * 200)) {
        let mut client = server.spawn(server.update_words("breaking"));
        std::thread::sleep(pause);
        client.kill().unwrap();
        client.wait().unwrap();
        let version = wait_for("an answer", || server.version());
        assert!(version == "1.0.0" || version == "2.0.0", "{version}");
        if version == "2.0.0" {
            break;
        }
    }
    // what was submitted is carried through by the node; until then the lock is held, or the next command looks on
    wait_for("the node to end what was submitted", || match server.update("breaking") {
        ran if ran.code() == 7 => None,
        ran => Some(ran.ok()),
    });
    assert_eq!(server.settled(), "2.0.0");
    visitors.stop().assert_nothing_lost(server.count());
}

fn a_change_goes_on_while_the_network_is_cut() {
    let server = Server::new();
    server.update("good").ok();
    server.http().post(HOST, "/count", "").unwrap();
    for step in ["migrate", "switch"] {
        let mut client = server.spawn(server.update_words("breaking"));
        server.wait_step(step, &mut client);
        server.node.partition(true).unwrap();
        // on the node it ends without anybody who looks on
        wait_for("the journal to be closed", || server.node.sh("ls /var/lib/silver/journal").is_empty().then_some(()));
        server.node.partition(false).unwrap();
        // the command hears of it when the network is back, or says that it could not
        let code = client.wait().unwrap().code();
        assert!([Some(0), Some(6)].contains(&code), "{step}: {code:?}");
        assert_eq!(server.settled(), "2.0.0");
        assert_eq!(server.count(), 1);
        server.silver(["rollback", "hello", "--yes"]).ok();
        assert_eq!(server.settled(), "1.0.0");
    }
}

fn an_upload_that_was_cut_changes_nothing() {
    let server = Server::new();
    server.update("good").ok();
    let before = server.json(&["releases", "hello"]);
    // something that takes long enough to be cut
    let dir = silver_tests::hello::variant("next");
    let noise: Vec<u8> = (0..128_u32 << 20).map(|index| index.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    std::fs::write(dir.path().join("noise.bin"), noise).unwrap();
    let zip = server.world.work().join("large.zip");
    server.world.silver(["pack", dir.path().to_str().unwrap(), "-o", zip.to_str().unwrap()]).ok();
    let words = ["update", zip.to_str().unwrap(), HOST, "--yes"];
    let mut client = server.spawn(words);
    let part = || server.node.sh("find /var/lib/silver/registry/tmp -name '*.part' -size +0");
    wait_for("a part of the pack", || (!part().is_empty()).then_some(()));
    server.node.partition(true).unwrap();
    client.kill().unwrap();
    client.wait().unwrap();
    server.node.partition(false).unwrap();
    assert!(!part().is_empty(), "the upload was over before it was cut");
    assert_eq!(server.json(&["releases", "hello"]), before);
    assert_eq!(server.settled(), "1.0.0");
    wait_for("the lock to fall", || Some(server.silver(words)).filter(|ran| ran.code() != 7)).ok();
    assert_eq!(server.settled(), "1.0.1");
}

fn two_operators_at_once_are_one_after_the_other() {
    let server = Server::new();
    server.update("good").ok();
    let other = silver_tests::World::new();
    std::fs::copy(server.world.work().join("nodes.toml"), other.work().join("nodes.toml")).unwrap();
    let zip = other.hello("next");
    let mut first = server.spawn(server.update_words("breaking"));
    server.wait_step("migrate", &mut first);
    // the other one is told who holds it, or looks on; nothing is mixed
    let second = other.silver(["update", zip.to_str().unwrap(), HOST, "--node", "web1", "--yes"]);
    assert!(first.wait().unwrap().success());
    assert!([0, 1, 7].contains(&second.code()), "{}", second.snapshot());
    let version = server.settled();
    assert!(["2.0.0", "1.0.1"].contains(&version.as_str()), "{version}");
}
