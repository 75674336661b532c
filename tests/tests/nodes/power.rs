//! A server that loses its power, at rest and in the middle of a change, comes back as it was recorded.

use silver_tests::{
    Visitors, hello,
    nodes::{
        Tests,
        server::{HOST, Server},
    },
    wait_for,
};
use std::{fs::OpenOptions, io::Write};

pub(crate) const TESTS: Tests = &[
    ("applications_are_back_after_a_reboot_and_after_a_power_cut", applications_are_back_after_a_reboot_and_after_a_power_cut),
    ("a_power_cut_in_the_middle_of_a_change_leaves_old_or_new", a_power_cut_in_the_middle_of_a_change_leaves_old_or_new),
];

const CRON: &str = "\n[[cron]]\nname = \"tidy\"\nschedule = \"0 4 * * *\"\ncommand = [\"python3\", \"${SILVER_TREE_DIR}/app.py\", \"self-test\"]\n";

fn applications_are_back_after_a_reboot_and_after_a_power_cut() {
    let server = Server::new();
    let dir = hello::variant("good");
    let mut manifest = OpenOptions::new().append(true).open(dir.path().join("pack.toml")).unwrap();
    manifest.write_all(CRON.as_bytes()).unwrap();
    let zip = server.world.work().join("cron.zip");
    let zip = zip.to_str().unwrap();
    server.world.silver(["pack", dir.path().to_str().unwrap(), "-o", zip]).ok();
    server.silver(["update", zip, HOST, "--yes"]).ok();
    let timers =
        || server.node.sh("systemctl list-timers --all --no-legend 'silver-hello*' | grep -o 'silver-[^ ]*timer' || true");
    let before = timers();
    assert!(before.ends_with(".tidy.job.timer") && before.lines().count() == 1, "{before}");
    let visitors = Visitors::start(&server.http(), HOST);
    for cut in [false, true] {
        let counted = visitors.so_far();
        wait_for("visitors", || (visitors.so_far() > counted).then_some(()));
        if cut { server.node.restart() } else { server.node.reboot() }.unwrap();
        server.node.wait();
        assert_eq!(server.settled(), "1.0.0");
        wait_for("the timer", || (timers() == before).then_some(()));
    }
    visitors.stop().assert_nothing_lost(server.count());
    // what was disabled stays so
    server.silver(["disable", "hello", "--yes"]).ok();
    server.node.restart().unwrap();
    server.node.wait();
    wait_for("the front", || server.http().get(HOST, "/").ok().filter(|answer| answer.status == 503));
    assert_eq!(server.node.sh("systemctl list-units --plain --no-legend --state=running 'silver-hello*'"), "");
    assert_eq!(timers(), "");
    server.silver(["enable", "hello", "--yes"]).ok();
    assert_eq!(server.settled(), "1.0.0");
    assert_eq!(timers(), before);
}

fn a_power_cut_in_the_middle_of_a_change_leaves_old_or_new() {
    let server = Server::new();
    server.update("good").ok();
    let plan = server.json(&["update", server.world.hello("breaking").to_str().unwrap(), HOST, "--dry-run"]);
    let steps = plan["transition"]["steps"].as_array().unwrap().clone();
    let steps: Vec<&str> = steps.iter().map(|step| step["id"].as_str().unwrap()).collect();
    let open = steps.iter().position(|step| *step == "open").unwrap();
    let cut = |mut client: std::process::Child| {
        server.node.kill().unwrap();
        client.kill().ok();
        client.wait().unwrap();
        server.node.start().unwrap();
        server.node.wait();
        server.settled()
    };
    for (index, step) in steps.iter().enumerate() {
        let visitors = Visitors::start(&server.http(), HOST);
        let mut client = server.spawn(server.update_words("breaking"));
        server.wait_step(step, &mut client);
        let version = cut(client);
        // the plug is pulled at the step or soon after it, so that what was before `open` may have got there
        assert!(version == "2.0.0" || (version == "1.0.0" && index <= open), "{step}: {version}");
        visitors.stop().assert_nothing_lost(server.count());
        if version == "2.0.0" {
            server.silver(["rollback", "hello", "--yes"]).ok();
        }
    }
    // at these the plug is pulled for certain
    for edition in ["held-migrate", "held-switch"] {
        let visitors = Visitors::start(&server.http(), HOST);
        let (client, _) = server.held(edition);
        assert_eq!(cut(client), "1.0.0", "{edition}");
        let (outcome, message) = server.recorded();
        assert!(outcome == "reverted" && message.contains("was ended in the middle"), "{edition}: {outcome}: {message}");
        visitors.stop().assert_nothing_lost(server.count());
    }
    server.update("breaking").ok();
    assert_eq!(server.settled(), "2.0.0");
}
