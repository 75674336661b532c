//! A server on which something else has been at work: files changed by hand, a front that was stopped, a disk that is
//! full, a set-up that was cut off.

use silver_tests::{
    Visitors, World,
    nodes::{
        TestNode, Tests,
        server::{HOST, Server},
    },
    wait_for,
};

pub(crate) const TESTS: Tests = &[
    ("files_that_were_changed_by_hand_are_named", files_that_were_changed_by_hand_are_named),
    ("a_front_that_was_stopped_comes_back_as_it_was", a_front_that_was_stopped_comes_back_as_it_was),
    ("a_disk_that_is_full_keeps_the_old_release", a_disk_that_is_full_keeps_the_old_release),
    ("a_set_up_that_was_cut_off_is_finished_by_the_next", a_set_up_that_was_cut_off_is_finished_by_the_next),
];

fn files_that_were_changed_by_hand_are_named() {
    let server = Server::new();
    server.update("good").ok();
    server.silver(["doctor"]).ok();
    let visitors = Visitors::start(&server.http(), HOST);
    let tree = server.node.sh("readlink -f /var/lib/silver/current/hello") + "/tree";
    // an editor makes another file and renames it
    let patch = format!(
        "cp {tree}/app.py /root/app.py; echo '# patched' >> /root/app.py; cp /root/app.py {tree}/.new; mv {tree}/.new {tree}/app.py; echo x > {tree}/extra.txt"
    );
    server.node.sh(&patch);
    let found = server.silver(["doctor"]);
    assert_ne!(found.code(), 0, "{}", found.snapshot());
    for path in ["app.py", "extra.txt"] {
        assert!(found.snapshot().contains(path), "{path}: {}", found.snapshot());
    }
    // the next update does not carry it along
    server.update("next").ok();
    assert_eq!(server.settled(), "1.0.1");
    let found: serde_json::Value = serde_json::from_str(&server.silver(["doctor", "--json"]).stdout()).unwrap();
    let found = found.as_array().unwrap();
    assert!(!found.is_empty() && found.iter().all(|row| row["current"] == false), "only of the release before: {found:?}");
    let seen = visitors.stop();
    seen.assert_all_answered();
    seen.assert_nothing_lost(server.count());
}

fn a_front_that_was_stopped_comes_back_as_it_was() {
    let server = Server::new();
    server.update("good").ok();
    let visitors = Visitors::start(&server.http(), HOST);
    server.node.sh("systemctl kill -s KILL caddy; systemctl stop caddy");
    assert!(server.http().get(HOST, "/").is_err());
    server.node.sh("systemctl start caddy");
    wait_for("the front", || server.version());
    // a change that finds it stopped fails, says so, and leaves what was
    server.node.sh("systemctl stop caddy");
    for edition in ["next", "breaking"] {
        let ran = server.update(edition).exits(4);
        for word in ["Caddy does not answer", "systemctl status caddy"] {
            assert!(ran.stderr().contains(word), "{edition}: `{word}`: {}", ran.stderr());
        }
    }
    server.node.sh("systemctl start caddy");
    assert_eq!(server.settled(), "1.0.0");
    server.update("next").ok();
    assert_eq!(server.settled(), "1.0.1");
    visitors.stop().assert_nothing_lost(server.count());
}

fn a_disk_that_is_full_keeps_the_old_release() {
    let server = Server::of(TestNode::of("web1", silver_providers::image::Kind::Ready, Some(400)));
    server.update("good").ok();
    let visitors = Visitors::start(&server.http(), HOST);
    wait_for("visitors", || (visitors.so_far() > 0).then_some(()));
    server.node.try_sh("dd if=/dev/zero of=/var/filler bs=64k 2>/dev/null");
    let refused = server.update("next");
    assert!([1, 4].contains(&refused.code()), "{}", refused.snapshot());
    for word in ["error:", "hint:"] {
        assert!(refused.stderr().contains(word), "{}", refused.stderr());
    }
    assert_eq!(server.version().unwrap(), "1.0.0");
    server.node.sh("rm /var/filler");
    server.update("next").ok();
    assert_eq!(server.settled(), "1.0.1");
    visitors.stop().assert_nothing_lost(server.count());
}

fn a_set_up_that_was_cut_off_is_finished_by_the_next() {
    let (world, node) = (World::new(), TestNode::bare("web1"));
    world.write("nodes.toml", "[organisation]\ntls = \"off\"\n");
    world.silver(["add-node", "web1", &node.target("deploy"), "--host-key", node.host_key()]).ok();
    // once by a command that is killed, once by a power cut
    for cut in [false, true] {
        let mut client = world.spawn(["setup-node", "web1", "--yes"]);
        wait_for("packages to be installed", || {
            let busy = node.try_sh("pgrep -x dpkg || pgrep -x apt-get || command -v nft").status.success();
            (busy || client.try_wait().unwrap().is_some()).then_some(())
        });
        if cut {
            node.kill().unwrap();
        }
        client.kill().ok();
        client.wait().unwrap();
        if cut {
            node.start().unwrap();
            node.wait();
        }
    }
    let found = world.silver(["doctor", "--node", "web1", "--json"]).exits(3);
    assert!(found.stdout().contains("\"incomplete\""), "{}", found.stdout());
    world.silver(["setup-node", "web1", "--yes"]).ok();
    node.sh("test -z \"$(dpkg --audit)\"");
    let zip = world.hello("good");
    world.silver(["update", zip.to_str().unwrap(), HOST, "--node", "web1", "--yes"]).ok();
    assert!(node.http().page(HOST, "/").contains("1.0.0"));
    let again = world.silver(["setup-node", "web1", "--yes"]).ok();
    assert!(again.snapshot().contains("nothing to do"), "{}", again.snapshot());
}
