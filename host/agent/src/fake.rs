//! For tests: apps that only remember what was asked of them, a recorder that only counts, and small
//! releases and plans.

use crate::{
    apps::{AppFailure, Apps, LineSink, Placed, Route},
    dirs::Dirs,
    record::{RecordError, Recorder, Story},
};
use async_trait::async_trait;
use silver_pack::hash;
use silver_plugin_api::{
    Settings, TreePath,
    monitor::Sample,
    plan::{
        Access, Action, Check, DataClass, Deployment, EnvironmentEntry, FileFormat, Hook, HookTarget, LogLine, LogQuery, Outcome,
        Overlap, PackRef, Probe, ProcessReport, Recipe, RecipePart, Release, RunInput, RunOutput, RunSpec, SetKey, Source,
        StateNature, StatePath, Step, Transition, TransitionKind, Value,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::Mutex,
    time::Duration,
};
use tokio::sync::mpsc;

/// The label of the release that serves in the test plans.
pub(crate) const OLD: &str = "shop.20261122_1";
/// The label of the release that they bring.
pub(crate) const NEW: &str = "shop.20261122_2";

/// Remembers what was asked; fails where it is told to.
#[derive(Debug)]
pub(crate) struct FakeApps {
    dirs: Dirs,
    calls: Mutex<Vec<String>>,
    failing: BTreeSet<String>,
    pub(crate) closed: Mutex<bool>,
    pub(crate) running: Mutex<BTreeSet<(String, bool)>>,
    pub(crate) route: Mutex<Option<Route>>,
}

impl FakeApps {
    pub(crate) fn new(dirs: &Dirs, failing: &[&str]) -> Self {
        Self {
            dirs: dirs.clone(),
            calls: Mutex::default(),
            failing: failing.iter().map(|&call| call.to_owned()).collect(),
            closed: Mutex::default(),
            running: Mutex::default(),
            route: Mutex::default(),
        }
    }

    /// What was asked, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn called(&self, call: String) -> Result<(), AppFailure> {
        let told = AppFailure { message: format!("{call} was told to fail"), log: vec!["boom".into()] };
        let fails = self.failing.contains(&call);
        self.calls.lock().unwrap().push(call);
        if fails { Err(told) } else { Ok(()) }
    }
}

fn phase(check: bool) -> &'static str {
    if check { "check" } else { "serve" }
}

#[async_trait]
impl Apps for FakeApps {
    async fn start(&self, release: &Placed, check: bool) -> Result<(), AppFailure> {
        self.called(format!("start {} {}", release.label, phase(check)))?;
        self.running.lock().unwrap().insert((release.label.clone(), check));
        Ok(())
    }

    async fn stop(&self, _app: &str, label: &str, check: bool) -> Result<(), AppFailure> {
        self.called(format!("stop {label} {}", phase(check)))?;
        self.running.lock().unwrap().remove(&(label.to_owned(), check));
        Ok(())
    }

    async fn ready(&self, release: &Placed, check: bool, _probe: &Probe, _lines: LineSink<'_>) -> Result<(), AppFailure> {
        self.called(format!("ready {} {}", release.label, phase(check)))
    }

    async fn check(&self, release: &Placed, check: &Check, _lines: LineSink<'_>) -> Result<(), AppFailure> {
        self.called(format!("check {} {}", release.label, check.name))
    }

    /// `migrate` changes the data at once, also when it then fails: the worst case.
    async fn hook(&self, release: &Placed, name: &str, _hook: &Hook, lines: LineSink<'_>) -> Result<(), AppFailure> {
        lines("working");
        if name == "migrate" || name == "init" {
            fs::write(self.dirs.data(release.app()).join("db/rows"), release.label.as_bytes()).unwrap();
        }
        self.called(format!("hook {} {name}", release.label))
    }

    async fn route(&self, route: Route) -> Result<(), AppFailure> {
        let label = route.current.as_ref().map_or("nothing", |placed| placed.label.as_str());
        self.called(format!("route {label} {:?} {}", route.state, route.locations.join(",")))?;
        *self.route.lock().unwrap() = Some(route);
        Ok(())
    }

    async fn close(&self, _app: &str, _hold: Duration) -> Result<(), AppFailure> {
        *self.closed.lock().unwrap() = true;
        self.called("close".into())
    }

    async fn open(&self, _app: &str) -> Result<(), AppFailure> {
        self.called("open".into())?;
        *self.closed.lock().unwrap() = false;
        Ok(())
    }

    async fn probe(&self, _app: &str, access: &Access) -> Result<(), AppFailure> {
        self.called(format!("probe {}", access.path))
    }

    async fn drain(&self, _app: &str, label: &str, _timeout: Duration) -> Result<(), AppFailure> {
        self.called(format!("drain {label}"))?;
        self.running.lock().unwrap().remove(&(label.to_owned(), false));
        Ok(())
    }

    async fn make_secrets(&self, release: &Placed) -> Result<(), AppFailure> {
        self.called(format!("secrets {}", release.label))
    }

    async fn give_secrets(&self, release: &Placed, given: &[(String, String)]) -> Result<(), AppFailure> {
        self.called(format!("given {} {}", release.label, given.len()))
    }

    fn resolve(&self, _release: &Placed, value: &Value) -> Result<String, AppFailure> {
        Ok(value.masked())
    }

    async fn processes(&self, _app: &str) -> Vec<ProcessReport> {
        Vec::new()
    }

    async fn samples(&self, _app: &str) -> Vec<Sample> {
        Vec::new()
    }

    async fn environment(&self, _release: &Placed, phase: &str) -> Result<Vec<EnvironmentEntry>, AppFailure> {
        Ok(vec![EnvironmentEntry { name: "SILVER_PHASE".into(), value: phase.into(), from: "silver".into() }])
    }

    async fn logs(&self, query: &LogQuery, to: mpsc::Sender<LogLine>) -> Result<(), AppFailure> {
        for number in 0..query.lines {
            let line = LogLine { label: OLD.into(), process: "web".into(), text: number.to_string() };
            if to.send(line).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Says what it was given, as `cat` does.
    async fn run(
        &self,
        _release: &Placed,
        _spec: &RunSpec,
        mut input: mpsc::Receiver<RunInput>,
        output: mpsc::Sender<RunOutput>,
    ) -> Result<i32, AppFailure> {
        while let Some(RunInput::Data(bytes)) = input.recv().await {
            let _ = output.send(RunOutput::Out(bytes)).await;
        }
        let _ = output.send(RunOutput::Err(b"bye".to_vec())).await;
        Ok(7)
    }

    async fn shutdown(&self) {
        self.running.lock().unwrap().clear();
    }
}

/// Keeps what it is given, one outcome per transition.
#[derive(Debug, Default)]
pub(crate) struct FakeRecorder {
    pub(crate) outcomes: Mutex<BTreeMap<String, Outcome>>,
    pub(crate) stories: Mutex<Vec<Story>>,
}

#[async_trait]
impl Recorder for FakeRecorder {
    async fn record(&self, story: &Story, outcome: &Outcome) -> Result<u64, RecordError> {
        self.stories.lock().unwrap().push(story.clone());
        self.outcomes.lock().unwrap().insert(story.start.transition.id.clone(), outcome.clone());
        Ok(41)
    }
}

pub(crate) fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

/// A release of `shop` with a data directory, a config and nothing else.
pub(crate) fn release(version: &str) -> Release {
    let digest = hash::sha256(version.as_bytes());
    let state = |at: &str, nature, directory| StatePath {
        path: path(at),
        nature,
        directory,
        seed: None,
        backup: true,
        owned: None,
        set: Vec::new(),
        serve: None,
    };
    Release {
        id: digest,
        app: "shop".into(),
        pack: PackRef {
            id: "org.example.shop".into(),
            name: "shop".into(),
            version: version.into(),
            app_version: version.into(),
            digest,
            archive: digest,
            signature: "unsigned".into(),
            rotated_from: Vec::new(),
        },
        tree: digest,
        settings: Settings::new(),
        secrets: Vec::new(),
        environment: None,
        runtime: "command".into(),
        layout_root: path("env"),
        processes: Vec::new(),
        env: Vec::new(),
        rendered: Vec::new(),
        state: vec![state("db", StateNature::Data, true), state("conf/shop.ini", StateNature::Config, false)],
        hooks: BTreeMap::new(),
        statics: Vec::new(),
        assets: Vec::new(),
        checks: Vec::new(),
        probes: Vec::new(),
        overlap: Overlap::Web,
        services: Vec::new(),
        front: silver_plugin_api::plan::Front::default(),
        assemble: Vec::new(),
        cron: Vec::new(),
        content: Vec::new(),
        extra: Settings::new(),
    }
}

pub(crate) fn recipe() -> Recipe {
    let source = |at: &str| Source::Data { path: path(at), exclude: vec!["**/*.tmp".into()] };
    Recipe {
        parts: vec![
            RecipePart { id: "db".into(), source: source("db") },
            RecipePart { id: "conf".into(), source: source("conf/shop.ini") },
            RecipePart { id: "secrets".into(), source: Source::Secrets },
        ],
        notes: Settings::new(),
    }
}

fn access() -> Access {
    Access { path: "/".into(), status: 200, body_contains: None, body_lacks: None }
}

pub(crate) fn probe() -> Probe {
    Probe { id: "ready".into(), access: access(), every_ms: 10, timeout_ms: 100 }
}

pub(crate) fn step(id: &str, action: Action, undo: Vec<Action>) -> Step {
    Step { id: id.into(), action, undo, why: String::new() }
}

/// The steps of an update with a breaking migration, as the planner makes them.
pub(crate) fn breaking() -> Transition {
    let (old, new) = (|| OLD.to_owned(), || NEW.to_owned());
    let ready = |label: String, check| Action::Ready { label, probe: probe(), check };
    let hook = Hook { target: HookTarget::Command(vec!["migrate".into()]), timeout_ms: 100 };
    let set = vec![SetKey { key: "shop.version".into(), value: Value::text("2") }];
    let file = path("conf/shop.ini");
    let restore = Action::RestoreCheckpoint { id: format!("before-{NEW}") };
    let steps = vec![
        step(
            "close-writes",
            Action::CloseWrites { hold_ms: 10 },
            vec![Action::OpenWrites, Action::RemoveRelease { label: new() }],
        ),
        step(
            "stop-old",
            Action::Stop { label: old(), check: false },
            vec![Action::Start { label: old(), check: false }, ready(old(), false)],
        ),
        step("checkpoint", Action::Checkpoint { id: format!("before-{NEW}"), recipe: recipe() }, vec![]),
        step("make-state", Action::MakeState, vec![]),
        step(
            "set-keys",
            Action::SetKeys { file: file.clone(), format: FileFormat::Ini, owned: vec!["shop.version".into()], set },
            vec![Action::RestoreKeys { file }],
        ),
        step("migrate", Action::Run { name: "migrate".into(), hook }, vec![restore]),
        step("start-check", Action::Start { label: new(), check: true }, vec![Action::Stop { label: new(), check: true }]),
        step("ready-check", ready(new(), true), vec![]),
        step("stop-check", Action::Stop { label: new(), check: true }, vec![]),
        step("start", Action::Start { label: new(), check: false }, vec![Action::Stop { label: new(), check: false }]),
        step("ready", ready(new(), false), vec![]),
        step("switch", Action::Switch { label: Some(new()) }, vec![Action::Switch { label: Some(old()) }]),
        step("probe", Action::Probe(access()), vec![]),
        step("open", Action::Open, vec![]),
        step("open-writes", Action::OpenWrites, vec![]),
        step("drain", Action::Drain { label: old(), timeout_ms: 10 }, vec![]),
        step("prune", Action::Prune { keep: 2 }, vec![]),
    ];
    Transition {
        id: "t1".into(),
        kind: TransitionKind::Deploy,
        app: "shop".into(),
        parent: Some(OLD.into()),
        release: Some((NEW.into(), release("2.0.0"))),
        locations: vec!["shop.localhost".into()],
        data: DataClass::Breaking,
        steps,
        deployment: Deployment { operator: "ann@desk".into(), ..Deployment::default() },
    }
}
