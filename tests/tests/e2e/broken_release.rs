//! A broken release: the old one keeps serving, the data are intact, the exit code says so, and
//! the log tells why.

use silver_tests::{Visitors, World};

const HOST: &str = "hello.localhost";

/// Edition, the words that the error must hold, and what the counter may lose: nothing.
const BROKEN: &[(&str, &[&str])] = &[
    ("broken-migrate", &["migrate", "this edition fails half way"]),
    ("broken-check", &["/health", "error: the template engine is not there"]),
    ("broken-check-breaking", &["/health", "error: the template engine is not there"]),
    ("broken-self-test", &["self test", "self-test: this edition says no"]),
    ("broken-log", &["log is clean", "Skipping \"hello.extension\": it does not load"]),
    ("broken-serve", &["serve: this edition dies at once"]),
    ("broken-after-switch", &["500"]),
    ("broken-after-switch-additive", &["500"]),
    ("broken-after-switch-breaking", &["500"]),
];

#[test]
fn every_broken_release_leaves_the_old_one_serving() {
    let world = World::new();
    world.update("good").ok();
    let http = world.http();
    let before = release(&world);
    let visitors = Visitors::start(&http, HOST);
    for (edition, words) in BROKEN {
        let seen = visitors.so_far();
        let ran = world.update(edition).exits(4);
        for word in *words {
            assert!(ran.stderr().contains(word), "{edition}: `{word}` is not in\n{}", ran.stderr());
        }
        assert_eq!(release(&world), before, "{edition}");
        silver_tests::wait_for("visitors to count on", || (visitors.so_far() > seen).then_some(()));
        assert!(http.page(HOST, "/").contains("1.0.0"), "{edition}");
    }
    let seen = visitors.stop();
    seen.assert_nothing_lost(http.page(HOST, "/count").parse().unwrap());
    assert!(seen.failed.is_empty(), "{:?}", seen.failed);

    let events = world.json(&["registry", "log"]);
    let outcomes: Vec<_> = events
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["kind"] == "deploy")
        .map(|event| event["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "reverted").count(), BROKEN.len());
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "done").count(), 1);
}

#[test]
fn a_first_release_that_is_broken_leaves_nothing_behind() {
    let world = World::new();
    for edition in ["broken-init", "broken-check", "broken-after-switch"] {
        world.update(edition).exits(4);
        assert_eq!(world.http().get(HOST, "/").unwrap().status, 404, "{edition}");
        assert!(!world.home().join("data/nodes/local/data/hello").exists(), "{edition}");
    }
    world.update("good").ok();
    assert_eq!(world.http().page(HOST, "/count"), "0");
}

/// The label of the release that is current.
fn release(world: &World) -> String {
    let apps = world.json(&["status"]);
    apps.as_array()
        .unwrap()
        .iter()
        .find(|app| app["app"] == "hello")
        .map(|app| app["release"].as_str().unwrap().to_owned())
        .unwrap_or_default()
}
