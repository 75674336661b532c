//! The rules of transitions: what is undone after which failure, and what becomes of a transition
//! whose agent was killed at any line of the journal.

use super::*;
use crate::{
    fake::{FakeApps, FakeRecorder, NEW, OLD, breaking, release},
    fault::{DieAt, Moment},
    journal::Start,
    state::ReleaseFile,
};
use silver_plugin_api::plan::{AppState, DataClass, Observed};
use std::{fs, sync::Arc};

/// A home in which the old release serves and the new one is staged.
fn home() -> (tempfile::TempDir, Dirs) {
    let dir = tempfile::tempdir().unwrap();
    let dirs = Dirs::below(dir.path());
    for (label, version) in [(OLD, "1.0.0"), (NEW, "2.0.0")] {
        let place = dirs.release("shop", label);
        fs::create_dir_all(place.join("tree/env")).unwrap();
        let file = ReleaseFile { label: label.into(), created: "2026-11-22T10:00:00Z".into(), release: release(version) };
        fs::write(place.join("release.json"), serde_json::to_vec(&file).unwrap()).unwrap();
    }
    fs::create_dir_all(dirs.data("shop").join("db")).unwrap();
    fs::create_dir_all(dirs.data("shop").join("conf")).unwrap();
    fs::write(dirs.data("shop").join("db/rows"), OLD).unwrap();
    fs::write(dirs.data("shop").join("conf/shop.ini"), "[shop]\nversion = 1\ncolour = red\n").unwrap();
    let old = Kept { label: OLD.into(), created: String::new(), parent: None, checkpoint: None, data: DataClass::Unchanged };
    let file = AppFile {
        app: "shop".into(),
        state: AppState::Active,
        current: Some(OLD.into()),
        locations: vec!["shop.localhost".into()],
        last_label: Some(OLD.into()),
        has_data: true,
        releases: vec![old],
        publisher: None,
    };
    state::save(&dirs, &file).unwrap();
    (dir, dirs)
}

fn begin(dirs: &Dirs, transition: Transition, die_at: Option<DieAt>) -> Journal {
    Journal::start(dirs, Start { transition, previous: Some(OLD.into()), drift: Vec::new(), key: None }, die_at).unwrap()
}

async fn run(dirs: &Dirs, apps: &FakeApps, recorder: &FakeRecorder, transition: Transition) -> Outcome {
    let feed = Feed::default();
    carry(Means { dirs, apps, recorder, feed: &feed }, begin(dirs, transition, None)).await.unwrap()
}

fn data(dirs: &Dirs, name: &str) -> String {
    fs::read_to_string(dirs.data("shop").join(name)).unwrap()
}

/// Everything is as before the transition.
fn assert_old_world(dirs: &Dirs, at: &str) {
    let file = state::load(dirs, "shop").unwrap();
    assert_eq!((file.current.as_deref(), file.state), (Some(OLD), AppState::Active), "{at}");
    assert_eq!(file.releases.len(), 1, "{at}");
    assert_eq!(file.last_label.as_deref(), Some(NEW), "{at}: a label is not used twice");
    assert_eq!(data(dirs, "db/rows"), OLD, "{at}");
    assert_eq!(data(dirs, "conf/shop.ini"), "[shop]\nversion = 1\ncolour = red\n", "{at}");
    assert!(!dirs.release("shop", NEW).exists(), "{at}");
    assert_eq!(crate::disk::names(&dirs.journals()).unwrap(), [""; 0], "{at}");
}

fn assert_new_world(dirs: &Dirs, at: &str) {
    let file = state::load(dirs, "shop").unwrap();
    assert_eq!((file.current.as_deref(), file.state), (Some(NEW), AppState::Active), "{at}");
    let kept = file.kept(NEW).unwrap();
    assert_eq!((kept.parent.as_deref(), kept.data), (Some(OLD), DataClass::Breaking), "{at}");
    assert_eq!(kept.checkpoint, Some(format!("before-{NEW}")), "{at}");
    assert_eq!(data(dirs, "db/rows"), NEW, "{at}");
    assert_eq!(data(dirs, "conf/shop.ini"), "[shop]\nversion = 2\ncolour = red\n", "{at}");
    assert!(dirs.release("shop", OLD).exists() && dirs.checkpoint("shop", &format!("before-{NEW}")).exists(), "{at}");
    assert_eq!(crate::disk::names(&dirs.journals()).unwrap(), [""; 0], "{at}");
}

#[tokio::test]
async fn a_transition_without_failure_does_every_step_once_and_in_order() {
    let (_home, dirs) = home();
    let (apps, recorder) = (FakeApps::new(&dirs, &[]), FakeRecorder::default());
    let outcome = run(&dirs, &apps, &recorder, breaking()).await;
    assert_eq!((outcome.kind, outcome.event, outcome.current.as_deref()), (OutcomeKind::Done, Some(41), Some(NEW)));
    assert_new_world(&dirs, "done");
    let expected = [
        "close",
        "stop shop.20261122_1 serve",
        "hook shop.20261122_2 migrate",
        "start shop.20261122_2 check",
        "ready shop.20261122_2 check",
        "stop shop.20261122_2 check",
        "start shop.20261122_2 serve",
        "ready shop.20261122_2 serve",
        "route shop.20261122_2 Active shop.localhost",
        "probe /",
        "open",
        "drain shop.20261122_1",
    ];
    assert_eq!(apps.calls(), expected);
}

/// What is asked of the apps on the way back, last first: per failing step.
#[tokio::test]
async fn a_failing_step_is_followed_by_the_undo_of_what_was_begun_in_reverse() {
    let back_open = ["open"].as_slice();
    let back_old = ["start shop.20261122_1 serve", "ready shop.20261122_1 serve", "open"].as_slice();
    let back_check = [&["stop shop.20261122_2 check"], back_old].concat();
    let back_start = [&["stop shop.20261122_2 serve", "stop shop.20261122_2 check"], back_old].concat();
    let back_switch = [&["route shop.20261122_1 Active shop.localhost"], back_start.as_slice()].concat();
    let table = [
        ("close-writes", "close", back_open.to_vec()),
        ("stop-old", "stop shop.20261122_1 serve", back_old.to_vec()),
        ("migrate", "hook shop.20261122_2 migrate", back_old.to_vec()),
        ("start-check", "start shop.20261122_2 check", back_check.clone()),
        ("ready-check", "ready shop.20261122_2 check", back_check),
        ("start", "start shop.20261122_2 serve", back_start.clone()),
        ("ready", "ready shop.20261122_2 serve", back_start),
        ("switch", "route shop.20261122_2 Active shop.localhost", back_switch.clone()),
        ("probe", "probe /", back_switch),
    ];
    for (step, failing, expected) in table {
        let (_home, dirs) = home();
        let (apps, recorder) = (FakeApps::new(&dirs, &[failing]), FakeRecorder::default());
        let outcome = run(&dirs, &apps, &recorder, breaking()).await;
        assert_eq!((outcome.kind, outcome.failed_step.as_deref()), (OutcomeKind::Reverted, Some(step)));
        assert_eq!(outcome.message, Some(format!("{failing} was told to fail")));
        assert_eq!(outcome.log, ["boom"], "{step}");
        let calls = apps.calls();
        let failed = calls.iter().position(|call| call == failing).unwrap();
        assert_eq!(calls[failed + 1..], expected, "{step}");
        assert_old_world(&dirs, step);
        assert!(!*apps.closed.lock().unwrap(), "{step}");
        assert_eq!(recorder.outcomes.lock().unwrap()["t1"].kind, OutcomeKind::Reverted);
    }
}

#[tokio::test]
async fn after_open_nothing_is_reverted() {
    for failing in ["open", "drain shop.20261122_1"] {
        let (_home, dirs) = home();
        let (apps, recorder) = (FakeApps::new(&dirs, &[failing]), FakeRecorder::default());
        let outcome = run(&dirs, &apps, &recorder, breaking()).await;
        assert_eq!((outcome.kind, outcome.message), (OutcomeKind::Done, Some(format!("{failing} was told to fail"))));
        assert_eq!(apps.calls().last().unwrap(), "drain shop.20261122_1", "the rest is done all the same");
        assert_new_world(&dirs, failing);
    }
}

#[tokio::test]
async fn a_failing_undo_is_told_and_the_rest_is_undone() {
    let (_home, dirs) = home();
    let failing = ["probe /", "stop shop.20261122_2 serve"];
    let (apps, recorder) = (FakeApps::new(&dirs, &failing), FakeRecorder::default());
    let outcome = run(&dirs, &apps, &recorder, breaking()).await;
    assert_eq!(outcome.kind, OutcomeKind::RevertFailed);
    assert_eq!(outcome.undo_errors, ["start: stop shop.20261122_2 serve was told to fail"]);
    assert_old_world(&dirs, "after a failing undo");
}

#[tokio::test]
async fn an_app_is_not_let_loose_on_data_that_could_not_be_put_back() {
    let (_home, dirs) = home();
    let (apps, recorder) = (FakeApps::new(&dirs, &["probe /"]), FakeRecorder::default());
    let mut plan = breaking();
    for step in &mut plan.steps {
        if step.id == "migrate" {
            step.undo = vec![Action::RestoreCheckpoint { id: "another".into() }];
        }
    }
    let outcome = run(&dirs, &apps, &recorder, plan).await;
    assert_eq!(outcome.kind, OutcomeKind::RevertFailed);
    assert!(*apps.closed.lock().unwrap(), "writes stay closed");
    assert!(apps.running.lock().unwrap().is_empty(), "the old release stays stopped");
    assert_eq!(outcome.undo_errors.len(), 3, "{:?}", outcome.undo_errors);
}

#[tokio::test]
async fn what_an_administrator_changes_meanwhile_survives_the_way_back() {
    let (_home, dirs) = home();
    let transition = breaking();
    let journal = begin(&dirs, transition.clone(), None);
    let (apps, recorder, feed) = (FakeApps::new(&dirs, &[]), FakeRecorder::default(), Feed::default());
    let means = Means { dirs: &dirs, apps: &apps, recorder: &recorder, feed: &feed };
    let set = transition.steps.iter().find(|step| step.id == "set-keys").unwrap();
    act::act(means, &journal, &set.id, &set.action).await.unwrap();
    assert_eq!(data(&dirs, "conf/shop.ini"), "[shop]\nversion = 2\ncolour = red\n");
    fs::write(dirs.data("shop").join("conf/shop.ini"), "[shop]\nversion = 2\ncolour = blue\n").unwrap();
    act::act(means, &journal, &set.id, &set.action).await.unwrap(); // a second time keeps what was first
    for _ in 0..2 {
        act::undo(means, &journal, &set.id, &set.undo[0]).await.unwrap();
        assert_eq!(data(&dirs, "conf/shop.ini"), "[shop]\nversion = 1\ncolour = blue\n");
    }
}

/// The agent is killed after every line of the journal there can be, with and without a failing
/// step; the next one brings everything to one of the two worlds and records it once.
#[tokio::test]
async fn killed_at_any_line_the_next_agent_ends_in_one_of_two_worlds() {
    let steps: Vec<String> = breaking().steps.into_iter().map(|step| step.id).collect();
    let places = |moments: &[Moment]| {
        let moments = moments.to_vec();
        steps.iter().flat_map(move |step| moments.clone().into_iter().map(|moment| (step.clone(), moment))).collect::<Vec<_>>()
    };
    let mut forward = places(&[Moment::Begin, Moment::Done]);
    forward.extend([("start".into(), Moment::Done), ("end".into(), Moment::Begin), ("end".into(), Moment::Done)]);
    let backward = places(&[Moment::Failed, Moment::Undo, Moment::Undone]);
    let mut killed = 0;
    for (failing, places) in [(None, &forward), (Some("probe /"), &backward), (Some("hook shop.20261122_2 migrate"), &backward)] {
        for (step, moment) in places {
            killed += usize::from(kill_and_recover(failing, step, *moment).await);
        }
    }
    // forward: every place; backward: the failing step, and both sides of each undo
    assert_eq!(killed, forward.len() + (1 + 2 * 7) + (1 + 2 * 4));
}

/// The agent is killed in the middle, the next one while it puts things back, and so on at every line.
#[tokio::test]
async fn killed_while_putting_back_the_next_agent_goes_on() {
    let undone: Vec<String> = breaking().steps.into_iter().filter(|step| !step.undo.is_empty()).map(|step| step.id).collect();
    for step in &undone {
        for moment in [Moment::Undo, Moment::Undone] {
            let at = format!("{step} {moment:?}");
            let (_home, dirs) = home();
            let recorder = Arc::new(FakeRecorder::default());
            for die_at in [DieAt::new("probe", Moment::Done, killing()), DieAt::new(step, moment, killing())] {
                let (there, events) = (dirs.clone(), Arc::clone(&recorder));
                let agent = tokio::spawn(async move {
                    let (apps, feed) = (FakeApps::new(&there, &[]), Feed::default());
                    let means = Means { dirs: &there, apps: &apps, recorder: &*events, feed: &feed };
                    match Journal::all(&there, Some(&die_at)).unwrap().pop() {
                        None => drop(carry(means, begin(&there, breaking(), Some(die_at))).await.unwrap()),
                        Some((_, journal)) => drop(resume(means, journal.unwrap(), Decision::Revert).await.unwrap()),
                    }
                });
                assert!(agent.await.is_err(), "{at} is reached");
            }
            let (apps, feed) = (FakeApps::new(&dirs, &[]), Feed::default());
            let means = Means { dirs: &dirs, apps: &apps, recorder: &*recorder, feed: &feed };
            let (_, journal) = Journal::all(&dirs, None).unwrap().pop().unwrap();
            let journal = journal.unwrap();
            let decision = recover::recover(journal.transition(), journal.lines(), &Observed::default());
            assert_eq!(decision, Decision::Revert, "{at}");
            resume(means, journal, decision).await.unwrap();
            assert_old_world(&dirs, &at);
        }
    }
}

#[tokio::test]
async fn what_could_not_be_undone_at_first_is_undone_by_who_comes_later() {
    let (_home, dirs) = home();
    let recorder = Arc::new(FakeRecorder::default());
    let (there, events) = (dirs.clone(), Arc::clone(&recorder));
    let agent = tokio::spawn(async move {
        let apps = FakeApps::new(&there, &["probe /", "route shop.20261122_1 Active shop.localhost"]);
        let (feed, die_at) = (Feed::default(), DieAt::new("switch", Moment::Undone, killing()));
        let means = Means { dirs: &there, apps: &apps, recorder: &*events, feed: &feed };
        drop(carry(means, begin(&there, breaking(), Some(die_at))).await.unwrap());
    });
    assert!(agent.await.is_err());
    let (apps, feed) = (FakeApps::new(&dirs, &[]), Feed::default());
    let means = Means { dirs: &dirs, apps: &apps, recorder: &*recorder, feed: &feed };
    let journal = Journal::all(&dirs, None).unwrap().pop().unwrap().1.unwrap();
    assert!(matches!(&journal.lines().last().unwrap().fact, Fact::UndoFailed { step, .. } if step == "switch"));
    let outcome = resume(means, journal, Decision::Revert).await.unwrap().unwrap();
    assert_eq!((outcome.kind, outcome.undo_errors), (OutcomeKind::Reverted, Vec::new()));
    assert_old_world(&dirs, "undone at last");
}

/// Stands for `abort`: the task ends there and then, and nothing is printed.
fn killing() -> Arc<dyn Fn() + Send + Sync> {
    Arc::new(|| std::panic::resume_unwind(Box::new("killed")))
}

/// Returns whether the place was reached.
async fn kill_and_recover(failing: Option<&'static str>, step: &str, moment: Moment) -> bool {
    let at = format!("{failing:?} killed at {step} {moment:?}");
    let (_home, dirs) = home();
    let die_at = DieAt::new(step, moment, killing());
    let recorder = Arc::new(FakeRecorder::default());
    let (there, events) = (dirs.clone(), Arc::clone(&recorder));
    let first = tokio::spawn(async move {
        let (apps, feed) = (FakeApps::new(&there, &failing.into_iter().collect::<Vec<_>>()), Feed::default());
        let journal = begin(&there, breaking(), Some(die_at));
        carry(Means { dirs: &there, apps: &apps, recorder: &*events, feed: &feed }, journal).await.unwrap();
    });
    let was_killed = first.await.is_err();

    let (apps, feed) = (FakeApps::new(&dirs, &[]), Feed::default());
    let means = Means { dirs: &dirs, apps: &apps, recorder: &*recorder, feed: &feed };
    let mut left = Journal::all(&dirs, None).unwrap();
    assert_eq!(left.len(), usize::from(was_killed), "{at}");
    let mut past_return = failing.is_none();
    if let Some((_, journal)) = left.pop() {
        let journal = journal.unwrap();
        let current = state::load(&dirs, "shop").unwrap().current;
        let observed = Observed { app: "shop".into(), current, ..Observed::default() };
        let decision = recover::recover(journal.transition(), journal.lines(), &observed);
        past_return &= decision != Decision::Revert;
        resume(means, journal, decision).await.unwrap();
    }
    let outcomes = recorder.outcomes.lock().unwrap();
    assert_eq!(outcomes.len(), 1, "{at}");
    if past_return {
        assert_eq!(outcomes["t1"].kind, OutcomeKind::Done, "{at}");
        assert_new_world(&dirs, &at);
    } else {
        assert_eq!(outcomes["t1"].kind, OutcomeKind::Reverted, "{at}");
        assert_old_world(&dirs, &at);
    }
    assert!(!*apps.closed.lock().unwrap(), "{at}");
    // while data were put back, nobody could write
    let calls = apps.calls();
    if calls.iter().any(|call| call == "open") && !past_return {
        assert_eq!(calls.first().map(String::as_str), Some("close"), "{at}: {calls:?}");
    }
    was_killed
}
