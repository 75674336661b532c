//! One change on several nodes, against nodes that do as the test says.

use async_trait::async_trait;
use silver_builtin::backup::BuiltinBackup;
use silver_core::{
    deploy::{Choice, plan_state},
    group::{self, CalledOff, Ended, GroupListener, Means, Member},
    node::{Body, Node, NodeError, Parts, Session, Stored, Watched},
    plan::{Flags, StateChange},
    progress::Listener,
};
use silver_plugin_api::{
    Digest, TreePath,
    plan::{
        AgentStatus, AppReport, AppState, DataClass, Deployment, EnvironmentEntry, Finished, LaidOut, LogHead, LogLine, LogQuery,
        Missing, NodeFacts, Observed, ObservedRelease, Outcome, OutcomeKind, Progress, ProgressKind, Release, ReleaseDrift,
        RunInput, RunOutput, RunRequest, Transition, TrustRequest,
    },
    setup::{Applied, Plan, SetupOrder, SetupState},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::sync::{mpsc, watch};

/// Where a member fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fails {
    Never,
    Lock,
    BeforeBarrier,
    AtSwitch,
    /// As [`Fails::AtSwitch`], and the way back would lose writes.
    AtSwitchOfAnother,
    /// It goes through, and somebody else deploys there before the others have.
    Overtaken,
    /// Its network is cut when it waits for the others.
    VanishesAtBarrier,
    /// Its network is cut before it waits, and back after a moment.
    Blinks,
    /// It is started again while it waits, which reverts its change; it is told of that when somebody asks for it.
    StartsAnew,
}

/// What happened on all nodes, in order.
type Story = Arc<Mutex<Vec<String>>>;

#[derive(Clone)]
struct Fake {
    name: &'static str,
    fails: Fails,
    story: Story,
    /// What is said at the barrier.
    said: Arc<watch::Sender<Option<bool>>>,
    /// Was the last migration breaking?
    breaking: bool,
}

impl Fake {
    fn new(name: &'static str, fails: Fails, story: &Story) -> Self {
        Self { name, fails, story: Arc::clone(story), said: Arc::new(watch::Sender::new(None)), breaking: false }
    }

    fn tell(&self, what: &str) {
        self.story.lock().unwrap().push(format!("{} {what}", self.name));
    }

    /// Carries the transition to its end.
    async fn carried(&mut self, listener: &mut dyn Listener) -> Outcome {
        if self.fails == Fails::BeforeBarrier {
            self.tell("fails");
            return Self::outcome(OutcomeKind::Reverted);
        }
        listener.progress(says("barrier", ProgressKind::Begin("wait".into())));
        let mut said = self.said.subscribe();
        let on = said.wait_for(Option::is_some).await.unwrap().unwrap_or_default();
        if !on || self.fails == Fails::AtSwitch {
            self.tell("reverts");
            return Self::outcome(OutcomeKind::Reverted);
        }
        self.tell("switches");
        listener.progress(says("open", ProgressKind::Done));
        let current = if self.fails == Fails::Overtaken { "wiki.20261122_1" } else { "wiki.20261122_2" };
        Outcome { current: Some(current.into()), ..Self::outcome(OutcomeKind::Done) }
    }

    fn outcome(kind: OutcomeKind) -> Outcome {
        Outcome {
            kind,
            failed_step: None,
            message: None,
            log: Vec::new(),
            undo_errors: Vec::new(),
            current: None,
            event: Some(1),
            closed_ms: 0,
        }
    }
}

fn says(step: &str, kind: ProgressKind) -> Progress {
    Progress { step: step.into(), kind, at_ms: 0 }
}

fn release(label: &str, parent: Option<&str>, breaking: bool) -> ObservedRelease {
    let zero = Digest::from_bytes([0; 32]);
    let release: Release = serde_json::from_value(serde_json::json!({
        "id": zero, "app": "wiki", "tree": silver_pack::listing::Listing::new().digest(), "settings": {}, "secrets": [], "environment": null,
        "pack": {"id": "a.b", "name": "wiki", "version": "1.0.0", "app-version": "1", "digest": zero, "archive": zero, "signature": "unsigned"},
        "runtime": "static", "layout-root": "", "processes": [], "env": [], "rendered": [], "state": [], "hooks": {},
        "statics": [], "assets": [], "checks": [], "probes": [], "overlap": "web", "services": [], "extra": {}
    }))
    .unwrap();
    ObservedRelease {
        label: label.into(),
        release,
        checkpoint: breaking.then(|| "before".into()),
        data: if breaking { DataClass::Breaking } else { DataClass::Unchanged },
        created: "2026-11-22T00:00:00Z".into(),
        parent: parent.map(Into::into),
    }
}

#[async_trait]
impl Node for Fake {
    fn name(&self) -> &str {
        self.name
    }
    async fn facts(&self) -> Result<NodeFacts, NodeError> {
        Ok(NodeFacts { name: self.name.into(), free_bytes: 1 << 30, ..NodeFacts::default() })
    }
    async fn observe(&self, app: &str) -> Result<Observed, NodeError> {
        Ok(Observed {
            app: app.into(),
            state: AppState::Active,
            current: Some("wiki.20261122_2".into()),
            releases: vec![
                release("wiki.20261122_1", None, false),
                release("wiki.20261122_2", Some("wiki.20261122_1"), self.breaking),
            ],
            locations: vec!["wiki.localhost".into()],
            next_label: "wiki.20261122_3".into(),
            ..Observed::default()
        })
    }
    async fn tree(&self, _: &Digest) -> Result<String, NodeError> {
        Ok(String::new())
    }
    async fn lock(&self, _: &str) -> Result<Box<dyn Session>, NodeError> {
        if self.fails == Fails::Lock {
            return Err(NodeError::Busy { app: "wiki".into(), by: "bob".into() });
        }
        Ok(Box::new(self.clone()))
    }
    async fn go(&self, _: &str, id: &str, on: bool) -> Result<(), NodeError> {
        assert_eq!(id, "attempt");
        if self.fails == Fails::VanishesAtBarrier {
            return Err(NodeError::Unreachable { node: self.name.into(), reason: "silence".into() });
        }
        self.tell(if on { "go" } else { "back" });
        self.said.send_replace(Some(on));
        Ok(())
    }
    async fn watch(&self, _: &str, listener: &mut dyn Listener) -> Result<Watched, NodeError> {
        if self.fails == Fails::StartsAnew {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            let outcome = Self::outcome(OutcomeKind::Reverted);
            return Ok(Watched::Idle(Some(Finished { id: "attempt".into(), outcome })));
        }
        if self.fails == Fails::VanishesAtBarrier {
            return Err(NodeError::Unreachable { node: self.name.into(), reason: "silence".into() });
        }
        let outcome = self.clone().carried(listener).await;
        Ok(Watched::Ended(Finished { id: "attempt".into(), outcome }))
    }
    async fn apps(&self) -> Result<Vec<AppReport>, NodeError> {
        unreachable!()
    }
    async fn recorded(&self) -> Result<Vec<AppReport>, NodeError> {
        unreachable!()
    }
    async fn files(&self, _: &str) -> Result<LaidOut, NodeError> {
        unreachable!()
    }
    async fn contents(&self, _: &str, _: &str, _: Vec<TreePath>) -> Result<Vec<Option<Vec<u8>>>, NodeError> {
        unreachable!()
    }
    async fn missing(&self, _: Option<Digest>, _: Vec<Digest>) -> Result<Missing, NodeError> {
        unreachable!()
    }
    async fn renewed(&self, _: &str, _: &BTreeMap<String, String>) -> Result<Vec<String>, NodeError> {
        unreachable!()
    }
    async fn assembled(&self, _: &Parts<'_>) -> Result<Option<String>, NodeError> {
        unreachable!()
    }
    async fn log_head(&self, _: Option<u64>) -> Result<LogHead, NodeError> {
        unreachable!()
    }
    async fn events(&self, _: u64) -> Result<Vec<Vec<u8>>, NodeError> {
        unreachable!()
    }
    async fn stored(&self, _: bool, _: &[Digest]) -> Result<Vec<Option<Stored>>, NodeError> {
        unreachable!()
    }
    async fn logs(&self, _: LogQuery, _: mpsc::Sender<LogLine>) -> Result<(), NodeError> {
        unreachable!()
    }
    async fn run(&self, _: RunRequest, _: mpsc::Receiver<RunInput>, _: mpsc::Sender<RunOutput>) -> Result<i32, NodeError> {
        unreachable!()
    }
    async fn environment(&self, _: &str) -> Result<Vec<EnvironmentEntry>, NodeError> {
        unreachable!()
    }
    async fn trust(&self, _: TrustRequest) -> Result<u64, NodeError> {
        unreachable!()
    }
    async fn drift(&self, _: &str, _: bool) -> Result<Vec<ReleaseDrift>, NodeError> {
        unreachable!()
    }
    async fn resources(&self, _: Option<&Plan>) -> Result<SetupState, NodeError> {
        unreachable!()
    }
    async fn set_up(&self, _: &SetupOrder, _: &mut dyn Listener) -> Result<Applied, NodeError> {
        unreachable!()
    }
    async fn status(&self) -> Result<AgentStatus, NodeError> {
        if self.fails == Fails::VanishesAtBarrier {
            std::future::pending::<()>().await; // nobody says that the network is cut
        }
        Ok(AgentStatus { pid: 1, silver: String::new(), uptime_seconds: 1, apps: 1, port: 443 })
    }
    async fn shutdown(&self) -> Result<(), NodeError> {
        unreachable!()
    }
}

#[async_trait]
impl Session for Fake {
    async fn observe(&mut self) -> Result<Observed, NodeError> {
        Node::observe(self, "wiki").await
    }
    async fn submit(&mut self, transition: &Transition) -> Result<(), NodeError> {
        self.tell(&format!("{:?}", transition.kind).to_lowercase());
        // what comes after a change of the group is a way back
        if transition.id != "attempt" {
            self.said.send_replace(Some(true));
            self.fails = Fails::Never;
        }
        Ok(())
    }
    async fn outcome(&mut self, listener: &mut dyn Listener) -> Result<Outcome, NodeError> {
        let broken = || NodeError::Broken { node: self.name.into(), reason: "cut".into() };
        match self.fails {
            Fails::Blinks => Err(broken()),
            Fails::VanishesAtBarrier | Fails::StartsAnew => {
                listener.progress(says("barrier", ProgressKind::Begin("wait".into())));
                Err(broken())
            }
            _ => Ok(self.carried(listener).await),
        }
    }
    async fn missing(&mut self, _: Option<Digest>, _: Vec<Digest>) -> Result<Missing, NodeError> {
        unreachable!()
    }
    async fn put_archive(
        &mut self,
        _: Digest,
        _: u64,
        _: u64,
        _: Body<'_>,
        _: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), NodeError> {
        unreachable!()
    }
    async fn put_blobs(&mut self, _: &[(Digest, u64)], _: Body<'_>, _: &mut (dyn FnMut(u64) + Send)) -> Result<(), NodeError> {
        unreachable!()
    }
    async fn put_tree(&mut self, _: Digest, _: &str) -> Result<(), NodeError> {
        unreachable!()
    }
    async fn assemble(&mut self, _: &Parts<'_>, _: &mut dyn Listener) -> Result<String, NodeError> {
        unreachable!()
    }
    async fn stage(&mut self, _: &str, _: &Release, _: &BTreeMap<String, String>, _: &mut dyn Listener) -> Result<(), NodeError> {
        Ok(())
    }
}

struct Deaf;

impl GroupListener for Deaf {
    fn progress(&mut self, _: usize, _: Progress) {}
}

/// Carries a change out on nodes that fail so; how it ended on each, and what happened.
async fn carried(fails: &[Fails]) -> (Vec<&'static str>, Vec<String>) {
    carried_until(fails, Box::pin(std::future::pending())).await
}

/// As [`carried`], and called off when `called_off` ends.
async fn carried_until(fails: &[Fails], called_off: CalledOff<'_>) -> (Vec<&'static str>, Vec<String>) {
    let story = Story::default();
    let backup = BuiltinBackup;
    let flags = Flags::new("attempt");
    let told = Deployment::default();
    let mut members = Vec::new();
    for (fails, name) in fails.iter().zip(["a", "b", "c"]) {
        let node = Fake { breaking: fails.eq(&Fails::AtSwitchOfAnother), ..Fake::new(name, *fails, &story) };
        let choice = plan_state(&node, "wiki", StateChange::Disable, &told, &backup, &flags).await.unwrap();
        let Choice::Planned(planned) = choice else { panic!("nothing to do") };
        members.push(Member { node: Arc::new(node), planned: *planned, secrets: BTreeMap::new() });
    }
    let means = Means {
        at_once: 2,
        client_time: "2026-11-22T18:00:00Z",
        signatures: Vec::new(),
        deployment: &told,
        backup: &backup,
        flags: &flags,
        called_off,
    };
    let ended = group::carry(members, means, &mut Deaf).await;
    let words = ended.iter().map(|end| match end {
        Ended::NotBegun => "not begun",
        Ended::Refused(_) => "refused",
        Ended::Outcome(outcome) if outcome.kind == OutcomeKind::Done => "done",
        Ended::Outcome(_) => "reverted",
        Ended::TakenBack(_) => "taken back",
        Ended::Ahead { .. } => "ahead",
        Ended::Away => "away",
        Ended::Lost(_) => "lost",
    });
    let words = words.collect();
    let story = story.lock().unwrap().clone();
    (words, story)
}

fn at(story: &[String], what: &str) -> usize {
    story.iter().position(|told| told == what).unwrap_or_else(|| panic!("no `{what}` in {story:?}"))
}

#[tokio::test]
async fn all_wait_for_each_other_and_the_first_goes_ahead() {
    use Fails::Never;
    let (ended, story) = carried(&[Never, Never, Never]).await;
    assert_eq!(ended, ["done"; 3]);
    for other in ["b", "c"] {
        assert!(at(&story, &format!("{other} disable")) < at(&story, "a go"), "all are under way: {story:?}");
        assert!(at(&story, "a switches") < at(&story, &format!("{other} go")), "the first goes ahead: {story:?}");
    }
    assert_eq!(carried(&[Never]).await.0, ["done"]);
}

#[tokio::test]
async fn a_member_that_is_not_ready_keeps_all_from_beginning() {
    use Fails::{Lock, Never};
    let (ended, story) = carried(&[Never, Lock, Never]).await;
    assert_eq!(ended, ["not begun", "refused", "not begun"]);
    assert_eq!(story, [""; 0]);
}

#[tokio::test]
async fn a_member_that_fails_before_the_switch_calls_all_back() {
    use Fails::{BeforeBarrier, Never};
    for fails in [[BeforeBarrier, Never, Never], [Never, BeforeBarrier, Never], [Never, Never, BeforeBarrier]] {
        let (ended, story) = carried(&fails).await;
        assert_eq!(ended, ["reverted"; 3]);
        assert!(!story.iter().any(|told| told.ends_with("switches") || told.ends_with("go")), "{story:?}");
    }
}

#[tokio::test]
async fn the_first_node_is_a_gate_for_the_others() {
    use Fails::{AtSwitch, Never};
    let (ended, story) = carried(&[AtSwitch, Never, Never]).await;
    assert_eq!(ended, ["reverted"; 3]);
    assert!(story.contains(&"a go".into()) && story.contains(&"b back".into()), "{story:?}");
    assert!(!story.iter().any(|told| told.ends_with("switches")), "{story:?}");
}

#[tokio::test]
async fn when_a_later_one_fails_those_that_are_through_go_back_unless_that_is_for_a_person() {
    use Fails::{AtSwitch, AtSwitchOfAnother, Never, Overtaken};
    let (ended, story) = carried(&[Never, AtSwitch, Never]).await;
    assert_eq!(ended, ["taken back", "reverted", "taken back"]);
    assert!(story.contains(&"a rollback".into()) && story.contains(&"c rollback".into()), "{story:?}");
    for stays in [AtSwitchOfAnother, Overtaken] {
        let (ended, story) = carried(&[stays, AtSwitch, Never]).await;
        assert_eq!(ended, ["ahead", "reverted", "taken back"]);
        assert!(!story.contains(&"a rollback".into()), "{story:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_that_vanishes_before_the_switch_is_given_up_and_the_others_go_back() {
    use Fails::{Never, VanishesAtBarrier};
    for (fails, ends) in [
        ([Never, VanishesAtBarrier, Never], ["reverted", "away", "reverted"]),
        ([VanishesAtBarrier, Never, Never], ["away", "reverted", "reverted"]),
    ] {
        let began = tokio::time::Instant::now();
        let (ended, story) = carried(&fails).await;
        assert_eq!(ended, ends);
        assert!(!story.iter().any(|told| told.ends_with("switches") || told.ends_with("go")), "{story:?}");
        assert!(began.elapsed() < group::BARRIER / 4, "nobody waits for it to the end: {:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_that_was_started_anew_has_gone_back_although_it_answers() {
    use Fails::{Never, StartsAnew};
    for fails in [[Never, StartsAnew], [StartsAnew, Never]] {
        let (ended, story) = carried(&fails).await;
        assert_eq!(ended, ["reverted"; 2]);
        assert!(!story.iter().any(|told| told.ends_with("switches")), "{story:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_that_comes_back_is_waited_for() {
    use Fails::{Blinks, Never};
    for fails in [[Never, Blinks, Never], [Blinks, Never, Blinks]] {
        let (ended, _) = carried(&fails).await;
        assert_eq!(ended, ["done"; 3]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_called_off_before_the_first_switch_goes_back_everywhere() {
    use Fails::{Never, VanishesAtBarrier};
    // before anything was begun
    let (ended, story) = carried_until(&[Never, Never], Box::pin(std::future::ready(()))).await;
    assert_eq!((ended, story), (vec!["not begun"; 2], Vec::new()));
    // while one is waited for
    let soon = Box::pin(tokio::time::sleep(std::time::Duration::from_secs(1)));
    let (ended, story) = carried_until(&[VanishesAtBarrier, Never], soon).await;
    assert_eq!(ended, ["away", "reverted"]);
    assert!(!story.iter().any(|told| told.ends_with("go")), "{story:?}");
}
