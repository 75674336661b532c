//! `silver plan -o FILE` and `silver apply FILE`: what was planned is what is done, or nothing is.

use silver_tests::World;
use std::fs;

const HOST: &str = "hello.localhost";
const CUSTOMIZE: &str = "[pack]\nid = \"org.silver.hello\"\nversion = \"1\"\n\n[settings]\ngreeting = \"Moin\"\n";

/// Nothing is deployed, and a change is planned: the pack `hello.zip`, customised in `mine`.
fn planned() -> World {
    let world = World::new();
    fs::copy(world.hello("good"), world.work().join("hello.zip")).unwrap();
    world.write("mine/customize.toml", CUSTOMIZE);
    world.write("mine/templates/index.html", "first: $greeting");
    plan(&world);
    world
}

fn plan(world: &World) {
    world.silver(["plan", "hello.zip", "--customize=mine", "--reason", "ticket 7", "-o", "change.plan"]).ok();
}

fn events(world: &World) -> usize {
    world.json(&["registry", "log"]).as_array().unwrap().len()
}

#[test]
fn what_was_planned_by_one_is_done_by_another_and_recorded_so() {
    let world = planned();
    assert_eq!(events(&world), 0, "planning changes nothing");
    assert!(!world.work().join("mine/customize.lock").exists());
    let text = fs::read_to_string(world.work().join("change.plan")).unwrap();
    let body: serde_json::Value = serde_json::from_str(text.split_once('\n').unwrap().1).unwrap();

    let mut bob = world.command(["apply", "change.plan", "--yes", "--json"]);
    let ran = world.run(bob.env("USER", "bob")).ok();
    let report: serde_json::Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert_eq!(world.http().page(HOST, "/"), "first: Moin");
    assert!(world.work().join("mine/customize.lock").exists());

    let statement = world.json(&["registry", "show", "0"]);
    let record = &statement["predicate"];
    assert!(record["by"]["claimed"].as_str().unwrap().starts_with("bob@"), "{record}");
    assert_eq!(record["event"]["extra"]["planned-by"], body["planned-by"]);
    assert_eq!(record["event"]["plan"], report["plan"], "the digest of what was approved");
    assert_eq!(record["reason"], "ticket 7");

    // the second time it is not what is there any more
    let again = world.silver(["apply", "change.plan", "--yes"]).exits(1).stderr();
    assert!(again.contains("the release that is current") && again.contains("silver plan"), "{again}");
    assert_eq!(events(&world), 1);
}

#[test]
fn what_differs_from_what_was_planned_is_named_and_nothing_is_done() {
    let world = planned();
    let refused = |why: &str| {
        let ran = world.silver(["apply", "change.plan", "--yes"]).exits(1).stderr();
        assert!(ran.contains("not what was approved") && ran.contains(why), "{why}: {ran}");
        assert_eq!(events(&world), 0, "{why}");
    };
    world.write("mine/templates/index.html", "second: $greeting");
    refused("the customization");
    world.write("mine/templates/index.html", "first: $greeting");
    let good = fs::read(world.work().join("hello.zip")).unwrap();
    fs::copy(world.hello("next"), world.work().join("hello.zip")).unwrap();
    refused("the pack");
    fs::write(world.work().join("hello.zip"), good).unwrap();
    world.silver(["apply", "change.plan", "--dry-run"]).ok();
    assert_eq!(events(&world), 0);

    // somebody deploys something else first
    world.update("next").ok();
    let ran = world.silver(["apply", "change.plan", "--yes"]).exits(1).stderr();
    assert!(ran.contains("the release that is current"), "{ran}");
    assert_eq!(events(&world), 1);
    // or changes what the node has
    world.silver(["plan", "hello.zip", "--customize=mine", "--allow-downgrade", "-o", "change.plan"]).ok();
    world.silver(["disable", "hello", "--yes"]).ok();
    let ran = world.silver(["apply", "change.plan", "--yes"]).exits(1).stderr();
    assert!(ran.contains("not what was approved") && ran.contains("the steps"), "{ran}");
}

#[test]
fn an_altered_plan_file_is_refused_and_so_is_what_is_none() {
    let world = planned();
    let text = fs::read_to_string(world.work().join("change.plan")).unwrap();
    for (from, to) in
        [("\"greeting\": \"Moin\"", "\"greeting\": \"Tach\""), ("ticket 7", "ticket 8"), ("\"keep\": 3", "\"keep\": 0")]
    {
        assert!(text.contains(from), "{from}: {text}");
        world.write("altered.plan", &text.replace(from, to));
        let ran = world.silver(["apply", "altered.plan", "--yes"]).exits(8).stderr();
        assert!(ran.contains("was altered"), "{ran}");
    }
    // altered with care: the digest fits, and the plan is not what comes out
    let body = text.split_once('\n').unwrap().1.replace("\"keep\": 3", "\"keep\": 0");
    let digest = silver_pack::hash::sha256(body.as_bytes());
    world.write("altered.plan", &format!("silver-plan 1 {digest}\n{body}"));
    let ran = world.silver(["apply", "altered.plan", "--yes"]).exits(1).stderr();
    assert!(ran.contains("not what was approved"), "{ran}");
    world.write("none.plan", "hello\n");
    world.silver(["apply", "none.plan", "--yes"]).exits(2);
    world.silver(["apply", "absent.plan", "--yes"]).exits(2);
    assert_eq!(events(&world), 0);
}

#[test]
fn a_plan_file_holds_no_value_of_a_secret_and_they_are_taken_when_it_is_applied() {
    const CANARY: &str = "canary-9b1c77e0";
    let world = planned();
    // the operator gives the token instead of the node
    let dir = silver_tests::hello::variant("good");
    let manifest = dir.path().join("pack.toml");
    let text = fs::read_to_string(&manifest).unwrap().replace("generate = \"hex:16\"", "prompt = \"The token\"");
    fs::write(&manifest, text).unwrap();
    world.silver(["pack", dir.path().to_str().unwrap(), "-o", "hello.zip"]).ok();
    world.write("mine/customize.toml", &format!("{CUSTOMIZE}\n[secrets]\ntoken = \"env:TOKEN\"\n"));
    let args = ["plan", "hello.zip", "--customize=mine", "-o", "change.plan"];
    let ran = world.run(world.command(args).env("TOKEN", CANARY)).ok();
    let text = fs::read_to_string(world.work().join("change.plan")).unwrap();
    assert!(text.contains("token (given)"), "{text}");
    for said in [text, ran.stdout(), ran.stderr()] {
        assert!(!said.contains(CANARY), "{said}");
    }
    let apply = ["apply", "change.plan", "--yes"];
    let without = world.silver(apply).exits(1).stderr();
    assert!(without.contains("TOKEN"), "{without}");
    world.run(world.command(apply).env("TOKEN", CANARY)).ok();
}

#[test]
fn a_plan_says_by_its_exit_code_whether_there_is_something_to_do() {
    let world = planned();
    let args = ["plan", "hello.zip", "--customize=mine", "--exit-code"];
    world.silver(args).exits(3);
    world.silver(["apply", "change.plan", "--yes"]).ok();
    let said = world.silver(args).exits(0).stdout();
    assert!(said.contains("nothing to do"), "{said}");
    plan(&world);
    assert!(world.silver(["apply", "change.plan"]).ok().stdout().contains("nothing to do"));
}
