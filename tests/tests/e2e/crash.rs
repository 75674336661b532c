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
