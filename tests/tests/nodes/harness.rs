//! The nodes themselves: they boot, reboot, lose power and network as machines do, and leave nothing behind.

use silver_tests::{
    nodes::{TestNode, Tests, access, enter, resolve},
    wait_for,
};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

pub(crate) const TESTS: Tests = &[
    ("a_node_is_a_debian_that_runs_and_lets_in", a_node_is_a_debian_that_runs_and_lets_in),
    ("packages_are_installed_from_a_repository", packages_are_installed_from_a_repository),
    ("a_ready_node_has_them_and_runs_none", a_ready_node_has_them_and_runs_none),
    ("a_reboot_keeps_what_was_written", a_reboot_keeps_what_was_written),
    ("stopping_lets_services_end_and_killing_does_not", stopping_lets_services_end_and_killing_does_not),
    ("a_cut_network_loses_packets_until_it_is_mended", a_cut_network_loses_packets_until_it_is_mended),
    ("a_mended_network_is_there_at_once", a_mended_network_is_there_at_once),
    ("who_comes_or_goes_cuts_off_nobody", who_comes_or_goes_cuts_off_nobody),
    ("memory_of_a_service_is_limited", memory_of_a_service_is_limited),
    ("a_small_disk_fills_up", a_small_disk_fills_up),
    ("nodes_reach_each_other_by_name", nodes_reach_each_other_by_name),
    ("nothing_is_left_when_the_tests_are_killed", nothing_is_left_when_the_tests_are_killed),
];

fn a_node_is_a_debian_that_runs_and_lets_in() {
    let node = TestNode::bare("web1");
    assert_eq!(node.sh("systemctl is-system-running --wait || systemctl --failed --no-legend"), "running");
    assert_eq!(node.sh("cat /etc/debian_version | cut -d. -f1; hostname"), "12\nweb1");
    for (user, script) in [("root", "id -un"), ("deploy", "sudo -n id -un")] {
        let output = node.ssh(user, script);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "root\n", "{user}: {output:?}");
    }
    // its own host key, and no other, was known before it ran
    let host = node.sh("cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub");
    assert_eq!(node.host_key(), host);
    assert_eq!(node.sh("ls /etc/ssh/ssh_host_*_key"), "/etc/ssh/ssh_host_ed25519_key");
}

fn packages_are_installed_from_a_repository() {
    let node = TestNode::bare("web1");
    assert!(!node.try_sh("command -v caddy").status.success());
    node.sh("apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install caddy >/dev/null");
    assert_eq!(node.sh("systemctl is-active caddy"), "active");
    assert!(node.http().page("web1", "/").contains("Caddy"));
    // and there is no other way out
    assert!(!node.try_sh("timeout 5 curl -s http://192.0.2.1/").status.success());
}

fn a_ready_node_has_them_and_runs_none() {
    let node = TestNode::ready("web1");
    for program in ["caddy", "nft", "unattended-upgrade", "fish"] {
        node.sh(&format!("command -v {program}"));
    }
    assert_eq!(node.sh("systemctl is-system-running --wait || systemctl --failed --no-legend"), "running");
    assert_eq!(node.sh("systemctl is-active caddy nftables fail2ban unattended-upgrades | sort -u"), "inactive");
}

fn a_reboot_keeps_what_was_written() {
    let node = TestNode::bare("web1");
    let boot = "cat /proc/sys/kernel/random/boot_id";
    let before = node.sh(boot);
    node.sh("echo kept > /root/kept; echo gone > /run/gone");
    node.reboot().unwrap();
    node.wait();
    assert_ne!(node.sh(boot), before);
    assert_eq!(node.sh("cat /root/kept; test ! -e /run/gone"), "kept");
}

/// A service that notes when it is stopped in good order.
const LAST: &str = "\
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/bin/sh -c 'echo stopped >> /root/last'
[Install]
WantedBy=multi-user.target
";

fn stopping_lets_services_end_and_killing_does_not() {
    let node = TestNode::bare("web1");
    node.sh(&format!("cat > /etc/systemd/system/last.service <<'UNIT'\n{LAST}UNIT\nsystemctl enable --quiet --now last"));
    let stops = || fs::read_to_string(node.disk().join("root/last")).unwrap_or_default().lines().count();
    node.kill().unwrap();
    assert!(!node.is_running());
    assert_eq!(stops(), 0);
    node.start().unwrap();
    node.wait();
    assert_eq!(node.sh("systemctl is-active last"), "active");
    node.stop().unwrap();
    assert!(!node.is_running());
    assert_eq!(stops(), 1);
    // its address comes back with it, and nobody has to forget an old one first
    node.restart().unwrap();
    node.wait();
}

fn a_cut_network_loses_packets_until_it_is_mended() {
    let node = TestNode::bare("web1");
    let ssh = SocketAddr::from((node.address().ip(), 22));
    // a session that is open outlives the cut
    let mut session = access().command(&node, "root", "cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut to, mut from) = (session.stdin.take().unwrap(), BufReader::new(session.stdout.take().unwrap()).lines());
    writeln!(to, "before").unwrap();
    assert_eq!(from.next().unwrap().unwrap(), "before");
    node.partition(true).unwrap();
    assert!(TcpStream::connect_timeout(&ssh, Duration::from_millis(300)).is_err());
    writeln!(to, "meanwhile").unwrap();
    assert_eq!(node.sh("echo the console needs no network"), "the console needs no network");
    node.partition(false).unwrap();
    node.wait();
    assert_eq!(from.next().unwrap().unwrap(), "meanwhile");
    drop(to);
    assert!(session.wait().unwrap().success());
}

/// Also for who comes just before this machine gives up looking for the node, as it does a second after its last question who
/// has that address.
fn a_mended_network_is_there_at_once() {
    let node = TestNode::bare("web1");
    let ssh = SocketAddr::from((node.address().ip(), 22));
    let asked = |kind: &str| fs::read_to_string(format!("/proc/sys/net/ipv4/neigh/silver0/{kind}_solicit")).unwrap();
    let questions: u32 = ["ucast", "mcast"].map(|kind| asked(kind).trim().parse::<u32>().unwrap()).iter().sum();
    let last = format!("probes {questions} INCOMPLETE");
    node.partition(true).unwrap();
    let ip = ssh.ip().to_string();
    let neighbour = |words: &[&str]| Command::new("ip").args(words).args(["to", &ip]).output().unwrap().stdout;
    neighbour(&["neighbour", "flush"]); // what is known is believed for half a minute
    wait_for("the last question", || {
        TcpStream::connect_timeout(&ssh, Duration::from_millis(100)).expect_err("the cable is cut");
        String::from_utf8_lossy(&neighbour(&["-s", "neighbour", "show"])).contains(&last).then_some(())
    });
    node.partition(false).unwrap();
    TcpStream::connect(ssh).unwrap();
}

/// What nodes talk to has an address of its own, not that of whoever came last.
fn who_comes_or_goes_cuts_off_nobody() {
    let node = TestNode::bare("web1");
    let ip = |words: &str| {
        let output = Command::new("ip").args(words.split(' ')).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let known = || node.sh("awk '$1 == \"10.213.7.1\" { print $4 }' /proc/net/arp");
    let address = || ip("-brief link show silver0").split_whitespace().nth(2).unwrap().to_owned();
    let before = address();
    assert_eq!(known(), before);
    ip("link add first address 00:00:00:00:00:01 type veth peer name last");
    ip("link set first master silver0 up");
    assert_eq!(address(), before);
    ip("link delete first");
    assert_eq!(address(), before);
}

fn memory_of_a_service_is_limited() {
    let node = TestNode::bare("web1");
    let greedy = "systemd-run --quiet --wait -p MemoryMax=32M -p MemorySwapMax=0 python3 -c 'bytearray(200 << 20)'";
    assert!(!node.try_sh(greedy).status.success());
    node.sh(&greedy.replace("32M", "400M"));
    // tasks, too
    let many = "systemd-run --quiet --wait -p TasksMax=3 sh -c 'for i in 1 2 3 4; do sleep 1 & done; wait'";
    assert!(!node.try_sh(many).status.success());
}

fn a_small_disk_fills_up() {
    let node = TestNode::small("web1", 64);
    let output = node.try_sh("dd if=/dev/zero of=/root/filler bs=1M");
    assert!(String::from_utf8_lossy(&output.stderr).contains("No space left on device"), "{output:?}");
    node.sh("rm /root/filler; echo room > /root/room");
}

fn nodes_reach_each_other_by_name() {
    let [one, two] = ["web1", "db1"].map(TestNode::bare);
    resolve("db1.example.org", &two);
    let address = SocketAddr::from((two.address().ip(), 22));
    TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap();
    let resolved = Command::new("getent").args(["hosts", "db1.example.org"]).output().unwrap();
    assert!(String::from_utf8_lossy(&resolved.stdout).starts_with(&two.address().ip().to_string()), "{resolved:?}");
    let banner = one.sh(&format!("timeout 5 bash -c 'head -c 4 < /dev/tcp/{}/22'", two.address().ip()));
    assert_eq!(banner, "SSH-");
}

/// As the first argument: start a node and stay.
pub(crate) const HOLD: &str = "hold-a-node";

/// Starts a node, says in which network, and stays until it is killed.
pub(crate) fn hold() -> ExitCode {
    if let Err(exit) = enter() {
        return exit;
    }
    let _node = TestNode::bare("held");
    let network = fs::read_link("/proc/self/ns/net").unwrap();
    std::io::stdout().write_all(format!("{}\n", network.display()).as_bytes()).unwrap();
    loop {
        std::thread::park();
    }
}

fn nothing_is_left_when_the_tests_are_killed() {
    let mut held = Command::new(std::env::current_exe().unwrap());
    // who is not told believes to be outside
    held.arg(HOLD).env_remove("SILVER_TEST_NODES_INSIDE").stdout(Stdio::piped());
    let mut held = held.spawn().unwrap();
    let line = BufReader::new(held.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    let network = line.strip_prefix("net:[").and_then(|line| line.strip_suffix(']')).unwrap().to_owned();
    let groups = || find(Path::new("/sys/fs/cgroup"), &format!("silver-node.{network}."), 2);
    assert!(!groups().is_empty());
    held.kill().unwrap(); // with SIGKILL
    held.wait().unwrap();
    wait_for("every process of the node to end", || {
        silver_providers::node::sweep();
        groups().is_empty().then_some(())
    });
}

/// Directories below `dir`, so deep, whose names begin so.
fn find(dir: &Path, start: &str, depth: usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        if entry.file_name().to_string_lossy().starts_with(start) {
            found.push(entry.path());
        } else if depth > 1 {
            found.extend(find(&entry.path(), start, depth - 1));
        }
    }
    found
}
