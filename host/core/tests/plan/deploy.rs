//! `silver update`.

use crate::world::{World, ids};
use silver_core::plan::{Decision, Reversal, Writes};
use silver_plugin_api::plan::{Action, AppState, Cron, CronOn, DataClass, Missing, Overlap};

#[test]
fn a_first_deployment_leaves_nothing_behind_when_it_fails() {
    let plan = World::empty().plan();
    insta::assert_snapshot!(plan, @r##"
    trac: first deployment of trac 1.6.0 (node local)
      release      trac.20261122_1 (1.6.0)
      locations    trac.localhost
      files        1 file, 5 bytes, all new
      settings     project-name = "My Project"
      new secrets  session-key (generated)
      to send      1,234,567 bytes
      requests     are not answered now
      on failure   everything that was made is removed again
      steps
         1 make-state              make what the application writes to, where it is missing
                                   on failure: remove data and secrets, then remove trac.20261122_1
         2 make-secrets            make the secrets that are missing
         3 set-keys:conf/trac.ini  set our 1 key of conf/trac.ini
                                   on failure: put the former keys of conf/trac.ini back
         4 init                    make the first data: `trac-admin initenv` (at most 2 min)
         5 start-check             start trac.20261122_1, unseen
                                   on failure: stop trac.20261122_1
         6 ready-check             wait until it answers: /about answers 200 (at most 60 s)
         7 check:plugins load      log/trac.log has no `Skipping "` (at most 30 s)
         8 stop-check              stop it again
         9 start                   start trac.20261122_1 to serve
                                   on failure: let requests of trac.20261122_1 end, then stop it
        10 ready                   wait until it answers: /about answers 200 (at most 60 s)
        11 locations               answer at trac.localhost
                                   on failure: answer nowhere
        12 switch                  trac.20261122_1 becomes current
                                   on failure: no release is current
        13 probe                   ask through the front
        14 open                    from here on nothing is reverted by itself
        15 prune                   keep 3 old releases
    "##);
}

#[test]
fn a_breaking_migration_closes_writes_and_restores() {
    let plan = World::serving("1.6.1", DataClass::Breaking).plan();
    insta::assert_snapshot!(plan, @r##"
    trac: 1.6.0 → 1.6.1 (node local)
      release      trac.20261122_1 (1.6.0) → trac.20261122_2 (1.6.1)
      locations    trac.localhost
      files        0 added, 1 changed, 0 removed; 1 file, 5 bytes in all
                   ~ VERSION (5 → 5 bytes)
      to send      1,234,567 bytes
      requests     are held up to 30 s, then answered with 503; closed for at most 19 min and the time to copy the data
      on failure   trac.20261122_1 is started again; the data go back to the checkpoint; nothing was written in between
      rollback     code and customization go back, and the data to before-trac.20261122_2: what is written from then on would be lost
      steps
         1 close-writes            hold requests
                                   on failure: let requests through, then remove trac.20261122_2
         2 stop-old                stop trac.20261122_1
                                   on failure: start trac.20261122_1, then wait until trac.20261122_1 answers
         3 checkpoint              copy the data as before-trac.20261122_2
         4 make-state              make what the application writes to, where it is missing
         5 make-secrets            make the secrets that are missing
         6 set-keys:conf/trac.ini  set our 1 key of conf/trac.ini
                                   on failure: put the former keys of conf/trac.ini back
         7 migrate                 bring the data up to the new code: `trac-admin upgrade` (at most 15 min)
                                   on failure: restore before-trac.20261122_2
         8 start-check             start trac.20261122_2, unseen
                                   on failure: stop trac.20261122_2
         9 ready-check             wait until it answers: /about answers 200 (at most 60 s)
        10 check:plugins load      log/trac.log has no `Skipping "` (at most 30 s)
        11 stop-check              stop it again
        12 start                   start trac.20261122_2 to serve
                                   on failure: stop trac.20261122_2
        13 ready                   wait until it answers: /about answers 200 (at most 60 s)
        14 switch                  trac.20261122_1 → trac.20261122_2
                                   on failure: trac.20261122_1 becomes current again
        15 probe                   ask through the front
        16 open                    from here on nothing is reverted by itself
        17 open-writes             let requests through
        18 prune                   keep 3 old releases
    "##);
}

#[test]
fn an_additive_migration_closes_nothing_and_restores_nothing() {
    let plan = World::serving("1.6.1", DataClass::Additive).plan();
    insta::assert_snapshot!(plan, @r##"
    trac: 1.6.0 → 1.6.1 (node local)
      release      trac.20261122_1 (1.6.0) → trac.20261122_2 (1.6.1)
      locations    trac.localhost
      files        0 added, 1 changed, 0 removed; 1 file, 5 bytes in all
                   ~ VERSION (5 → 5 bytes)
      to send      1,234,567 bytes
      requests     go on all the time
      on failure   trac.20261122_1 serves on; the data stay as the migration left them, which it understands
      rollback     code and customization go back, the data stay
      note         a checkpoint is taken; on a failure it is there to be restored by hand, nothing is thrown away
      steps
         1 checkpoint              copy the data as before-trac.20261122_2
                                   on failure: remove trac.20261122_2
         2 make-state              make what the application writes to, where it is missing
         3 make-secrets            make the secrets that are missing
         4 set-keys:conf/trac.ini  set our 1 key of conf/trac.ini
                                   on failure: put the former keys of conf/trac.ini back
         5 migrate                 bring the data up to the new code: `trac-admin upgrade` (at most 15 min)
         6 start-check             start trac.20261122_2, unseen
                                   on failure: stop trac.20261122_2
         7 ready-check             wait until it answers: /about answers 200 (at most 60 s)
         8 check:plugins load      log/trac.log has no `Skipping "` (at most 30 s)
         9 stop-check              stop it again
        10 start                   start trac.20261122_2 to serve
                                   on failure: let requests of trac.20261122_2 end, then stop it
        11 ready                   wait until it answers: /about answers 200 (at most 60 s)
        12 switch                  trac.20261122_1 → trac.20261122_2
                                   on failure: trac.20261122_1 becomes current again
        13 probe                   ask through the front
        14 open                    from here on nothing is reverted by itself
        15 drain                   let requests of trac.20261122_1 end, then stop it (at most 30 s)
        16 prune                   keep 3 old releases
    "##);
}

#[test]
fn restoring_comes_after_the_new_release_stopped_and_before_the_old_one_starts() {
    let plan = World::serving("1.6.1", DataClass::Breaking).plan();
    let undo: Vec<&Action> = plan.transition.steps.iter().rev().flat_map(|step| &step.undo).collect();
    let at = |wanted: &dyn Fn(&Action) -> bool| undo.iter().position(|action| wanted(action)).unwrap();
    let new = plan.transition.release.as_ref().unwrap().0.clone();
    let stop = at(&|action| matches!(action, Action::Stop { label, check: true } if *label == new));
    let restore = at(&|action| matches!(action, Action::RestoreCheckpoint { .. }));
    let start = at(&|action| matches!(action, Action::Start { label, .. } if *label != new));
    let ready = at(&|action| matches!(action, Action::Ready { .. }));
    let open = at(&|action| *action == Action::OpenWrites);
    assert!(stop < restore && restore < start && start < ready && ready < open);
    assert!(matches!(undo.last(), Some(Action::RemoveRelease { label }) if *label == new));
}

#[test]
fn which_steps_there_are_depends_on_what_changed() {
    type Change = fn(&mut World);
    let cases: [(&str, Change, &[&str], &[&str]); 9] = [
        ("the pack changed", |_| {}, &["migrate"], &["init", "plugins-changed", "close-writes", "checkpoint"]),
        ("only a setting changed", only_a_setting, &["set-keys:conf/trac.ini"], &["migrate", "init", "checkpoint"]),
        (
            "a setting changed, and the pack's migration would be breaking",
            |world| {
                only_a_setting(world);
                world.wanted.migrate = DataClass::Breaking;
            },
            &[],
            &["migrate", "close-writes", "checkpoint"],
        ),
        (
            "an app plugin came",
            |world| {
                only_a_setting(world);
                world.wanted.release.extra.insert("app-plugins".into(), "tracaccountmanager==0.6.0".into());
            },
            &["migrate", "plugins-changed"],
            &["init"],
        ),
        (
            "it locks its data",
            |world| world.wanted.release.overlap = Overlap::None,
            &["close-writes", "stop-old", "open-writes"],
            &["drain", "checkpoint"],
        ),
        (
            "it is disabled",
            |world| world.observed.state = AppState::Disabled,
            &["migrate", "start-check", "switch"],
            &["start", "probe", "drain"],
        ),
        ("another location", |world| world.wanted.locations = Some(vec!["trac.example.org".into()]), &["locations"], &[]),
        ("init never ended", |world| world.observed.has_data = false, &["init"], &["migrate"]),
        (
            "a process of which there may be one only",
            |world| world.observed.releases[0].release.processes[0].singleton = true,
            &["start", "drain"],
            &["stop-old"],
        ),
    ];
    for (name, change, has, lacks) in cases {
        let mut world = World::serving("1.6.1", DataClass::Unchanged);
        change(&mut world);
        let plan = world.plan();
        let ids = ids(&plan);
        for step in has {
            assert!(ids.contains(step), "{name}: no `{step}` in {ids:?}");
        }
        for step in lacks {
            assert!(!ids.contains(step), "{name}: `{step}` in {ids:?}");
        }
        assert_eq!(ids.iter().filter(|id| **id == "open").count(), 1, "{name}");
    }
}

fn only_a_setting(world: &mut World) {
    let old = world.observed.releases[0].release.clone();
    world.wanted.release = old;
    world.wanted.release.id = silver_pack::hash::sha256(b"another setting");
    world.wanted.release.settings.insert("project-name".into(), "Ours".into());
}

#[test]
fn a_process_that_gave_way_comes_back() {
    let mut world = World::serving("1.6.1", DataClass::Unchanged);
    world.observed.releases[0].release.processes[0].singleton = true;
    let plan = world.plan();
    let start = plan.transition.steps.iter().find(|step| step.id == "start").unwrap();
    assert!(matches!(start.undo.as_slice(), [Action::Drain { .. }, Action::Start { label, .. }] if label == "trac.20261122_1"));
}

#[test]
fn nothing_is_done_when_all_is_as_wanted() {
    let world = World::serving("1.6.0", DataClass::Breaking);
    let Ok(Decision::Nothing { why }) = world.decide() else { panic!("a plan") };
    assert_eq!(why, "trac is up to date: trac.20261122_1 (1.6.0)");
    let mut drifted = World::serving("1.6.0", DataClass::Breaking);
    drifted.observed.drift = vec!["VERSION".into()];
    let plan = drifted.plan();
    assert!(plan.summary.remarks[0].contains("VERSION"), "{:?}", plan.summary.remarks);
    assert_eq!(plan.summary.writes, Writes::Open);
}

#[test]
fn periodic_commands_go_to_another_node_of_a_group() {
    let mut world = World::serving("1.6.0", DataClass::Breaking);
    let (schedule, argv) = ("0 3 * * *".parse().unwrap(), vec!["tidy".to_owned()]);
    let cron = Cron { name: "tidy".into(), schedule, argv, on: CronOn::One, timeout_ms: 1000 };
    world.wanted.release.cron = vec![cron.clone()];
    let planned = world.plan().transition.release.unwrap().1.cron;
    assert_eq!(planned, std::slice::from_ref(&cron), "it is the first one now");
    world.observed.releases[0].release.cron = vec![cron];
    assert!(matches!(world.decide(), Ok(Decision::Nothing { .. })));
}

#[test]
fn what_rollback_will_do_is_said_before() {
    for (data, reversal) in [
        (DataClass::Unchanged, Reversal::CodeOnly),
        (DataClass::Additive, Reversal::CodeOnly),
        (DataClass::Breaking, Reversal::WithData { checkpoint: "before-trac.20261122_2".into() }),
    ] {
        assert_eq!(World::serving("1.6.1", data).plan().summary.reversal, reversal);
    }
    assert_eq!(World::empty().plan().summary.reversal, Reversal::Nothing);
}

#[test]
fn another_value_of_a_given_secret_is_a_new_release_of_the_same() {
    let mut world = World::serving("1.6.0", DataClass::Unchanged);
    assert!(matches!(world.decide(), Ok(Decision::Nothing { .. })));
    world.renewed = vec!["smtp".into()];
    let plan = world.plan();
    assert_eq!(plan.summary.new_secrets, ["smtp (given, another value)"]);
    assert!(plan.transition.steps.iter().any(|step| step.action == Action::MakeSecrets));
}

#[test]
fn only_what_is_missing_is_counted() {
    let mut world = World::empty();
    assert_eq!(world.plan().summary.send_bytes, 1_234_567);
    let file = silver_pack::hash::sha256(b"1.6.0");
    world.missing = Missing { blobs: vec![file], ..Missing::default() };
    assert_eq!(world.plan().summary.send_bytes, 5);
}

#[test]
fn the_digest_is_of_what_is_shown() {
    let plan = World::empty().plan();
    let mut submitted = plan.clone();
    submitted.transition.id = "20261122T180000-abc".into();
    submitted.transition.deployment.client_time = "2026-11-22T18:00:00Z".into();
    submitted.transition.deployment.plan = Some(plan.digest());
    assert_eq!(submitted.digest(), plan.digest());
    let mut other = plan.clone();
    other.transition.steps.pop();
    assert_ne!(other.digest(), plan.digest());
}

#[test]
fn a_plan_can_be_kept_as_json() {
    let plan = World::serving("1.6.1", DataClass::Breaking).plan();
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<silver_core::plan::Plan>(&text).unwrap(), plan);
}
