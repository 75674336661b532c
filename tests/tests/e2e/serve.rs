//! `silver serve`: the developer's loop.

use rustix::process::{Pid, Signal, kill_process};
use silver_tests::{World, hello, wait_for};
use std::fs;

const HOST: &str = "hello-dev.localhost";
const MINE: &str = "[pack]\nid = \"org.silver.hello\"\nversion = \"1\"\n\n[settings]\ngreeting = \"Servus\"\n";

#[test]
fn edits_of_pack_and_customization_are_deployed_whatever_the_lock_pins() {
    let world = World::new();
    let toml = world.write("mine/customize.toml", MINE);
    let zip = world.hello("good");
    world.silver(["update", zip.to_str().unwrap(), "--customize=mine", "--yes"]).ok();
    let lock = fs::read_to_string(world.work().join("mine/customize.lock")).unwrap();
    assert!(lock.contains("digest"), "the lock pins the pack: {lock}");

    let source = world.work().join("source");
    hello::write(hello::find("good"), &source).unwrap();
    let manifest = source.join("pack.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("\"A counter\"", "\"First edit\"")).unwrap();
    let mut serve = world.spawn(["serve", "source", "--customize=mine"]);
    let shows = |what: &str| wait_for(what, || world.http().get(HOST, "/").ok().filter(|page| page.body.contains(what)));
    shows("First edit");
    shows("Servus");
    fs::write(&manifest, text.replace("\"A counter\"", "\"Second edit\"")).unwrap();
    shows("Second edit");
    fs::write(&toml, MINE.replace("Servus", "Moin")).unwrap();
    shows("Moin");

    kill_process(Pid::from_child(&serve), Signal::INT).unwrap();
    assert!(serve.wait().unwrap().success());
    assert_eq!(world.http().get(HOST, "/").unwrap().status, 404, "Ctrl-C deactivates it");
    assert_eq!(fs::read_to_string(world.work().join("mine/customize.lock")).unwrap(), lock, "development leaves the lock alone");
}
