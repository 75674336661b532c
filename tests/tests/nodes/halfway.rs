//! What a change needs is gone in its middle: whoever carries it out is killed, the front is stopped, the disk is full. Old or new
//! is live, nothing is lost, and the next command says what is what.

use silver_tests::{
    Visitors,
    nodes::{
        TestNode, Tests,
        server::{HOST, Server},
    },
    wait_for,
};

pub(crate) const TESTS: Tests = &[
    ("a_killed_agent_leaves_old_or_new", a_killed_agent_leaves_old_or_new),
    ("a_front_that_goes_in_the_middle_leaves_old_or_new", a_front_that_goes_in_the_middle_leaves_old_or_new),
    ("a_disk_that_fills_up_in_the_middle_loses_nothing", a_disk_that_fills_up_in_the_middle_loses_nothing),
];

fn a_killed_agent_leaves_old_or_new() {
    let server = Server::new();
    server.update("good").ok();
    let kill = || server.node.sh("systemctl kill --signal=KILL 'silver-carry-*'");
    for edition in ["held-migrate", "held-switch"] {
        let visitors = Visitors::start(&server.http(), HOST);
        let (client, _) = server.held(edition);
        kill();
        let told = server.world.ended(client).exits(4);
        assert!(told.stderr().contains("everything is as before, hello."), "{edition}: {}", told.stderr());
        assert_eq!(server.settled(), "1.0.0", "{edition}");
        let (outcome, message) = server.recorded();
        assert!(outcome == "reverted" && message.contains("was ended in the middle"), "{edition}: {outcome}: {message}");
        let seen = visitors.stop();
        seen.assert_all_answered();
        seen.assert_nothing_lost(server.count());
    }
    // after `open` it is finished: whoever is still inside the old release gets his answer
    let visitors = Visitors::start(&server.http(), HOST);
    let http = server.http();
    let inside = std::thread::spawn(move || http.get(HOST, "/slow?seconds=15"));
    let mut client = server.spawn(server.update_words("next"));
    server.wait_step("drain", &mut client);
    kill();
    server.world.ended(client).ok();
    assert_eq!(inside.join().unwrap().unwrap().body.lines().count(), 10);
    assert_eq!(server.settled(), "1.0.1");
    assert_eq!(server.recorded().0, "done");
    let seen = visitors.stop();
    seen.assert_all_answered();
    seen.assert_nothing_lost(server.count());
    assert!(!server.node.sh("systemctl list-units --plain --no-legend 'silver-hello*.web.0.service'").contains('\n'));
}

fn a_front_that_goes_in_the_middle_leaves_old_or_new() {
    let server = Server::new();
    server.update("good").ok();
    // one that is killed is started again by systemd, one that is stopped stays so
    for (edition, how, new) in
        [("held-switch", "systemctl kill --signal=KILL caddy", "2.0.5"), ("held-migrate", "systemctl stop caddy", "2.0.4")]
    {
        let visitors = Visitors::start(&server.http(), HOST);
        let (client, hold) = server.held(edition);
        server.node.sh(how);
        hold.let_go();
        let ran = server.world.ended(client);
        server.node.sh("systemctl start caddy");
        let (version, outcome) = if ran.code() == 0 { (new, "done") } else { ("1.0.0", "reverted") };
        assert!([0, 4].contains(&ran.code()), "{how}: {}", ran.snapshot());
        assert_eq!(server.settled(), version, "{how}: {}", ran.snapshot());
        assert_eq!(server.recorded().0, outcome, "{how}");
        visitors.stop().assert_nothing_lost(server.count());
        if version == new {
            server.silver(["rollback", "hello", "--yes"]).ok();
            assert_eq!(server.settled(), "1.0.0");
        }
    }
    server.update("breaking").ok();
    assert_eq!(server.settled(), "2.0.0");
}

fn a_disk_that_fills_up_in_the_middle_loses_nothing() {
    let server = Server::of(TestNode::of("web1", silver_providers::image::Kind::Ready, Some(400)));
    server.update("good").ok();
    let visitors = Visitors::start(&server.http(), HOST);
    let (client, _) = server.held("held-migrate");
    // also what is kept for root
    server.node.sh("dd if=/dev/zero of=/var/filler bs=1M 2>/dev/null; dd if=/dev/zero of=/var/rest bs=512 2>/dev/null; true");
    // the migration fails, and neither can its data be put back nor can anybody write that down
    server.node.sh("systemctl kill --signal=KILL 'silver-hello*.once-*'");
    let told = server.world.ended(client);
    assert!([4, 5].contains(&told.code()), "{}", told.snapshot());
    server.node.sh("rm /var/filler /var/rest");
    // whoever comes next settles it first
    let next = server.update("next").ok();
    assert_eq!(server.settled(), "1.0.1", "{}\n{}", told.snapshot(), next.snapshot());
    wait_for("visitors", || {
        let before = visitors.so_far();
        std::thread::sleep(std::time::Duration::from_millis(50));
        (visitors.so_far() > before).then_some(())
    });
    visitors.stop().assert_nothing_lost(server.count());
    server.silver(["doctor"]);
}
