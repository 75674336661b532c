//! A counter is written through the front without pause, before, during and after every kind of
//! update: each acknowledged write is there afterwards, except where the plan said which window
//! would be lost.

use silver_tests::{Visitors, World, wait_for};

const HOST: &str = "hello.localhost";

/// Runs `change` in the middle of the visits; at least some visits come before and after.
fn during_visits(world: &World, change: impl FnOnce()) -> silver_tests::counter::Seen {
    let visitors = Visitors::start(&world.http(), HOST);
    wait_for("the first visits", || (visitors.so_far() >= 20).then_some(()));
    change();
    let then = visitors.so_far();
    wait_for("visits afterwards", || (visitors.so_far() >= then + 20).then_some(()));
    visitors.stop()
}

fn count(world: &World) -> u64 {
    world.http().page(HOST, "/count").parse().unwrap()
}

#[test]
fn an_update_that_leaves_the_data_alone_turns_nobody_away() {
    for edition in ["next", "additive"] {
        let world = World::new();
        world.update("good").ok();
        let seen = during_visits(&world, || {
            world.update(edition).ok();
        });
        seen.assert_all_answered();
        seen.assert_nothing_lost(count(&world));
    }
}

#[test]
fn a_breaking_migration_holds_requests_and_loses_nothing() {
    let world = World::new();
    world.update("good").ok();
    let seen = during_visits(&world, || {
        world.update("breaking").ok();
    });
    assert!(seen.failed.is_empty(), "{:?}", seen.failed);
    seen.assert_nothing_lost(count(&world));
    assert!(world.http().page(HOST, "/").contains("2.0.0"));
}

#[test]
fn rolling_code_back_loses_nothing() {
    let world = World::new();
    world.update("good").ok();
    world.update("additive").ok();
    let seen = during_visits(&world, || {
        world.silver(["rollback", "hello", "--yes"]).ok();
    });
    assert!(seen.failed.is_empty(), "{:?}", seen.failed);
    seen.assert_nothing_lost(count(&world));
    assert!(world.http().page(HOST, "/").contains("1.0.0"));
}
