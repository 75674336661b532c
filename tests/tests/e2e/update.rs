//! `silver update`: first deployment, nothing to do, the next version, a customization.

use silver_tests::{World, hello};
use std::fs;

const HOST: &str = "hello.localhost";

const CUSTOMIZE: &str = r#"[pack]
id = "org.silver.hello"
version = "1"

[settings]
greeting = "Good morning"
"#;

#[test]
fn a_first_update_serves_and_a_second_one_has_nothing_to_do() {
    let world = World::new();
    world.update("good").ok();
    assert!(world.http().page(HOST, "/").contains("Hello"));
    let events = world.json(&["registry", "log"]).as_array().unwrap().len();
    let again = world.update("good").ok();
    assert!(again.stdout().contains("nothing to do") || again.stderr().contains("nothing to do"), "{}", again.snapshot());
    assert_eq!(world.json(&["releases", "hello"]).as_array().unwrap().len(), 1);
    assert_eq!(world.json(&["registry", "log"]).as_array().unwrap().len(), events, "no new event either");
}

#[test]
fn a_setting_without_default_is_given_on_the_command_line() {
    let world = World::new();
    let source = world.work().join("source");
    hello::write(hello::find("good"), &source).unwrap();
    let manifest = source.join("pack.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("default = \"Hello\"\n", "")).unwrap();
    world.silver(["pack", "source", "-o", "hello.zip"]).ok();
    world.write("mine/customize.toml", &CUSTOMIZE.replace("greeting = \"Good morning\"", ""));

    let refused = world.silver(["update", "hello.zip", "--yes"]).exits(2).stderr();
    assert!(refused.contains("`greeting`") && refused.contains("--set NAME=VALUE"), "{refused}");
    world.silver(["update", "hello.zip", "--customize=mine", "--yes"]).exits(2);
    let wrong = world.silver(["update", "hello.zip", "--set", "greting=Moin", "--yes"]).exits(2).stderr();
    assert!(wrong.contains("`greting`") && wrong.contains("`greeting`"), "{wrong}");

    world.silver(["update", "hello.zip", "--set", "greeting=Moin", "--yes"]).ok();
    assert!(world.http().page(HOST, "/").contains("Moin"));
    world.silver(["update", "hello.zip", "--customize=mine", "--set", "greeting=Servus", "--yes"]).ok();
    assert!(world.http().page(HOST, "/").contains("Servus"));
}

#[test]
fn a_customization_is_merged_and_explained() {
    let world = World::new();
    let zip = world.hello("good");
    world.write("mine/customize.toml", CUSTOMIZE);
    world.write("mine/templates/index.html", "customised: $greeting");
    let zip = zip.to_str().unwrap();
    world.silver(["update", zip, "--customize=mine/", "--yes"]).ok();
    assert_eq!(world.http().page(HOST, "/"), "customised: Good morning");

    let why = world.silver(["explain", "hello", "templates/index.html"]).ok().stdout();
    assert!(why.contains("slot templates") && why.contains("customization:templates/index.html"), "{why}");
}

#[test]
fn a_dry_run_changes_nothing() {
    let world = World::new();
    let zip = world.hello("good");
    world.silver(["update", zip.to_str().unwrap(), "--dry-run"]).ok();
    assert_eq!(world.http().get(HOST, "/").map_or(404, |answer| answer.status), 404);
    assert!(world.json(&["registry", "log"]).as_array().unwrap().is_empty());
}
