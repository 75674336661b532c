//! One update on several servers: all of them have the new release, or none.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use silver_tests::{
    Visitors, hello,
    nodes::{
        TestNode, Tests,
        fleet::{Fleet, GROUP},
        server::HOST,
    },
    wait_for,
};
use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::Write,
    process::Child,
};

pub(crate) const TESTS: Tests = &[
    ("all_have_it_or_none_wherever_it_fails", all_have_it_or_none_wherever_it_fails),
    ("who_vanishes_is_not_waited_for_and_goes_back", who_vanishes_is_not_waited_for_and_goes_back),
    ("rows_and_plan_files_are_for_groups_too", rows_and_plan_files_are_for_groups_too),
    ("a_periodic_command_is_of_one_node_or_of_all", a_periodic_command_is_of_one_node_or_of_all),
];

fn all_have_it_or_none_wherever_it_fails() {
    let fleet = Fleet::new(&["web1", "web2"]);
    let (first, second) = (&fleet.nodes[0], &fleet.nodes[1]);
    let report = fleet.update("good").ok().stdout();
    assert_eq!(Fleet::column(&report, "outcome"), ["done"; 2]);
    let labels: BTreeSet<String> = Fleet::column(&report, "release").into_iter().collect();
    assert_eq!(labels.len(), 1, "one label everywhere: {labels:?}");
    assert_eq!(fleet.versions(), ["1.0.0"; 2]);
    let again = fleet.update("good").ok().stdout();
    assert_eq!(Fleet::column(&again, "outcome"), ["nothing"; 2]);
    let visitors: Vec<Visitors> = fleet.nodes.iter().map(|node| Visitors::start(&node.http(), HOST)).collect();

    // somebody else changes it on one of them: nothing is begun
    second.sh("systemd-run --quiet --unit=holder flock /run/silver/locks/hello sleep 300");
    wait_for("the lock to be held", || {
        second.try_sh("! flock --nonblock /run/silver/locks/hello true").status.success().then_some(())
    });
    let busy = fleet.update("next").exits(7);
    assert_eq!(Fleet::column(&busy.stdout(), "outcome"), ["not-begun", "refused"]);
    second.sh("systemctl stop holder");

    // the release does not pass its check on one of them: nobody switches
    fleet.checks_fail_on(1, true);
    let failed = fleet.update("next").exits(4);
    assert_eq!(Fleet::column(&failed.stdout(), "outcome"), ["reverted"; 2]);
    assert_eq!(Fleet::column(&failed.stdout(), "failed_step")[0], "barrier", "the first one was ready, and called back");
    assert!(failed.stderr().contains("failed on node web2"), "{}", failed.stderr());
    fleet.checks_fail_on(1, false);

    // it fails when it is live on the first: the other never gets there
    let failed = fleet.update("broken-after-switch").exits(4);
    assert_eq!(Fleet::column(&failed.stdout(), "outcome"), ["reverted"; 2]);
    let steps = Fleet::column(&failed.stdout(), "failed_step");
    assert!(steps[0] != "barrier" && steps[1] == "barrier", "the first node is the gate: {steps:?}");
    assert!(failed.stderr().contains("failed on node web1"), "{}", failed.stderr());

    // it fails on the other when it is live on the first: that one goes back
    let client = fleet.update_up_to_the_barrier("next", &[]);
    second.sh("systemctl stop $(systemctl list-units --plain --no-legend --state=running 'silver-hello.*web.0.service' | \
               awk '{print $1}' | sort -V | tail -1)");
    fleet.let_go();
    let (code, report, said) = Fleet::ended(client);
    assert_eq!(code, 4, "{said}");
    assert_eq!(Fleet::column(&report, "outcome"), ["taken-back", "reverted"]);
    assert_eq!(fleet.versions(), ["1.0.0"; 2]);

    // and with nothing in the way all have it; each registry tells of the same change
    let report = fleet.update("next").ok().stdout();
    assert_eq!(Fleet::column(&report, "outcome"), ["done"; 2]);
    assert_eq!(fleet.versions(), ["1.0.1"; 2]);
    for (visitors, node) in visitors.into_iter().zip([first, second]) {
        let seen = visitors.stop();
        seen.assert_nothing_lost(node.http().page(HOST, "/count").parse().unwrap());
        if node.name() == "web1" {
            seen.assert_all_answered(); // on the other one a release was stopped by hand that had just gone live
        }
    }
    fleet.world.silver(["registry", "pull", "--all"]).ok();
    let event = |node: &str| {
        let log = fleet.world.json(&["registry", "log", "--node", node, "--kind", "deploy"]);
        let number = log.as_array().unwrap().iter().filter_map(|row| row["event"].as_u64()).max().unwrap().to_string();
        fleet.world.json(&["registry", "show", &number, "--node", node])["predicate"]["event"].clone()
    };
    let (one, other) = (event("web1"), event("web2"));
    assert_eq!((&one["outcome"], &one["transition"]), (&Value::from("done"), &other["transition"]));
}

fn signal(client: &Child, signal: Signal) {
    kill_process(Pid::from_child(client), signal).unwrap();
}

fn who_vanishes_is_not_waited_for_and_goes_back() {
    let fleet = Fleet::new(&["web1", "web2"]);
    let second = &fleet.nodes[1];
    fleet.update("good").ok();

    // the power of one of them; the command, which waits for it for a while, sleeps until it is back
    let client = fleet.update_up_to_the_barrier("next", &[]);
    signal(&client, Signal::STOP);
    second.kill().unwrap();
    fleet.let_go();
    second.start().unwrap();
    second.wait();
    signal(&client, Signal::CONT);
    let (code, report, said) = Fleet::ended(client);
    assert_eq!(code, 4, "{said}");
    assert_eq!(Fleet::column(&report, "outcome"), ["reverted"; 2], "{said}");
    assert_eq!(fleet.versions(), ["1.0.0"; 2]);

    // the command: without a word from it, each goes back when its time is over
    let mut client = fleet.update_up_to_the_barrier("next", &["--wait", "6"]);
    client.kill().unwrap();
    client.wait().unwrap();
    fleet.let_go();
    for node in &fleet.nodes {
        node.at_rest();
    }
    assert_eq!(fleet.versions(), ["1.0.0"; 2]);

    // Ctrl-C: they are called back at once
    let client = fleet.update_up_to_the_barrier("next", &[]);
    signal(&client, Signal::INT);
    second.at_rest();
    fleet.let_go();
    let (code, report, said) = Fleet::ended(client);
    assert_eq!(code, 130, "{said}");
    assert_eq!(Fleet::column(&report, "outcome"), ["reverted"; 2], "{said}");
    assert!(said.contains("everything is as before"), "{said}");

    // the network of one of them, for longer than the others wait for it
    let client = fleet.update_up_to_the_barrier("next", &["--wait", "30"]);
    second.partition(true).unwrap();
    fleet.let_go();
    let (code, report, said) = Fleet::ended(client);
    assert_eq!(code, 6, "{said}");
    assert_eq!(Fleet::column(&report, "outcome"), ["reverted", "unknown"], "{said}");
    assert!(said.contains("node web2 cannot be reached any more"), "{said}");
    second.partition(false).unwrap();
    second.at_rest();
    assert_eq!(fleet.versions(), ["1.0.0"; 2]);
    fleet.update("next").ok();
    assert_eq!(fleet.versions(), ["1.0.1"; 2]);
}

/// Is `hello` deployed there?
fn answers(node: &TestNode) -> bool {
    node.http().get(HOST, "/").is_ok_and(|answer| answer.status == 200)
}

fn rows_and_plan_files_are_for_groups_too() {
    let fleet = Fleet::new(&["web1", "web2"]);
    let world = &fleet.world;
    let rows = format!(
        "[pack]\nid = \"org.silver.hello\"\nversion = \"1\"\n\n[[deploy]]\ngroup = \"{GROUP}\"\nlocations = [\"{HOST}\"]\n\n\
         [[deploy]]\nname = \"trial\"\nnode = \"web2\"\nlocations = [\"trial.example.org\"]\n"
    );
    world.write("mine/customize.toml", &rows);
    world.write("mine/templates/index.html", "customised: $greeting");
    let pack = world.hello("good").display().to_string();
    let with = |command: &str, more: &[&str]| {
        let words = [command, &pack, "--customize=mine"].into_iter().chain(more.iter().copied());
        world.silver(words)
    };

    // one row by its name, one by its group
    with("update", &["--to", "trial", "--yes"]).ok();
    assert_eq!(fleet.nodes[1].http().page("trial.example.org", "/"), "customised: Hello");
    assert_eq!(world.json(&["status", "--node", "web1"]).as_array().unwrap().len(), 0);
    with("plan", &["--to", GROUP, "-o", "change.plan"]).ok();
    assert!(!answers(&fleet.nodes[1]), "planning changes nothing");
    let text = fs::read_to_string(world.work().join("change.plan")).unwrap();
    let file: Value = serde_json::from_str(text.split_once('\n').unwrap().1).unwrap();
    let nodes: Vec<&str> = file["plans"].as_array().unwrap().iter().filter_map(|plan| plan["node"].as_str()).collect();
    assert_eq!(nodes, ["web1", "web2"]);

    // on one of them there is something else meanwhile: nothing is done anywhere
    world.silver(["update", &pack, HOST, "--node", "web2", "--yes"]).ok();
    let refused = world.silver(["apply", "change.plan", "--yes"]).exits(1);
    assert!(refused.stderr().contains("the release that is current"), "{}", refused.stderr());
    assert!(!answers(&fleet.nodes[0]));

    // planned by one, carried out by another, on both or none
    with("plan", &["--to", GROUP, "-o", "change.plan"]).ok();
    fleet.checks_fail_on(1, true);
    world.silver(["apply", "change.plan", "--yes"]).exits(4);
    assert!(!answers(&fleet.nodes[0]), "the first one went back as well");
    fleet.checks_fail_on(1, false);
    let mut bob = world.command(["apply", "change.plan", "--yes", "--json"]);
    let applied = world.run(bob.env("USER", "bob")).ok();
    assert_eq!(Fleet::column(&applied.stdout(), "outcome"), ["done"; 2]);
    for node in &fleet.nodes {
        assert_eq!(node.http().page(HOST, "/"), "customised: Hello");
    }
    let superfluous = world.silver(["apply", "change.plan", "--yes"]).exits(1);
    assert!(superfluous.stderr().contains("silver plan"), "{}", superfluous.stderr());
    // all rows at once: there is nothing left to do
    let nothing = with("update", &["--yes"]).ok();
    assert_eq!(nothing.stdout().matches("nothing to do").count(), 3, "{}", nothing.stdout());
}

/// A periodic command that notes that it ran.
fn cron(name: &str, more: &str) -> String {
    let command = r#"["sh", "-c", "echo $SILVER_PHASE >> ${SILVER_DATA_DIR}/db/NAME"]"#.replace("NAME", name);
    format!("\n[[cron]]\nname = \"{name}\"\nschedule = \"0 4 1 1 *\"\ncommand = {command}\n{more}\n")
}

fn a_periodic_command_is_of_one_node_or_of_all() {
    let fleet = Fleet::new(&["web1", "web2"]);
    let zip = |edition: &str| {
        let dir = hello::variant(edition);
        let mut manifest = OpenOptions::new().append(true).open(dir.path().join("pack.toml")).unwrap();
        manifest.write_all((cron("mails", "") + &cron("tidies", "on = \"all\"")).as_bytes()).unwrap();
        let zip = fleet.world.work().join(format!("{edition}.zip")).display().to_string();
        fleet.world.silver(["pack", &dir.path().display().to_string(), "-o", &zip]).ok();
        zip
    };
    // what runs when the time has come: each timer's service
    let runs = |node: &TestNode| {
        let jobs =
            "systemctl list-timers --all --no-legend 'silver-hello*' | grep -o 'silver-[^ ]*.timer' | sed 's/timer$/service/'";
        node.sh(&format!("systemctl start $({jobs}); cd /var/lib/silver/data/hello/db; cat mails tidies 2>/dev/null | wc -l; ls"))
    };
    for (edition, times) in [("good", 1), ("next", 2)] {
        fleet.world.silver(["update", &zip(edition), HOST, "--node", GROUP, "--yes"]).ok();
        let [first, second] = [0, 1].map(|node| runs(&fleet.nodes[node]));
        assert_eq!((first.lines().next(), first.contains("mails")), (Some(&*(2 * times).to_string()), true), "{first}");
        assert_eq!((second.lines().next(), second.contains("mails")), (Some(&*times.to_string()), false), "{second}");
    }
}
