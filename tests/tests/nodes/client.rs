//! The operator's side is lost: the command is killed for good, the network is cut. The node carries on by itself.

use rustix::process::{Pid, Signal, kill_process};
use silver_tests::{
    Onlooker, Visitors, World,
    nodes::{
        Tests,
        server::{HOST, Server},
    },
    wait_for,
};
use std::{fs, path::Path, process::Child, time::Duration};

pub(crate) const TESTS: Tests = &[
    ("a_command_that_is_killed_leaves_old_or_new", a_command_that_is_killed_leaves_old_or_new),
    ("a_migration_goes_on_when_its_operator_is_gone", a_migration_goes_on_when_its_operator_is_gone),
    ("a_switch_goes_on_when_its_operator_is_gone", a_switch_goes_on_when_its_operator_is_gone),
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
    let seen = visitors.stop();
    seen.assert_all_answered();
    seen.assert_nothing_lost(server.count());
}

/// How the operator's side is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// The command is killed for good.
    Command,
    /// The network is cut, and mended when all is over.
    Network,
    /// What the command talks to on the node is killed.
    Agent,
}

fn a_migration_goes_on_when_its_operator_is_gone() {
    goes_on("held-migrate", "2.0.4");
}

fn a_switch_goes_on_when_its_operator_is_gone() {
    goes_on("held-switch", "2.0.5");
}

/// The operator is lost while an update to this edition waits.
fn goes_on(edition: &str, version: &str) {
    let server = Server::new();
    server.update("good").ok();
    for loss in [Loss::Command, Loss::Network, Loss::Agent] {
        let visitors = Visitors::start(&server.http(), HOST);
        let (mut client, hold) = server.held(edition);
        match loss {
            Loss::Command => {
                client.kill().unwrap();
                client.wait().unwrap();
            }
            Loss::Network => server.node.partition(true).unwrap(),
            Loss::Agent => drop(server.node.sh("pkill -KILL -f '[a]gent stdio'")),
        }
        if loss == Loss::Command && edition == "held-migrate" {
            let status = server.silver(["status"]).ok().stderr();
            assert!(status.contains("hello: the change ") && status.contains(" is under way at `migrate`"), "{status}");
        }
        hold.let_go();
        // on the node it ends without anybody who looks on
        server.node.at_rest();
        if loss == Loss::Network {
            server.node.partition(false).unwrap();
        }
        if loss != Loss::Command {
            // the command comes back by itself
            server.world.ended(client).ok();
        }
        assert_eq!(server.settled(), version, "without its {loss:?}");
        assert_eq!(server.recorded().0, "done", "without its {loss:?}");
        let seen = visitors.stop();
        if loss != Loss::Network {
            seen.assert_all_answered(); // visitors come by the network that is cut
        }
        seen.assert_nothing_lost(server.count());
        server.silver(["rollback", "hello", "--yes"]).ok();
        assert_eq!(server.settled(), "1.0.0", "without its {loss:?}");
    }
}

/// Bytes that take long enough on their way to be cut.
const NOISE: usize = 128 << 20;

fn an_upload_that_was_cut_changes_nothing() {
    let server = Server::new();
    server.update("good").ok();
    let before = server.json(&["releases", "hello"]);
    let visitors = Visitors::start(&server.http(), HOST);
    let dir = silver_tests::hello::variant("next");
    let mut state = 1_u64;
    let mut noise = Vec::with_capacity(NOISE);
    while noise.len() < NOISE {
        // what no compression makes smaller
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        noise.extend(state.to_ne_bytes());
    }
    fs::write(dir.path().join("noise.bin"), noise).unwrap();
    let zip = server.world.work().join("large.zip");
    server.world.silver(["pack", dir.path().to_str().unwrap(), "-o", zip.to_str().unwrap()]).ok();
    let words = ["update", zip.to_str().unwrap(), HOST, "--yes"];
    let unchanged = || {
        assert_eq!(server.json(&["releases", "hello"]), before);
        assert_eq!(server.settled(), "1.0.0");
    };
    let again = || wait_for("the lock to fall", || Some(server.silver(words)).filter(|ran| ran.code() != 7));

    // the command stands still in the middle, so that others find it there, and is killed
    let other = World::new();
    fs::copy(server.world.work().join("nodes.toml"), other.work().join("nodes.toml")).unwrap();
    let next = other.hello("next");
    let mut client = in_the_middle(&server, server.spawn(words));
    let refused = other.silver(["update", next.to_str().unwrap(), HOST, "--node", "web1", "--yes"]).exits(7);
    for word in ["`hello` is locked by ", "hint:"] {
        assert!(refused.stderr().contains(word), "`{word}`: {}", refused.stderr());
    }
    client.kill().unwrap();
    client.wait().unwrap();
    unchanged();
    let talks = || server.node.try_sh("pgrep -f '[a]gent stdio'").status.success();
    wait_for("the command's agent to end", || (!talks()).then_some(()));

    // the network is cut for longer than the command waits
    let client = in_the_middle(&server, server.spawn(words));
    server.node.partition(true).unwrap();
    signal(&client, Signal::CONT);
    let broken = server.world.ended(client).exits(6);
    assert!(broken.stderr().contains("the connection to node `web1` broke"), "{}", broken.stderr());
    server.node.partition(false).unwrap();
    unchanged();

    again().ok();
    assert_eq!(server.settled(), "1.0.1");
    visitors.stop().assert_nothing_lost(server.count());
}

/// Stops the command when a part of its pack is on the node.
fn in_the_middle(server: &Server, client: Child) -> Child {
    let uploads = server.node.root().unwrap().join("var/lib/silver/registry/tmp");
    let before = part(&uploads);
    wait_for("a part of the pack", || (part(&uploads) > before).then_some(()));
    signal(&client, Signal::STOP);
    client
}

/// How much of packs is there.
fn part(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => part(&entry.path()),
        Ok(meta) if entry.path().extension().is_some_and(|end| end == "part") => meta.len(),
        _ => 0,
    };
    entries.map(size).sum()
}

fn signal(client: &Child, signal: Signal) {
    kill_process(Pid::from_child(client), signal).unwrap();
}

fn two_operators_at_once_are_one_after_the_other() {
    let server = Server::new();
    server.update("good").ok();
    let visitors = Visitors::start(&server.http(), HOST);
    let other = World::new();
    fs::copy(server.world.work().join("nodes.toml"), other.work().join("nodes.toml")).unwrap();
    let theirs = |words: &[&str]| other.spawn(words.iter().chain(&["--node", "web1", "--yes"]));

    // the second one is told, looks on, and plans on what the first one has left
    let zip = other.hello("held-switch");
    let (first, hold) = server.held("held-migrate");
    let second = Onlooker::new(theirs(&["update", zip.to_str().unwrap(), HOST]));
    hold.let_go(); // both of them
    server.world.ended(first).ok();
    let (code, said) = second.ended();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the change of hello is done: hello."), "{said}");
    assert_eq!(server.settled(), "2.0.5");
    let seen = visitors.stop();
    seen.assert_all_answered();
    seen.assert_nothing_lost(server.count());

    // so does who wants something else; of a change that has failed nobody goes back once more
    for version in ["2.0.4", "1.0.0"] {
        server.silver(["rollback", "hello", "--yes"]).ok();
        assert_eq!(server.settled(), version);
    }
    server.update("next").ok();
    let (first, hold) = server.held("held-migrate");
    let second = Onlooker::new(theirs(&["rollback", "hello"]));
    hold.fail();
    server.world.ended(first).exits(4);
    let (code, said) = second.ended();
    assert!(code == Some(0) && said.contains("nothing to do: "), "{code:?}: {said}");
    assert_eq!(server.settled(), "1.0.1");
    let (first, hold) = server.held("held-migrate");
    let second = Onlooker::new(theirs(&["disable", "hello"]));
    hold.let_go();
    server.world.ended(first).ok();
    let (code, said) = second.ended();
    assert!(code == Some(0) && said.contains("hello is disabled"), "{code:?}: {said}");
    assert_eq!(server.http().get(HOST, "/").unwrap().status, 503);
}
