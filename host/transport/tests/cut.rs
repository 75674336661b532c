//! The wire to an agent breaks after every frame of an update there is: old or new is there, what came whole need not be
//! sent again, and whoever comes next can do the same.

use async_trait::async_trait;
use silver_agent::{
    agent::Options,
    apps::{AppFailure, Apps, LineSink, Placed, Route},
    dirs::Dirs,
    protocol::PATIENCE,
    server,
};
use silver_core::{
    node::{Node, NodeError, Session},
    progress::Silent,
};
use silver_pack::{
    hash::sha256,
    listing::{self, Kind, Listing},
};
use silver_plugin_api::{
    Digest,
    monitor::Sample,
    plan::{
        Access, Action, AppState, Check, DataClass, Deployment, EnvironmentEntry, Hook, LogLine, LogQuery, OutcomeKind, Probe,
        ProcessReport, Release, RunInput, RunOutput, RunSpec, Step, Transition, TransitionKind, Value,
    },
};
use silver_transport::{
    RemoteNode,
    pipe::{Cut, Pipe},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    io::{DuplexStream, copy_bidirectional},
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};

/// Applications without processes.
struct Quiet;

#[async_trait]
impl Apps for Quiet {
    async fn start(&self, _: &Placed, _: bool) -> Result<(), AppFailure> {
        Ok(())
    }
    async fn stop(&self, _: &str, _: &str, _: bool) -> Result<(), AppFailure> {
        Ok(())
    }
    async fn ready(&self, _: &Placed, _: bool, _: &Probe, _: LineSink<'_>) -> Result<(), AppFailure> {
        Ok(())
    }
    async fn check(&self, _: &Placed, _: &Check, _: LineSink<'_>) -> Result<(), AppFailure> {
        Ok(())
    }
    async fn hook(&self, _: &Placed, _: &str, _: &Hook, _: LineSink<'_>) -> Result<(), AppFailure> {
        Ok(())
    }
    async fn route(&self, _: Route) -> Result<(), AppFailure> {
        Ok(())
    }
    async fn close(&self, _: &str, _: Duration) -> Result<(), AppFailure> {
        Ok(())
    }
    async fn open(&self, _: &str) -> Result<(), AppFailure> {
        Ok(())
    }
    async fn probe(&self, _: &str, _: &Access) -> Result<(), AppFailure> {
        Ok(())
    }
    async fn drain(&self, _: &str, _: &str, _: Duration) -> Result<(), AppFailure> {
        Ok(())
    }
    async fn make_secrets(&self, _: &Placed) -> Result<(), AppFailure> {
        Ok(())
    }
    async fn give_secrets(&self, _: &Placed, _: &[(String, String)]) -> Result<(), AppFailure> {
        Ok(())
    }
    fn resolve(&self, _: &Placed, value: &Value) -> Result<String, AppFailure> {
        Ok(value.masked())
    }
    async fn processes(&self, _: &str) -> Vec<ProcessReport> {
        Vec::new()
    }
    async fn samples(&self, _: &str) -> Vec<Sample> {
        Vec::new()
    }
    async fn environment(&self, _: &Placed, _: &str) -> Result<Vec<EnvironmentEntry>, AppFailure> {
        Ok(Vec::new())
    }
    async fn logs(&self, _: &LogQuery, _: mpsc::Sender<LogLine>) -> Result<(), AppFailure> {
        Ok(())
    }
    async fn run(
        &self,
        _: &Placed,
        _: &RunSpec,
        _: mpsc::Receiver<RunInput>,
        _: mpsc::Sender<RunOutput>,
    ) -> Result<i32, AppFailure> {
        Ok(0)
    }
    async fn shutdown(&self) {}
}

/// An agent of its own for each cut.
struct World {
    _home: tempfile::TempDir,
    dirs: Dirs,
    agent: JoinHandle<Result<(), server::ServeError>>,
}

impl World {
    async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::below(home.path());
        let options = Options {
            dirs: dirs.clone(),
            port: 8484,
            path: "/usr/bin:/bin".into(),
            patience: PATIENCE,
            key: None,
            launch: None,
            die_at: None,
        };
        let only = server::only_agent(&dirs).await.unwrap();
        let agent = tokio::spawn(server::serve(only, options, Arc::new(Quiet)));
        while server::connect(&dirs).await.is_err() {
            tokio::task::yield_now().await;
        }
        Self { _home: home, dirs, agent }
    }

    /// The agent, over a wire that breaks so.
    fn node(&self, cut: &Arc<Cut>) -> RemoteNode {
        let dirs = self.dirs.clone();
        let serve = move |mut stream: DuplexStream| {
            let dirs = dirs.clone();
            tokio::spawn(async move {
                let mut agent = server::connect(&dirs).await.unwrap();
                // either side may just go
                copy_bidirectional(&mut stream, &mut agent).await.ok();
            });
        };
        RemoteNode::new(Pipe::new(Box::new(serve), Arc::clone(cut)))
    }

    async fn end(self) {
        self.node(&Cut::never()).shutdown().await.unwrap();
        self.agent.await.unwrap().unwrap();
    }
}

/// What is sent.
fn contents() -> Vec<Vec<u8>> {
    (0..30_u8).map(|number| vec![number; 100]).collect()
}

fn tree() -> Listing {
    let mut listing = Listing::new();
    for (number, content) in contents().iter().enumerate() {
        let node = listing::Node { kind: Kind::File, size: content.len() as u64, digest: sha256(content) };
        listing.insert(format!("site/{number}").parse().unwrap(), node).unwrap();
    }
    listing
}

fn release() -> Release {
    let digest = sha256(b"shop");
    serde_json::from_value(serde_json::json!({
        "id": digest, "app": "shop", "tree": tree().digest(), "settings": {}, "secrets": [], "environment": null,
        "pack": {"id": "a.b", "name": "shop", "version": "1.0.0", "app-version": "1", "digest": digest, "archive": digest, "signature": "unsigned"},
        "runtime": "static", "layout-root": "site", "processes": [], "env": [], "rendered": [], "state": [], "hooks": {},
        "statics": [], "assets": [], "checks": [], "probes": [], "overlap": "web", "services": [], "max-body": null, "extra": {}
    }))
    .unwrap()
}

fn transition(label: &str) -> Transition {
    let step = |id: &str, action, undo| Step { id: id.into(), action, undo, why: String::new() };
    let locations = vec!["shop.localhost".to_owned()];
    Transition {
        id: "attempt".into(),
        kind: TransitionKind::Deploy,
        app: "shop".into(),
        parent: None,
        release: Some((label.into(), release())),
        locations: locations.clone(),
        data: DataClass::Unchanged,
        steps: vec![
            step("locations", Action::SetLocations { locations }, vec![]),
            step("switch", Action::Switch { label: Some(label.into()) }, vec![Action::Switch { label: None }]),
            step("open", Action::Open, vec![]),
        ],
        deployment: Deployment { operator: "ann@desk".into(), ..Deployment::default() },
    }
}

/// A first deployment; how many contents had to be sent.
async fn update(node: &RemoteNode) -> Result<usize, NodeError> {
    // of a client that was cut off, the lock falls when the agent notices
    let mut session = loop {
        match node.lock("shop").await {
            Err(NodeError::Busy { .. }) => tokio::task::yield_now().await,
            session => break session?,
        }
    };
    let label = session.observe().await?.next_label;
    let sent = send(&mut *session).await?;
    session.stage(&label, &release(), &BTreeMap::new(), &mut Silent).await?;
    session.submit(&transition(&label)).await?;
    let outcome = session.outcome(&mut Silent).await?;
    assert_eq!(outcome.kind, OutcomeKind::Done, "{outcome:?}");
    Ok(sent)
}

async fn send(session: &mut dyn Session) -> Result<usize, NodeError> {
    let contents: BTreeMap<Digest, Vec<u8>> = contents().into_iter().map(|content| (sha256(&content), content)).collect();
    let missing = session.missing(None, contents.keys().copied().collect()).await?.blobs;
    // in several goes, so that there are frames between them
    for few in missing.chunks(10) {
        let blobs: Vec<(Digest, u64)> = few.iter().map(|digest| (*digest, contents[digest].len() as u64)).collect();
        let body = few.iter().flat_map(|digest| contents[digest].clone()).collect::<Vec<u8>>();
        session.put_blobs(&blobs, &mut body.as_slice(), &mut |_| {}).await?;
    }
    session.put_tree(tree().digest(), &tree().to_lines()).await?;
    Ok(missing.len())
}

/// Of one cut: was the update done in spite of it, and how much did the next one send?
async fn cut_after(frames: u64) -> (bool, Option<usize>) {
    let world = World::new().await;
    let cut = Cut::after_frames(frames);
    let updated = update(&world.node(&cut)).await;
    if let Err(error) = &updated {
        assert!(matches!(error, NodeError::Broken { .. }) && cut.is_cut(), "{frames}: {error}");
    }
    let node = world.node(&Cut::never());
    // what was submitted goes on without the client
    node.watch("shop", &mut Silent).await.unwrap();
    let mut observed = node.observe("shop").await.unwrap();
    let mut sent = None;
    if observed.current.is_none() {
        assert!(updated.is_err() && observed.state == AppState::Absent, "{frames}: {observed:?}");
        match update(&node).await {
            Ok(count) => sent = Some(count),
            // the first client's last word may have been a submission that was still on its way
            Err(NodeError::Stale(_) | NodeError::Failed { .. }) => drop(node.watch("shop", &mut Silent).await.unwrap()),
            Err(error) => panic!("{frames}: {error}"),
        }
        observed = node.observe("shop").await.unwrap();
    }
    assert!(observed.current.is_some() && observed.drift.is_empty(), "{frames}: {observed:?}");
    assert_eq!(node.events(0).await.unwrap().len(), 1, "{frames}: one change, one event");
    world.end().await;
    (updated.is_ok(), sent)
}

#[tokio::test]
async fn after_every_frame_old_or_new_is_there_and_the_next_goes_on() {
    let (mut frames, mut least) = (1, usize::MAX);
    loop {
        // side by side, since they mostly wait for the disk
        let mut few = JoinSet::new();
        for _ in 0..8 {
            few.spawn(cut_after(frames));
            frames += 1;
        }
        let done = few.join_all().await;
        least = done.iter().filter_map(|(_, sent)| *sent).fold(least, usize::min);
        if done.iter().any(|(done, _)| *done) {
            break;
        }
    }
    assert!(frames > 24, "the cuts do not reach the whole conversation: {frames}");
    assert_eq!(least, 0, "what had come was sent again");
}
