//! A server that loses its power, at rest and in the middle of a change, comes back as it was recorded.

use silver_tests::{
    Visitors,
    nodes::{
        Tests,
        server::{HOST, Server},
    },
};

pub(crate) const TESTS: Tests = &[
    ("applications_are_back_after_a_reboot_and_after_a_power_cut", applications_are_back_after_a_reboot_and_after_a_power_cut),
    ("a_power_cut_in_the_middle_of_a_change_leaves_old_or_new", a_power_cut_in_the_middle_of_a_change_leaves_old_or_new),
];

fn applications_are_back_after_a_reboot_and_after_a_power_cut() {
    let server = Server::new();
    server.update("good").ok();
    server.http().post(HOST, "/count", "").unwrap();
    for cut in [false, true] {
        if cut { server.node.restart() } else { server.node.reboot() }.unwrap();
        server.node.wait();
        assert_eq!(server.settled(), "1.0.0");
        assert_eq!(server.count(), 1);
    }
    // what was disabled stays so
    server.silver(["disable", "hello", "--yes"]).ok();
    server.node.restart().unwrap();
    server.node.wait();
    silver_tests::wait_for("the front", || server.http().get(HOST, "/").ok().filter(|answer| answer.status == 503));
    assert_eq!(server.node.sh("systemctl list-units --plain --no-legend --state=running 'silver-hello*'"), "");
    server.silver(["enable", "hello", "--yes"]).ok();
    assert_eq!(server.settled(), "1.0.0");
}

fn a_power_cut_in_the_middle_of_a_change_leaves_old_or_new() {
    let server = Server::new();
    server.update("good").ok();
    let plan = server.json(&["update", server.world.hello("breaking").to_str().unwrap(), HOST, "--dry-run"]);
    let steps = plan["transition"]["steps"].as_array().unwrap().clone();
    let steps: Vec<&str> = steps.iter().map(|step| step["id"].as_str().unwrap()).collect();
    let open = steps.iter().position(|step| *step == "open").unwrap();
    let visitors = Visitors::start(&server.http(), HOST);
    for (index, step) in steps.iter().enumerate() {
        let mut client = server.spawn(server.update_words("breaking"));
        server.wait_step(step, &mut client);
        server.node.kill().unwrap();
        client.kill().ok();
        client.wait().unwrap();
        server.node.start().unwrap();
        server.node.wait();
        let version = server.settled();
        // the plug is pulled at the step or soon after it, so that what was before `open` may have got there
        assert!(version == "2.0.0" || (version == "1.0.0" && index <= open), "{step}: {version}");
        if version == "2.0.0" {
            server.silver(["rollback", "hello", "--yes"]).ok();
        }
    }
    server.update("breaking").ok();
    assert_eq!(server.settled(), "2.0.0");
    visitors.stop();
}
