//! Getting in: another host key, a wrong sudo, login shells that talk or are none, a clock that is off.

use silver_tests::{
    Visitors, World,
    nodes::{
        TestNode, Tests,
        server::{HOST, Server},
    },
    wait_for,
};
use std::process::Command;

pub(crate) const TESTS: Tests = &[
    ("another_host_key_is_refused_and_the_way_out_is_said", another_host_key_is_refused_and_the_way_out_is_said),
    ("sudo_that_asks_for_a_password_is_said_and_changes_nothing", sudo_that_asks_for_a_password_is_said_and_changes_nothing),
    ("login_shells_that_talk_or_are_fish_do_not_matter", login_shells_that_talk_or_are_fish_do_not_matter),
    ("an_operator_whose_clock_is_off_by_ten_years_deploys", an_operator_whose_clock_is_off_by_ten_years_deploys),
    ("a_server_whose_clock_was_off_by_ten_years_goes_on", a_server_whose_clock_was_off_by_ten_years_goes_on),
];

fn another_host_key_is_refused_and_the_way_out_is_said() {
    let server = Server::new();
    server.update("good").ok();
    let visitors = Visitors::start(&server.http(), HOST);
    wait_for("visitors", || (visitors.so_far() > 0).then_some(()));
    server.node.sh("rm /etc/ssh/ssh_host_ed25519_key*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key");
    server.node.restart().unwrap(); // and with it what ssh had open
    wait_for("sshd", || {
        // of several units one that is active would do
        let active =
            server.node.exec("systemctl is-active --quiet ssh && systemctl is-active --quiet systemd-user-sessions").ok()?;
        active.status.success().then_some(())
    });
    wait_for("the application", || server.version());
    let refused = server.update("next").exits(8);
    for word in ["has another key", "hint:", "--renew"] {
        assert!(refused.stderr().contains(word), "`{word}`: {}", refused.stderr());
    }
    assert_eq!(server.version().unwrap(), "1.0.0");
    assert_eq!(server.world.json(&["list-nodes"])[0]["state"], "another host key");
    let key = server.node.sh("cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub");
    server.world.silver(["add-node", "web1", "--renew", "--host-key", &key]).ok();
    server.update("next").ok();
    assert_eq!(server.settled(), "1.0.1");
    visitors.stop().assert_nothing_lost(server.count());
}

fn sudo_that_asks_for_a_password_is_said_and_changes_nothing() {
    let server = Server::new();
    server.update("good").ok();
    server.node.sh("sed -i 's/NOPASSWD: //' /etc/sudoers.d/deploy; echo deploy:secret | chpasswd; pkill -u deploy || true");
    let refused = server.update("next");
    assert!([1, 6].contains(&refused.code()), "{}", refused.snapshot());
    for word in ["sudo", "hint:"] {
        assert!(refused.stderr().contains(word), "`{word}`: {}", refused.stderr());
    }
    assert_eq!(server.version().unwrap(), "1.0.0");
}

fn login_shells_that_talk_or_are_fish_do_not_matter() {
    let server = Server::new();
    server.node.sh("echo 'echo welcome to web1; echo; head -c 30000 /dev/zero | tr \"\\\\0\" x; echo' > /home/deploy/.bashrc");
    server.update("good").ok();
    server.node.sh("usermod --shell /usr/bin/fish deploy; pkill -u deploy || true");
    server.update("next").ok();
    assert_eq!(server.settled(), "1.0.1");
}

fn an_operator_whose_clock_is_off_by_ten_years_deploys() {
    let server = Server::new();
    server.update("good").ok();
    let mut words = server.update_words("next");
    words.extend(["--node".into(), "web1".into()]);
    let plain = server.world.command(words);
    let mut ahead = Command::new("faketime");
    ahead.args(["-f", "+10y"]).arg(plain.get_program()).args(plain.get_args()).current_dir(server.world.work()).env_clear();
    ahead.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    server.world.run(&mut ahead).ok();
    assert_eq!(server.settled(), "1.0.1");
    assert!(server.http().page(HOST, "/").contains("1.0.1"));
    // the node's own time is in its records
    let log = server.json(&["releases", "hello"]);
    let year = server.node.sh("date +%Y");
    assert!(log.to_string().contains(&year), "{log}");
}

/// From now on everything that is started on the node has this time: silver's agent, which root's login starts, and all
/// units. Systemd's own programs have the right one, as systemd itself has; with two they do not agree.
fn clock(server: &Server, off: Option<&str>) {
    let variables = match off {
        Some(off) => {
            format!("LD_PRELOAD=$(ls /usr/lib/*/faketime/libfaketime.so.1) FAKETIME={off} FAKETIME_DONT_FAKE_MONOTONIC=1")
        }
        None => String::new(),
    };
    for program in ["systemctl", "systemd-run"] {
        let text = format!("#!/bin/sh\\nunset LD_PRELOAD\\nexec /usr/bin/{program} \"$@\"\\n");
        server.node.sh(&format!("printf '{text}' >/usr/local/bin/{program}; chmod 755 /usr/local/bin/{program}"));
    }
    server.node.sh(&format!(
        "systemctl unset-environment LD_PRELOAD FAKETIME FAKETIME_DONT_FAKE_MONOTONIC; : >/etc/environment; \
         for v in {variables}; do echo $v >>/etc/environment; systemctl set-environment $v; done; \
         pkill -f '[s]shd: root' || true"
    ));
}

fn a_server_whose_clock_was_off_by_ten_years_goes_on() {
    let server = Server { world: World::new(), node: TestNode::ready("web1") };
    server.world.write("nodes.toml", "[organisation]\ntls = \"off\"\n");
    let (to, key) = (server.node.target("root"), server.node.host_key());
    server.world.silver(["add-node", "web1", &to, "--host-key", key]).ok();
    server.world.silver(["setup-node", "web1", "--yes"]).ok();
    let year: u32 = server.node.sh("date +%Y").parse().unwrap();
    let current = || {
        let releases = server.json(&["releases", "hello"]);
        let row = releases.as_array().unwrap().iter().find(|row| row["current"] == true);
        row.unwrap_or_else(|| panic!("{releases}"))["release"].as_str().unwrap().to_owned()
    };
    // far ahead, far behind, and right again: what was deployed last is what counts
    let clocks =
        [(None, "good", year), (Some("+10y"), "next", year + 10), (Some("-10y"), "good", year - 10), (None, "next", year)];
    let mut labels = Vec::new();
    for (off, edition, year) in clocks {
        clock(&server, off);
        let words = server.update_words(edition).into_iter().chain(["--allow-downgrade".into()]);
        server.silver(words).ok();
        assert_eq!(server.settled(), if edition == "good" { "1.0.0" } else { "1.0.1" });
        labels.push(current());
        assert!(current().starts_with(&format!("hello.{year}")), "{off:?}: {labels:?}");
    }
    for label in labels.iter().rev().skip(1) {
        server.silver(["rollback", "hello", "--yes"]).ok();
        assert_eq!(current(), *label, "{labels:?}");
    }
    server.silver(["doctor"]).ok();
    server.world.silver(["registry", "pull", "web1"]).ok();
    server.silver(["registry", "verify"]).ok();
}
