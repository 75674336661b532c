//! `silver rollback`.

use crate::world::{World, ids, listing};
use silver_core::plan::{Flags, Plan, Refusal, rollback};
use silver_plugin_api::plan::{Action, DataClass, Deployment, EnvironmentSpec};

fn back(world: &World, to: Option<&str>) -> Result<Plan, Refusal> {
    let tree = listing(&[("VERSION", "1.6.1")]);
    rollback(to, Some(&tree), &Deployment::default(), world.seen(), &Flags::new("attempt"))
}

#[test]
fn after_a_breaking_migration_the_lost_window_is_shown() {
    let plan = back(&World::third(DataClass::Additive, DataClass::Breaking), None).unwrap();
    insta::assert_snapshot!(plan, @r##"
    trac: back to trac.20261122_2 (1.6.1) (node local)
      release      trac.20261123_1 (1.6.2) → trac.20261122_2 (1.6.1)
      locations    trac.localhost
      files        0 added, 1 changed, 0 removed; 1 file, 5 bytes in all
                   ~ VERSION (5 → 5 bytes)
      to send      0 bytes
      requests     are held up to 30 s, then answered with 503; closed for at most 4 min and the time to copy the data
      on failure   trac.20261123_1 serves on, with the data as they are now
      LOST         the data go back to before-trac.20261123_1: what was written since 2026-11-22T10:00:00Z is lost (a copy is kept as rollback-attempt)
      rollback     code and customization go back, the data stay
      steps
         1 close-writes            hold requests
                                   on failure: let requests through
         2 stop-old                stop trac.20261123_1
                                   on failure: start trac.20261123_1, then wait until trac.20261123_1 answers
         3 checkpoint              keep a copy of the data as they are as rollback-attempt
         4 restore                 put the data back as they were before trac.20261123_1
                                   on failure: restore rollback-attempt
         5 set-keys:conf/trac.ini  set our 1 key of conf/trac.ini
                                   on failure: put the former keys of conf/trac.ini back
         6 start-check             start trac.20261122_2, unseen
                                   on failure: stop trac.20261122_2
         7 ready-check             wait until it answers: /about answers 200 (at most 60 s)
         8 check:plugins load      log/trac.log has no `Skipping "` (at most 30 s)
         9 stop-check              stop it again
        10 start                   start trac.20261122_2 to serve
                                   on failure: stop trac.20261122_2
        11 ready                   wait until it answers: /about answers 200 (at most 60 s)
        12 switch                  trac.20261123_1 → trac.20261122_2
                                   on failure: trac.20261123_1 becomes current again
        13 probe                   ask through the front
        14 open                    from here on nothing is reverted by itself
        15 open-writes             let requests through
        16 prune                   keep 3 old releases
    "##);
}

#[test]
fn otherwise_only_code_and_customization_go_back() {
    let plan = back(&World::third(DataClass::Breaking, DataClass::Additive), None).unwrap();
    insta::assert_snapshot!(plan, @r##"
    trac: back to trac.20261122_2 (1.6.1) (node local)
      release      trac.20261123_1 (1.6.2) → trac.20261122_2 (1.6.1)
      locations    trac.localhost
      files        0 added, 1 changed, 0 removed; 1 file, 5 bytes in all
                   ~ VERSION (5 → 5 bytes)
      to send      0 bytes
      requests     go on all the time
      on failure   trac.20261123_1 serves on, with the data as they are now
      rollback     code and customization go back, the data stay
      steps
         1 set-keys:conf/trac.ini  set our 1 key of conf/trac.ini
                                   on failure: put the former keys of conf/trac.ini back
         2 start-check             start trac.20261122_2, unseen
                                   on failure: stop trac.20261122_2
         3 ready-check             wait until it answers: /about answers 200 (at most 60 s)
         4 check:plugins load      log/trac.log has no `Skipping "` (at most 30 s)
         5 stop-check              stop it again
         6 start                   start trac.20261122_2 to serve
                                   on failure: let requests of trac.20261122_2 end, then stop it
         7 ready                   wait until it answers: /about answers 200 (at most 60 s)
         8 switch                  trac.20261123_1 → trac.20261122_2
                                   on failure: trac.20261123_1 becomes current again
         9 probe                   ask through the front
        10 open                    from here on nothing is reverted by itself
        11 drain                   let requests of trac.20261123_1 end, then stop it (at most 30 s)
        12 prune                   keep 3 old releases
    "##);
}

#[test]
fn the_data_go_back_to_before_the_first_breaking_migration_on_the_way() {
    let one = Some("trac.20261122_1");
    for (second, third, checkpoint) in [
        (DataClass::Additive, DataClass::Additive, None),
        (DataClass::Breaking, DataClass::Unchanged, Some("before-trac.20261122_2")),
        (DataClass::Additive, DataClass::Breaking, Some("before-trac.20261123_1")),
        (DataClass::Breaking, DataClass::Breaking, Some("before-trac.20261122_2")),
    ] {
        let plan = back(&World::third(second, third), one).unwrap();
        assert_eq!(plan.summary.lost.as_ref().map(|lost| lost.checkpoint.as_str()), checkpoint, "{second:?} {third:?}");
        let restored = plan.transition.steps.iter().find_map(|step| match &step.action {
            Action::RestoreCheckpoint { id } => Some(id.as_str()),
            _ => None,
        });
        assert_eq!(restored, checkpoint);
        assert!(!ids(&plan).contains(&"migrate"));
        // the release that is left stays on the node: it is evidence
        assert!(!plan.transition.steps.iter().any(|step| step.undo.iter().any(|a| matches!(a, Action::RemoveRelease { .. }))));
    }
}

#[test]
fn what_cannot_be_done_is_refused() {
    let world = World::serving("1.6.0", DataClass::Unchanged);
    assert!(matches!(back(&world, None), Err(Refusal::NothingBefore { .. })));
    let mut world = World::third(DataClass::Unchanged, DataClass::Breaking);
    assert!(matches!(back(&world, Some("trac.20260101_1")), Err(Refusal::NotBefore { .. })));
    assert!(matches!(back(&world, Some("trac.20261123_1")), Err(Refusal::NotBefore { .. })));
    let spec = EnvironmentSpec {
        id: silver_pack::hash::sha256(b"env"),
        kind: "python".into(),
        interpreter: "python3 3.11.2".into(),
        build: Vec::new(),
        bin: "bin".into(),
    };
    world.observed.releases[1].release.environment = Some(spec.clone());
    assert!(matches!(back(&world, None), Err(Refusal::NoEnvironment { label }) if label == "trac.20261122_2"));
    world.observed.environments = vec![spec.id];
    assert!(back(&world, None).is_ok());
    world.observed.releases[2].checkpoint = None;
    assert!(matches!(back(&world, None), Err(Refusal::NoCheckpoint { label }) if label == "trac.20261123_1"));
    // a node that tells of releases that are each other's parents is not followed for ever
    world.observed.releases[1].parent = Some("trac.20261123_1".into());
    assert!(matches!(back(&world, Some("trac.20261122_1")), Err(Refusal::NotBefore { .. })));
}

#[test]
fn a_release_that_was_rolled_back_is_not_where_rollback_leads() {
    let mut world = World::third(DataClass::Unchanged, DataClass::Unchanged);
    // 1.6.1 was rolled back; 1.6.2 replaced 1.6.0
    world.observed.releases[2].parent = Some("trac.20261122_1".into());
    assert_eq!(back(&world, None).unwrap().transition.release.unwrap().0, "trac.20261122_1");
}
