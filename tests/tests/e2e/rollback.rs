//! `silver rollback`: code and customization always, data only after a breaking migration, and then
//! it says first which writes would be lost.

use silver_tests::World;

const HOST: &str = "hello.localhost";

fn count_up(world: &World, times: u32) {
    for _ in 0..times {
        assert_eq!(world.http().post(HOST, "/count", "").unwrap().status, 200);
    }
}

#[test]
fn after_a_breaking_migration_the_data_go_back_too() {
    let world = World::new();
    world.update("good").ok();
    count_up(&world, 3);
    world.update("breaking").ok();
    count_up(&world, 4);
    assert_eq!(world.http().page(HOST, "/count"), "7");

    let plan = world.silver(["rollback", "hello", "--dry-run"]).ok();
    assert!(plan.stdout().contains("lost"), "the window of writes that would be lost:\n{}", plan.stdout());
    assert_eq!(world.http().page(HOST, "/count"), "7", "a dry run changes nothing");

    world.silver(["rollback", "hello", "--yes"]).ok();
    assert_eq!(world.http().page(HOST, "/count"), "3");
    assert!(world.http().page(HOST, "/").contains("1.0.0"));
}

#[test]
fn without_an_older_release_there_is_nothing_to_go_back_to() {
    let world = World::new();
    world.update("good").ok();
    let ran = world.silver(["rollback", "hello", "--yes"]);
    assert!(ran.stderr().contains("hint:"), "{}", ran.stderr());
    ran.exits(1);
    assert_eq!(world.http().page(HOST, "/count"), "0");
}
