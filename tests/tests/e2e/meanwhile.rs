//! What other commands do while a change of their application is under way: they look on, and then do their own.

use silver_tests::{Onlooker, World};

const HOST: &str = "hello.localhost";

#[test]
fn status_tells_what_is_under_way_and_where_it_is() {
    let world = World::new();
    world.update("good").ok();
    let (client, hold) = world.held("held-migrate");
    let status = world.silver(["status"]).ok().stderr();
    assert!(status.contains("hello: the change ") && status.contains(" is under way at `migrate`"), "{status}");
    assert!(world.json(&["status"])[0]["running"].is_string());
    hold.let_go();
    world.ended(client).ok();
    assert!(!world.silver(["status"]).ok().stderr().contains("under way"));
    assert!(world.json(&["status"])[0]["running"].is_null());
}

#[test]
fn a_change_of_state_looks_on_and_is_made_of_what_the_update_has_left() {
    let world = World::new();
    world.update("good").ok();
    for (edition, version, change, status, back) in
        [("held-migrate", "2.0.4", "disable", 503, "enable"), ("held-switch", "2.0.5", "deactivate", 404, "activate")]
    {
        let (client, hold) = world.held(edition);
        let other = Onlooker::new(world.spawn([change, "hello"]));
        hold.let_go();
        world.ended(client).ok();
        let (code, said) = other.ended();
        assert_eq!(code, Some(0), "{change}: {said}");
        assert!(said.contains("the change of hello is done: hello."), "{change}: {said}");
        assert_eq!(world.http().get(HOST, "/").unwrap().status, status, "{change}: {said}");
        world.silver([back, "hello"]).ok();
        assert!(world.http().page(HOST, "/").contains(version));
    }
}

#[test]
fn a_rollback_goes_back_from_the_release_that_the_update_has_brought() {
    let world = World::new();
    world.update("good").ok();
    let (client, hold) = world.held("held-migrate");
    let other = Onlooker::new(world.spawn(["rollback", "hello", "--yes"]));
    hold.let_go();
    world.ended(client).ok();
    let (code, said) = other.ended();
    assert_eq!(code, Some(0), "{said}");
    assert!(world.http().page(HOST, "/").contains("1.0.0"), "{said}");
}

/// The update goes back by itself: who wanted it away has what he wanted, and not one release less.
#[test]
fn a_rollback_does_not_go_back_twice() {
    let world = World::new();
    world.update("good").ok();
    world.update("next").ok();
    let (client, hold) = world.held("held-migrate");
    let other = Onlooker::new(world.spawn(["rollback", "hello", "--yes"]));
    hold.fail();
    world.ended(client).exits(4);
    let (code, said) = other.ended();
    assert_eq!(code, Some(0), "{said}");
    for word in ["failed and was reverted", "nothing to do: ", "was there before that change"] {
        assert!(said.contains(word), "`{word}`: {said}");
    }
    assert!(world.http().page(HOST, "/").contains("1.0.1"), "{said}");
    world.silver(["rollback", "hello", "--yes"]).ok();
    assert!(world.http().page(HOST, "/").contains("1.0.0"));
}
