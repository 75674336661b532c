//! What an operator does with an application that runs: look, run, disable, deactivate.

use silver_tests::World;

const HOST: &str = "hello.localhost";

#[test]
fn status_tells_how_an_app_is() {
    let world = World::new();
    assert!(world.json(&["status"]).as_array().unwrap().is_empty());
    world.update("good").ok();
    let apps = world.json(&["status"]);
    let hello = &apps[0];
    assert_eq!(
        (hello["app"].as_str(), hello["state"].as_str(), hello["health"].as_str()),
        (Some("hello"), Some("active"), Some("up"))
    );
    assert_eq!(hello["version"], "1.0.0");
}

#[test]
fn disable_and_enable() {
    let world = World::new();
    world.update("good").ok();
    world.silver(["disable", "hello"]).ok();
    let answer = world.http().get(HOST, "/").unwrap();
    assert_eq!(answer.status, 503);
    assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
    assert_eq!(world.json(&["status"])[0]["state"], "disabled");
    // it stays so when the agent starts again
    world.silver(["local", "stop"]).ok();
    assert_eq!(world.json(&["status"])[0]["state"], "disabled");
    assert_eq!(world.http().get(HOST, "/").unwrap().status, 503);
    world.silver(["enable", "hello"]).ok();
    assert_eq!(world.http().page(HOST, "/count"), "0");
}

#[test]
fn deactivate_and_activate() {
    let world = World::new();
    world.update("good").ok();
    world.http().post(HOST, "/count", "").unwrap();
    world.silver(["deactivate", "hello"]).ok();
    assert_eq!(world.http().get(HOST, "/").unwrap().status, 404);
    world.silver(["activate", "hello"]).ok();
    assert_eq!(world.http().page(HOST, "/count"), "1");
}

#[test]
fn an_agent_that_was_stopped_is_started_by_the_next_command_and_serves_again() {
    let world = World::new();
    world.update("good").ok();
    world.silver(["local", "stop"]).ok();
    assert!(world.http().get(HOST, "/").is_err(), "nothing answers");
    assert_eq!(world.json(&["local", "status"])[0]["running"], false, "asking does not start it");
    world.silver(["status"]).ok();
    silver_tests::wait_for("the app", || world.http().get(HOST, "/count").ok().filter(|answer| answer.status == 200));
}

#[test]
fn run_env_and_logs() {
    let world = World::new();
    world.update("good").ok();
    let ran = world
        .silver(["run", "hello", "--reason", "to see", "--", "sh", "-c", "echo $SILVER_APP $SILVER_PHASE; echo no >&2; exit 3"])
        .exits(3);
    assert_eq!((ran.stdout().as_str(), ran.stderr().as_str()), ("hello run\n", "no\n"));
    // arguments are not for a shell
    let ran = world.silver(["run", "hello", "--", "echo", "${SILVER_APP}", "$(id)"]).ok();
    assert_eq!(ran.stdout(), "hello $(id)\n");
    let event = world.json(&["registry", "log", "--kind", "run"]);
    assert_eq!(event.as_array().unwrap().len(), 2, "{event}");

    let env = world.json(&["env", "hello"]);
    let value = |name: &str| {
        env.as_array().unwrap().iter().find(|row| row["name"] == name).map(|row| row["value"].as_str().unwrap().to_owned())
    };
    assert_eq!(value("HELLO_GREETING").as_deref(), Some("Hello"));
    assert_eq!(value("SILVER_URL"), Some(format!("http://{HOST}:{}", world.port())));

    // an application may answer before it has said so
    silver_tests::wait_for("the log", || {
        world.silver(["logs", "hello"]).ok().stdout().contains("serving, version 1.0.0").then_some(())
    });
    let rows = world.json(&["logs", "hello", "--process", "web"]);
    assert!(
        rows.as_array().unwrap().iter().any(|row| row["text"].as_str().unwrap().contains("serving, version 1.0.0")),
        "{rows}"
    );
    world.http().page(HOST, "/count");
    silver_tests::wait_for("the access log", || {
        let logs = world.silver(["logs", "hello", "--process", "access"]).ok().stdout();
        (logs.contains("/count") && logs.contains(HOST)).then_some(())
    });
}

#[test]
fn nothing_of_the_operators_environment_reaches_an_app() {
    let world = World::new();
    let zip = world.hello("good");
    let status = world.command(["update", zip.to_str().unwrap(), "--yes"]).env("AWS_SECRET_ACCESS_KEY", "x").status().unwrap();
    assert!(status.success());
    let facts: serde_json::Value = serde_json::from_str(&world.http().page(HOST, "/who")).unwrap();
    let names: Vec<_> = facts["environment"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(!names.contains(&"AWS_SECRET_ACCESS_KEY") && !names.contains(&"SILVER_HOME"), "{names:?}");
}

#[test]
fn an_app_may_be_named_by_its_location_and_not_by_nonsense() {
    let world = World::new();
    world.update("good").ok();
    world.silver(["releases", &format!("http://{HOST}:{}/", world.port())]).ok();
    let ran = world.silver(["releases", "helloo"]).exits(2);
    assert!(ran.stderr().contains("helloo") && ran.stderr().contains("hello"), "{}", ran.stderr());
}
