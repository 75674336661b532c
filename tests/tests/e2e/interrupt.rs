//! Ctrl-C: before an update is submitted nothing has changed, after it the node finishes it and the
//! next command says how. The exit code is 130 in both cases.

use rustix::process::{Pid, Signal, kill_process};
use silver_tests::{Onlooker, World, wait_for};
use std::{
    fs,
    process::{Child, Output},
};

const HOST: &str = "hello.localhost";

/// Starts an update and waits until it hears signals: before that a signal ends any program.
fn started(world: &World, edition: &str) -> Child {
    let zip = world.hello(edition);
    let child = world.spawn(["update", zip.to_str().unwrap(), "--yes"]);
    let status = format!("/proc/{}/status", child.id());
    wait_for("a handler for SIGINT", || {
        let text = fs::read_to_string(&status).unwrap();
        let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
        (u64::from_str_radix(caught.trim(), 16).unwrap() & 2 != 0).then_some(())
    });
    child
}

fn interrupt(child: Child) -> (Output, String) {
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, said)
}

fn events(world: &World) -> usize {
    world.json(&["registry", "log"]).as_array().unwrap().len()
}

#[test]
fn before_it_is_submitted_nothing_has_changed() {
    let world = World::new();
    let (output, said) = interrupt(started(&world, "good"));
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.ends_with("error: interrupted: nothing has changed\n"), "{said}");
    assert!(!world.home().join("data/nodes/local/apps/hello.json").exists());

    world.update("good").ok();
    let (before, releases) = (events(&world), world.json(&["releases", "hello"]));
    // an agent that does not answer yet: an update would be through before it is interrupted
    let agent =
        world.json(&["local", "status"])[0]["pid"].as_i64().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).unwrap();
    kill_process(agent, Signal::STOP).unwrap();
    let (output, said) = interrupt(started(&world, "next"));
    kill_process(agent, Signal::CONT).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.ends_with("error: interrupted: nothing has changed\n"), "{said}");
    assert_eq!((events(&world), world.json(&["releases", "hello"])), (before, releases));
    assert!(world.http().page(HOST, "/").contains("1.0.0"));
    world.update("next").ok();
}

#[test]
fn another_command_looks_on_at_a_change_and_finds_it_done() {
    let world = World::new();
    world.update("good").ok();
    let (first, hold) = world.held("held-migrate");
    let second = Onlooker::new(world.spawn(["update", world.hello("held-migrate").to_str().unwrap(), "--yes"]));
    hold.let_go();
    world.ended(first).ok();
    let (code, said) = second.ended();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the change of hello is done: hello."), "{said}");
    assert!(said.contains("nothing to do"), "{said}");
}

#[test]
fn after_it_was_submitted_the_node_finishes_and_the_next_command_says_how() {
    let world = World::new();
    world.update("good").ok();
    let (child, hold) = world.held("held-migrate");
    let (output, said) = interrupt(child);
    hold.let_go();
    assert_eq!(output.status.code(), Some(130), "{said}");
    for word in ["interrupted: the node finishes", "hint:", "silver status"] {
        assert!(said.contains(word), "{said}");
    }
    wait_for("the node to finish", || (world.json(&["status"])[0]["version"] == "2.0.4").then_some(()));
    let again = wait_for("the next command", || Some(world.update("held-migrate")).filter(|ran| ran.code() != 7)).ok();
    assert!(again.stdout().contains("nothing to do"), "{}", again.snapshot());
    let log = world.json(&["registry", "log"]);
    let last = log.as_array().unwrap().iter().rfind(|event| event["kind"] == "deploy").unwrap();
    assert_eq!(last["outcome"], "done");
    assert!(world.http().page(HOST, "/").contains("2.0.4"));
}

#[test]
fn at_any_moment_what_it_says_is_so() {
    let world = World::new();
    world.update("good").ok();
    for pause in (0..30).map(|step| std::time::Duration::from_millis(step * 40)) {
        let before = events(&world);
        let child = started(&world, "next");
        // moments of the whole, each a little later
        std::thread::sleep(pause);
        let (output, said) = interrupt(child);
        match output.status.code() {
            Some(130) if said.contains("nothing has changed") => {
                assert_eq!(events(&world), before, "{pause:?}");
                assert!(world.http().page(HOST, "/").contains("1.0.0"), "{pause:?}");
            }
            Some(130) => {
                assert!(said.contains("the node finishes"), "{said}");
                wait_for("the node to finish", || (world.json(&["status"])[0]["version"] == "1.0.1").then_some(()));
                break;
            }
            // done before it heard
            Some(0) => break,
            _ => panic!("{pause:?}: {output:?}"),
        }
    }
    let ran = wait_for("the next command", || Some(world.update("next")).filter(|ran| ran.code() != 7));
    ran.ok();
    world.silver(["registry", "verify"]).ok();
}

/// An index that accepts connections and says nothing: who waits for it can be interrupted at leisure.
#[test]
fn a_command_that_only_computes_ends_with_a_word_and_leaves_nothing() {
    let world = World::new();
    let dir = world.work().join("app");
    fs::create_dir_all(&dir).unwrap();
    let manifest = "format = 1\n[pack]\nid = \"org.example.slow\"\nname = \"slow\"\nversion = \"1.0.0\"\n\
        [build]\npython = { requirements = \"requirements.lock\", wheels = \"wheels\" }\n[runtime]\nkind = \"python\"\n\
        [processes.web]\ncallable = \"wsgi:application\"\n";
    fs::write(dir.join("pack.toml"), manifest).unwrap();
    fs::write(dir.join("wsgi.py"), "").unwrap();
    fs::write(dir.join("requirements.lock"), format!("slow==1.0 --hash=sha256:{}\n", "a".repeat(64))).unwrap();
    let (out, temporary) = (world.work().join("out"), world.work().join("temporary"));
    fs::create_dir_all(&out).unwrap();
    fs::create_dir_all(&temporary).unwrap();
    let index = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://127.0.0.1:{}/simple/", index.local_addr().unwrap().port());
    let mut pack = world.command(["pack", dir.to_str().unwrap(), "-o", out.to_str().unwrap(), "--index", &address]);
    let child = pack.env("TMPDIR", &temporary).spawn().unwrap();
    let asked = index.accept().unwrap(); // pip waits for its answer
    let (output, said) = interrupt(child);
    drop(asked);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.ends_with("error: interrupted: nothing has changed\n"), "{said}");
    for dir in [&out, &temporary] {
        let left: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
