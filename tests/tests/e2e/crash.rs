//! Kill -9 of the command and of the agent at every step: old or new is live, never a mixture;
//! nothing is lost; the next command says what is what.

use silver_tests::{Visitors, World, wait_for};

const HOST: &str = "hello.localhost";

#[test]
fn a_command_that_is_killed_leaves_old_or_new() {
    let world = World::new();
    world.update("good").ok();
    let zip = world.hello("breaking");
    let visitors = Visitors::start(&world.http(), HOST);
    // at many moments of the whole: from before it connects to after it is done
    for pause in (0..40).map(|step| std::time::Duration::from_millis(step * 60)) {
        let mut command = world.spawn(["update", zip.to_str().unwrap(), "--yes"]);
        std::thread::sleep(pause);
        command.kill().unwrap();
        command.wait().unwrap();
        let version = wait_for("an answer", || version(&world));
        assert!(version == "1.0.0" || version == "2.0.0", "{version}");
        if version == "2.0.0" {
            break;
        }
    }
    // a transition that was submitted is carried through by the node: until then the next command
    // finds the lock held
    wait_for("the node to end what was submitted", || match world.update("breaking") {
        ran if ran.code() == 7 => None,
        ran => Some(ran.ok()),
    });
    assert_eq!(version(&world).unwrap(), "2.0.0");
    visitors.stop().assert_nothing_lost(world.http().page(HOST, "/count").parse().unwrap());
}

fn version(world: &World) -> Option<String> {
    let answer = world.http().get(HOST, "/who").ok()?;
    let facts: serde_json::Value = serde_json::from_str(&answer.body).ok()?;
    facts["version"].as_str().map(str::to_owned)
}

#[test]
fn an_agent_that_is_killed_when_a_step_begins_is_recovered_by_the_next() {
    killed_at_every_step("begin");
}

#[test]
fn an_agent_that_is_killed_when_a_step_is_done_is_recovered_by_the_next() {
    killed_at_every_step("done");
}

/// A breaking update, with an agent that dies at that moment of each step in turn.
fn killed_at_every_step(moment: &str) {
    let world = World::new();
    world.update("good").ok();
    let zip = world.hello("breaking");
    let plan = world.json(&["update", zip.to_str().unwrap(), "--dry-run"]);
    let steps: Vec<_> =
        plan["transition"]["steps"].as_array().unwrap().iter().map(|step| step["id"].as_str().unwrap().to_owned()).collect();
    let open = steps.iter().position(|step| step == "open").unwrap();
    for (index, step) in steps.iter().enumerate() {
        assert_eq!(world.http().post(HOST, "/count", "").unwrap().status, 200);
        let count = world.http().page(HOST, "/count");
        world.silver(["local", "stop"]).ok();
        let mut doomed = world.spawn(["agent", "--port", &world.port().to_string(), "--die-at", &format!("{step}:{moment}")]);
        wait_for("the doomed agent", || (world.json(&["local", "status"])[0]["running"] == true).then_some(()));
        // the command finds the agent gone, starts another, and hears from it how it ended
        // from the moment that `open` begins requests may have got through
        let new = index >= open;
        world.update("breaking").exits(if new { 0 } else { 4 });
        assert!(!doomed.wait().unwrap().success(), "{step}");

        // the next command says what is what, and what it says is so
        let apps = world.json(&["status"]);
        let told = apps[0]["version"].as_str().unwrap().to_owned();
        assert_eq!(told, if new { "2.0.0" } else { "1.0.0" }, "killed at {step}:{moment}");
        assert_eq!(wait_for("the app", || version(&world)), told, "killed at {step}:{moment}");
        assert_eq!(world.http().page(HOST, "/count"), count, "killed at {step}:{moment}");
        let outcome = world
            .json(&["registry", "log"])
            .as_array()
            .unwrap()
            .iter()
            .rfind(|event| event["kind"] == "deploy")
            .unwrap()["outcome"]
            .clone();
        assert_eq!(outcome, if new { "done" } else { "reverted" }, "killed at {step}:{moment}");
        if new {
            world.silver(["rollback", "hello", "--yes"]).ok();
        }
    }
    world.silver(["registry", "verify"]).ok();
    world.update("breaking").ok();
}
