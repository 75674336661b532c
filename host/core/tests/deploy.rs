//! A command's part of an update, against a node that writes down what it is asked.

use async_trait::async_trait;
use silver_builtin::backup::BuiltinBackup;
use silver_core::{
    deploy::{Choice, Content, DeployError, Glance, Planned, Resolved},
    node::{Body, Node, NodeError, Parts, Session, Stored, Watched},
    plan::{Flags, Wanted},
    progress::{Listener, Silent},
    resolve::{self, Overrides},
};
use silver_pack::{
    hash::sha256,
    listing::{self, Kind, Listing},
    overlay::Reasons,
    snapshot::MemoryBlobs,
};
use silver_plugin_api::{
    Digest, TreePath,
    plan::{
        AgentStatus, AppReport, AppState, Assembly, DataClass, Deployment, EnvironmentEntry, Finished, LaidOut, LogHead, LogLine,
        LogQuery, Missing, NodeFacts, Observed, ObservedRelease, Outcome, OutcomeKind, Progress, ProgressKind, Release,
        ReleaseDrift, RunInput, RunOutput, RunRequest, Secret, SecretSource, Transition, TrustRequest,
    },
    setup::{Applied, Plan, SetupOrder, SetupState},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::sync::mpsc;

/// What the node has, does wrong, and was asked.
#[derive(Default)]
struct State {
    asked: Vec<String>,
    /// How many contents came at once.
    sent: Vec<usize>,
    blobs: Vec<Digest>,
    /// What came of the zip before its upload was cut.
    part: Vec<u8>,
    observed: Observed,
    /// Observed once the lock is held, if it differs.
    meanwhile: Option<Observed>,
    /// The connection breaks after the submission; then this is what watching says.
    breaks: Option<Watched>,
    /// So often it cannot be reached before it says so.
    away: u32,
    submitted: Option<Transition>,
    staged: Option<Release>,
    trees: BTreeMap<Digest, String>,
    secrets: BTreeMap<String, String>,
    /// What a build step makes, as the node says it.
    makes: String,
    /// Was it made before?
    made: bool,
}

#[derive(Clone, Default)]
struct Fake(Arc<Mutex<State>>);

impl Fake {
    fn asked(&self, what: impl Into<String>) {
        self.0.lock().unwrap().asked.push(what.into());
    }

    fn lacking(&self, archive: Option<Digest>, blobs: &[Digest]) -> Missing {
        let state = self.0.lock().unwrap();
        let lacks = |blob: &Digest| !state.blobs.contains(blob);
        Missing {
            archive: archive.is_some_and(|digest| lacks(&digest)),
            archive_part: state.part.len() as u64,
            blobs: blobs.iter().copied().filter(lacks).collect(),
        }
    }

    fn done() -> Outcome {
        Outcome {
            kind: OutcomeKind::Done,
            failed_step: None,
            message: None,
            log: Vec::new(),
            undo_errors: Vec::new(),
            current: Some("wiki.20261122_1".into()),
            event: Some(1),
            closed_ms: 0,
        }
    }
}

async fn glance(node: &Fake) -> Glance {
    Glance::take(node, "wiki").await.unwrap()
}

#[async_trait]
impl Node for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }
    async fn facts(&self) -> Result<NodeFacts, NodeError> {
        Ok(NodeFacts { name: "fake".into(), free_bytes: 1 << 30, ..NodeFacts::default() })
    }
    async fn apps(&self) -> Result<Vec<AppReport>, NodeError> {
        Ok(Vec::new())
    }
    async fn recorded(&self) -> Result<Vec<AppReport>, NodeError> {
        unreachable!()
    }
    async fn observe(&self, _: &str) -> Result<Observed, NodeError> {
        Ok(self.0.lock().unwrap().observed.clone())
    }
    async fn tree(&self, digest: &Digest) -> Result<String, NodeError> {
        let tree = self.0.lock().unwrap().trees.get(digest).cloned();
        tree.ok_or_else(|| NodeError::NotFound(format!("no tree {digest}")))
    }
    async fn files(&self, _: &str) -> Result<LaidOut, NodeError> {
        unreachable!()
    }
    async fn contents(&self, _: &str, _: &str, _: Vec<TreePath>) -> Result<Vec<Option<Vec<u8>>>, NodeError> {
        unreachable!()
    }
    async fn missing(&self, archive: Option<Digest>, blobs: Vec<Digest>) -> Result<Missing, NodeError> {
        Ok(self.lacking(archive, &blobs))
    }
    async fn renewed(&self, _: &str, secrets: &BTreeMap<String, String>) -> Result<Vec<String>, NodeError> {
        let known = &self.0.lock().unwrap().secrets;
        Ok(secrets
            .iter()
            .filter(|(name, value)| known.get(*name).is_some_and(|known| known != *value))
            .map(|(name, _)| name.clone())
            .collect())
    }
    async fn assembled(&self, parts: &Parts<'_>) -> Result<Option<String>, NodeError> {
        assert_eq!(parts.locations, ["wiki.localhost"]);
        let state = self.0.lock().unwrap();
        Ok(state.made.then(|| state.makes.clone()))
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
    async fn lock(&self, app: &str) -> Result<Box<dyn Session>, NodeError> {
        self.asked(format!("lock {app}"));
        Ok(Box::new(self.clone()))
    }
    async fn go(&self, _: &str, _: &str, _: bool) -> Result<(), NodeError> {
        unreachable!()
    }
    async fn watch(&self, _: &str, heard: &mut dyn Listener) -> Result<Watched, NodeError> {
        self.asked("watch");
        let mut state = self.0.lock().unwrap();
        if let Some(left) = state.away.checked_sub(1) {
            state.away = left;
            return Err(NodeError::Unreachable { node: "fake".into(), reason: "no route".into() });
        }
        heard.progress(step("close-writes"));
        heard.progress(step("migrate"));
        Ok(state.breaks.clone().unwrap_or(Watched::Idle(None)))
    }
    async fn logs(&self, _: LogQuery, _: mpsc::Sender<LogLine>) -> Result<(), NodeError> {
        Ok(())
    }
    async fn run(&self, _: RunRequest, _: mpsc::Receiver<RunInput>, _: mpsc::Sender<RunOutput>) -> Result<i32, NodeError> {
        Ok(0)
    }
    async fn environment(&self, _: &str) -> Result<Vec<EnvironmentEntry>, NodeError> {
        Ok(Vec::new())
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
        Ok(AgentStatus { pid: 1, silver: "0".into(), uptime_seconds: 0, apps: 0, port: 80 })
    }
    async fn shutdown(&self) -> Result<(), NodeError> {
        Ok(())
    }
}

#[async_trait]
impl Session for Fake {
    async fn observe(&mut self) -> Result<Observed, NodeError> {
        let state = self.0.lock().unwrap();
        Ok(state.meanwhile.as_ref().unwrap_or(&state.observed).clone())
    }
    async fn missing(&mut self, archive: Option<Digest>, blobs: Vec<Digest>) -> Result<Missing, NodeError> {
        Ok(self.lacking(archive, &blobs))
    }
    async fn put_archive(
        &mut self,
        digest: Digest,
        size: u64,
        from: u64,
        body: Body<'_>,
        sent: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), NodeError> {
        let mut bytes = self.0.lock().unwrap().part.clone();
        assert_eq!(bytes.len() as u64, from);
        body.read_to_end(&mut bytes).unwrap();
        assert_eq!((bytes.len() as u64, sha256(&bytes)), (size, digest));
        sent(size - from);
        self.asked("archive");
        Ok(())
    }
    async fn put_blobs(
        &mut self,
        blobs: &[(Digest, u64)],
        body: Body<'_>,
        sent: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), NodeError> {
        for (digest, size) in blobs {
            let mut bytes = vec![0; usize::try_from(*size).unwrap()];
            body.read_exact(&mut bytes).map_err(|source| NodeError::Read { what: "the files".into(), source })?;
            assert_eq!(sha256(&bytes), *digest);
            self.asked(format!("blob {}", String::from_utf8(bytes).unwrap()));
        }
        assert_eq!(body.read(&mut [0]).unwrap(), 0, "nothing but what was announced");
        sent(blobs.iter().map(|(_, size)| size).sum());
        self.0.lock().unwrap().sent.push(blobs.len());
        Ok(())
    }
    async fn put_tree(&mut self, digest: Digest, lines: &str) -> Result<(), NodeError> {
        assert_eq!(sha256(lines.as_bytes()), digest);
        self.asked("tree");
        self.0.lock().unwrap().trees.insert(digest, lines.to_owned());
        Ok(())
    }
    async fn assemble(&mut self, parts: &Parts<'_>, _: &mut dyn Listener) -> Result<String, NodeError> {
        let paths: Vec<String> = Listing::parse(parts.files).unwrap().iter().map(|(path, _)| path.to_string()).collect();
        self.asked(format!("assemble {} from {}", parts.step, paths.join(" ")));
        let mut state = self.0.lock().unwrap();
        state.made = true;
        Ok(state.makes.clone())
    }
    async fn stage(
        &mut self,
        label: &str,
        release: &Release,
        secrets: &BTreeMap<String, String>,
        _: &mut dyn Listener,
    ) -> Result<(), NodeError> {
        self.asked(format!("stage {label}"));
        self.0.lock().unwrap().staged = Some(release.clone());
        self.0.lock().unwrap().secrets.clone_from(secrets);
        Ok(())
    }
    async fn submit(&mut self, transition: &Transition) -> Result<(), NodeError> {
        self.asked("submit");
        self.0.lock().unwrap().submitted = Some(transition.clone());
        Ok(())
    }
    async fn outcome(&mut self, heard: &mut dyn Listener) -> Result<Outcome, NodeError> {
        heard.progress(step("close-writes"));
        match self.0.lock().unwrap().breaks {
            None => Ok(Fake::done()),
            Some(_) => Err(NodeError::Broken { node: "fake".into(), reason: "cut".into() }),
        }
    }
}

fn step(name: &str) -> Progress {
    Progress { step: name.into(), kind: ProgressKind::Done, at_ms: 1 }
}

/// A release with one file of the pack, one of the customization, and the reasons.
fn resolved(archive: &tempfile::NamedTempFile) -> Resolved {
    let mut blobs = MemoryBlobs::new();
    let node = |digest, size| listing::Node { kind: Kind::File, size, digest };
    let mut pack = Listing::new();
    pack.insert("app.py".parse().unwrap(), node(blobs.put("app".as_bytes()), 3)).unwrap();
    let mut tree = pack.clone();
    tree.insert("page.html".parse().unwrap(), node(blobs.put("mine".as_bytes()), 4)).unwrap();
    let zip = sha256(b"zip");
    let release: Release = serde_json::from_value(serde_json::json!({
        "id": sha256(b"id"), "app": "wiki", "tree": tree.digest(), "settings": {}, "secrets": [], "environment": null,
        "pack": {"id": "a.b", "name": "wiki", "version": "1.0.0", "app-version": "1", "digest": zip, "archive": zip, "signature": "unsigned"},
        "runtime": "static", "layout-root": "", "processes": [], "env": [], "rendered": [], "state": [], "hooks": {},
        "statics": [], "assets": [], "checks": [], "probes": [], "overlap": "web", "services": [], "max-body": null, "extra": {}
    }))
    .unwrap();
    let secret = Secret { name: "smtp".into(), source: SecretSource::Given };
    Resolved {
        wanted: Wanted {
            release: Release { secrets: vec![secret], ..release },
            tree,
            assembled: 0,
            overrides: Overrides::default(),
            init_settings: Vec::new(),
            locations: None,
            migrate: DataClass::Unchanged,
            min_upgradable: None,
            subpath: false,
            archive_bytes: 3,
            deployment: Deployment::default(),
        },
        content: Content {
            archive: archive.path().into(),
            pack,
            blobs: Arc::new(blobs),
            reasons: Reasons::default(),
            records: vec![(sha256(b"reasons"), b"reasons".to_vec())],
        },
        secrets: BTreeMap::new(),
    }
}

fn zip() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "zip").unwrap();
    file
}

fn observed() -> Observed {
    Observed { app: "wiki".into(), next_label: "wiki.20261122_1".into(), ..Observed::default() }
}

async fn planned(node: &Fake, zip: &tempfile::NamedTempFile) -> Planned {
    match resolved(zip).plan(node, glance(node).await, &BuiltinBackup, &Flags::new("attempt")).await.unwrap() {
        Choice::Planned(planned) => *planned,
        Choice::Nothing { why } => panic!("{why}"),
    }
}

#[tokio::test]
async fn a_plan_takes_no_lock_and_staging_sends_only_what_is_missing() {
    let (node, zip) = (Fake::default(), zip());
    node.0.lock().unwrap().observed = observed();
    let planned = planned(&node, &zip).await;
    assert_eq!(node.0.lock().unwrap().asked, [""; 0], "planning changes nothing");
    assert_eq!(planned.secrets_to_give(), ["smtp"]);
    let digest = planned.plan().digest();
    let secrets = BTreeMap::from([("smtp".to_owned(), "hush".to_owned())]);
    let staged = planned.stage(&node, &secrets, &mut Silent).await.unwrap();
    let outcome = staged.submit("2026-11-22T18:00:00Z", None).await.unwrap().outcome(&node, &mut Silent).await.unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Done);
    let state = node.0.lock().unwrap();
    assert_eq!(state.asked, ["lock wiki", "archive", "blob mine", "blob reasons", "tree", "stage wiki.20261122_1", "submit"]);
    let submitted = state.submitted.as_ref().unwrap();
    assert_eq!((submitted.id.as_str(), submitted.deployment.plan), ("attempt", Some(digest)));
    assert_eq!(submitted.deployment.client_time, "2026-11-22T18:00:00Z");
    assert_eq!(state.secrets, secrets);
    assert!(!serde_json::to_string(submitted).unwrap().contains("hush"), "a secret in the plan");
}

#[tokio::test]
async fn what_the_node_has_is_not_sent_again() {
    let (node, zip) = (Fake::default(), zip());
    node.0.lock().unwrap().observed = observed();
    node.0.lock().unwrap().blobs = vec![sha256(b"zip"), sha256(b"mine"), sha256(b"reasons")];
    let planned = planned(&node, &zip).await;
    assert_eq!(planned.plan().summary.send_bytes, 0);
    planned.stage(&node, &BTreeMap::new(), &mut Silent).await.unwrap();
    assert_eq!(node.0.lock().unwrap().asked, ["lock wiki", "tree", "stage wiki.20261122_1"]);
}

#[tokio::test]
async fn many_files_go_in_one() {
    let (node, zip) = (Fake::default(), zip());
    node.0.lock().unwrap().observed = observed();
    let mut resolved = resolved(&zip);
    let mut blobs = MemoryBlobs::new();
    for number in 0..1000 {
        let text = format!("file {number}");
        let file = listing::Node { kind: Kind::File, size: text.len() as u64, digest: blobs.put(text.as_bytes()) };
        resolved.wanted.tree.insert(format!("many/{number}").parse().unwrap(), file).unwrap();
    }
    blobs.put("mine".as_bytes());
    resolved.content.blobs = Arc::new(blobs);
    resolved.wanted.release.tree = resolved.wanted.tree.digest();
    let choice = resolved.plan(&node, glance(&node).await, &BuiltinBackup, &Flags::new("attempt")).await.unwrap();
    let Choice::Planned(planned) = choice else { panic!("nothing to do") };
    let mut seen = Vec::new();
    let mut listener = |progress: Progress| {
        if let (ProgressKind::Amount { done, total: Some(total) }, "send:files") = (progress.kind, progress.step.as_str()) {
            seen.push((done, total));
        }
    };
    planned.stage(&node, &BTreeMap::new(), &mut listener).await.unwrap();
    assert_eq!(node.0.lock().unwrap().sent, [1002], "the files, and what is recorded of them");
    assert!(seen.last().is_some_and(|(done, total)| done == total && *total > 7000), "{seen:?}");
}

#[tokio::test]
async fn an_upload_that_was_cut_goes_on_behind_what_came() {
    let (node, zip) = (Fake::default(), zip());
    node.0.lock().unwrap().observed = observed();
    node.0.lock().unwrap().part = b"zi".to_vec();
    let mut seen = Vec::new();
    let mut listener = |progress: Progress| {
        if let ProgressKind::Amount { done, .. } = progress.kind {
            seen.push(done);
        }
    };
    planned(&node, &zip).await.stage(&node, &BTreeMap::new(), &mut listener).await.unwrap();
    assert!(node.0.lock().unwrap().asked.contains(&"archive".to_owned()));
    assert!(seen.contains(&3), "all of it is there: {seen:?}");
}

/// [`resolved`], with a step that makes `site/` from pages.
fn with_step(zip: &tempfile::NamedTempFile) -> Resolved {
    let mut resolved = resolved(zip);
    let command = vec!["build".to_owned(), "-o".to_owned(), "site".to_owned()];
    let step = Assembly { command, inputs: vec!["*.html".into()], outputs: "site".parse().unwrap(), timeout_ms: 1000 };
    resolved.wanted.release.assemble = vec![step];
    resolved.wanted.release.id = resolve::id(&resolved.wanted.release, &Overrides::default());
    resolved
}

fn lines(paths: &[&str]) -> String {
    let mut made = Listing::new();
    for path in paths {
        let node = listing::Node { kind: Kind::File, size: 4, digest: sha256(path.as_bytes()) };
        made.insert(path.parse().unwrap(), node).unwrap();
    }
    made.to_lines()
}

#[tokio::test]
async fn what_a_build_step_makes_is_part_of_tree_id_and_reasons() {
    let (node, zip) = (Fake::default(), zip());
    node.0.lock().unwrap().observed = observed();
    node.0.lock().unwrap().makes = lines(&["site/index.html"]);
    let before = with_step(&zip);
    let (merged, merged_id) = (before.wanted.release.tree, before.wanted.release.id);
    let Choice::Planned(planned) = before.plan(&node, glance(&node).await, &BuiltinBackup, &Flags::new("attempt")).await.unwrap()
    else {
        panic!()
    };
    assert!(planned.plan().to_string().contains("`build -o site` → site/: run in a sandbox"), "{}", planned.plan());
    let shown = planned.plan().digest();
    let staged = planned.stage(&node, &BTreeMap::new(), &mut Silent).await.unwrap();
    drop(staged.submit("now", None).await.unwrap());
    let (release, submitted) = {
        let state = node.0.lock().unwrap();
        let asked: Vec<&str> = state.asked.iter().map(String::as_str).filter(|asked| !asked.starts_with("blob {")).collect();
        let wanted = [
            "lock wiki",
            "archive",
            "blob mine",
            "assemble 0 from page.html",
            "blob reasons",
            "tree",
            "stage wiki.20261122_1",
            "submit",
        ];
        assert_eq!(asked, wanted);
        (state.staged.clone().unwrap(), state.submitted.clone().unwrap())
    };
    assert_ne!((release.tree, release.id), (merged, merged_id));
    assert_eq!(submitted.release.as_ref().unwrap().1, release, "the node is told to carry out what it has");
    assert_eq!(submitted.deployment.plan, Some(shown), "what was agreed to");
    assert!(submitted.deployment.reasons.is_some());

    // made before from the same: nothing to do
    let label = "wiki.20261122_1".to_owned();
    node.0.lock().unwrap().observed = Observed {
        state: AppState::Active,
        current: Some(label.clone()),
        locations: vec!["wiki.localhost".into()],
        releases: vec![ObservedRelease {
            label,
            release,
            checkpoint: None,
            data: DataClass::Unchanged,
            created: String::new(),
            parent: None,
        }],
        ..observed()
    };
    node.0.lock().unwrap().asked.clear();
    match with_step(&zip).plan(&node, glance(&node).await, &BuiltinBackup, &Flags::new("again")).await {
        Ok(Choice::Nothing { .. }) => {}
        Ok(Choice::Planned(planned)) => panic!("{}", planned.plan()),
        Err(error) => panic!("{error}"),
    }
    assert_eq!(node.0.lock().unwrap().asked, [""; 0], "no step was run");
}

#[tokio::test]
async fn a_node_that_says_that_a_step_made_other_files_is_not_believed() {
    for wrong in ["page.html", "other/x.html", "sitex"] {
        let (node, zip) = (Fake::default(), zip());
        node.0.lock().unwrap().observed = observed();
        node.0.lock().unwrap().makes = lines(&[wrong]);
        let Choice::Planned(planned) =
            with_step(&zip).plan(&node, glance(&node).await, &BuiltinBackup, &Flags::new("a")).await.unwrap()
        else {
            panic!()
        };
        let Err(error) = planned.stage(&node, &BTreeMap::new(), &mut Silent).await else { panic!("staged") };
        assert!(matches!(&error, DeployError::Assembled { path, .. } if path == wrong), "{error}");
    }
}

#[tokio::test]
async fn a_plan_whose_ground_has_moved_is_stale() {
    let (node, zip) = (Fake::default(), zip());
    node.0.lock().unwrap().observed = observed();
    let planned = planned(&node, &zip).await;
    let moved = Observed { next_label: "wiki.20261122_2".into(), ..observed() };
    node.0.lock().unwrap().meanwhile = Some(moved);
    let Err(error) = planned.stage(&node, &BTreeMap::new(), &mut Silent).await else { panic!("staged") };
    assert!(matches!(error, DeployError::Stale { .. }) && error.hint().is_some());
    assert_eq!(node.0.lock().unwrap().asked, ["lock wiki"], "nothing was sent");
}

/// Who looks on at a change comes too late to see it, but it was under way when the application was looked at.
#[tokio::test]
async fn what_was_seen_in_the_middle_of_a_change_is_looked_at_again() {
    let (node, zip) = (Fake::default(), zip());
    node.0.lock().unwrap().observed = Observed { running: Some("another".into()), ..observed() };
    let glance = glance(&node).await;
    tokio::task::yield_now().await;
    node.0.lock().unwrap().observed = Observed { next_label: "wiki.20261122_2".into(), ..observed() };
    let choice = resolved(&zip).plan(&node, glance, &BuiltinBackup, &Flags::new("attempt")).await.unwrap();
    let Choice::Planned(planned) = choice else { panic!() };
    assert_eq!(planned.plan().transition.release.as_ref().unwrap().0, "wiki.20261122_2");
    planned.stage(&node, &BTreeMap::new(), &mut Silent).await.unwrap();
}

/// Two applications of a node are updated at the same time.
#[tokio::test]
async fn what_another_application_has_brought_about_meanwhile_is_no_matter() {
    let (node, zip) = (Fake::default(), zip());
    let environments = vec![Digest::from_bytes([1; 32])];
    node.0.lock().unwrap().observed = Observed { environments: environments.clone(), ..observed() };
    let others = |environments: Vec<Digest>| Observed {
        taken: vec![("blog.example.org".into(), "blog".into())],
        environments,
        ..observed()
    };
    let more = [environments, vec![Digest::from_bytes([2; 32])]].concat();
    for (meanwhile, stays) in [(others(more), true), (others(Vec::new()), false)] {
        let planned = planned(&node, &zip).await;
        node.0.lock().unwrap().meanwhile = Some(meanwhile);
        let staged = planned.stage(&node, &BTreeMap::new(), &mut Silent).await;
        assert_eq!(staged.is_ok(), stays);
    }
}

#[tokio::test]
async fn after_the_submission_a_broken_connection_is_taken_up_again() {
    let ended = || Watched::Idle(Some(Finished { id: "attempt".into(), outcome: Fake::done() }));
    let now = |id: &str| Watched::Ended(Finished { id: id.into(), outcome: Fake::done() });
    let other = || Watched::Idle(Some(Finished { id: "another".into(), outcome: Fake::done() }));
    for (watched, known) in
        [(now("attempt"), true), (now("another"), false), (ended(), true), (other(), false), (Watched::Idle(None), false)]
    {
        let (node, zip) = (Fake::default(), zip());
        node.0.lock().unwrap().observed = observed();
        node.0.lock().unwrap().breaks = Some(watched);
        let staged = planned(&node, &zip).await.stage(&node, &BTreeMap::new(), &mut Silent).await.unwrap();
        let outcome = staged.submit("now", None).await.unwrap().outcome(&node, &mut Silent).await;
        match outcome {
            Ok(outcome) => assert!(known && outcome.kind == OutcomeKind::Done),
            Err(error) => {
                assert!(!known && matches!(error, DeployError::Unwatched { .. }), "{error}");
                let hint = error.hint().unwrap_or_default();
                let (pull, log) = (hint.find("`silver registry pull fake`"), hint.find("`silver registry log --node fake`"));
                assert!(pull.is_some() && pull < log, "the log of a server is read in a copy: {hint}");
            }
        }
        assert_eq!(node.0.lock().unwrap().asked.last().unwrap(), "watch");
    }
}

/// A node that is away for a while is asked again and again, and what was heard before is not heard twice; one that
/// stays away is given up.
#[tokio::test(start_paused = true)]
async fn a_node_that_is_away_for_a_while_is_waited_for() {
    for (away, comes_back) in [(3, true), (1000, false)] {
        let (node, zip) = (Fake::default(), zip());
        {
            let mut state = node.0.lock().unwrap();
            state.observed = observed();
            state.breaks = Some(Watched::Ended(Finished { id: "attempt".into(), outcome: Fake::done() }));
            state.away = away;
        }
        let staged = planned(&node, &zip).await.stage(&node, &BTreeMap::new(), &mut Silent).await.unwrap();
        let submitted = staged.submit("now", None).await.unwrap();
        let mut heard = Vec::new();
        let outcome = submitted.outcome(&node, &mut |progress: Progress| heard.push(progress.step)).await;
        if comes_back {
            assert_eq!(outcome.unwrap().kind, OutcomeKind::Done);
            // it begins, is told of three times, and is done
            let connection = ["connection"; 5].as_slice();
            assert_eq!(heard, [["close-writes"].as_slice(), connection, ["migrate"].as_slice()].concat());
        } else {
            let error = outcome.unwrap_err();
            assert!(matches!(error, DeployError::OutOfSight { .. }) && error.hint().is_some(), "{error}");
        }
    }
}
