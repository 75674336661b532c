//! The agent of a node: everything it holds while it runs, and what it does when it starts and ends.

mod recovery;
mod submit;
mod trust;
mod visit;
mod working;

use crate::{
    apps::{Apps, Placed},
    dirs::Dirs,
    disk::{DiskError, words},
    fault::DieAt,
    feed::{self, Feed},
    journal,
    launch::Launch,
    lock::{self, Lock},
    observe::{self, ObserveError},
    prune,
    record::RegistryRecorder,
    resources, state,
    store::{Store, StoreError},
    transition::Means,
};
use silver_plugin_api::{
    plan::{AgentStatus, AppReport, AppState, Finished, NodeFacts, Observed, Outcome},
    setup::{SETUP_COMPLETE, SETUP_VERSION},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
pub use submit::SubmitError;
use tokio::sync::watch;
pub use trust::TrustError;

/// What the command line decides.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where everything lies.
    pub dirs: Dirs,
    /// The port of the front, on the loopback address.
    pub port: u16,
    /// Where programs are found, as in `PATH`.
    pub path: String,
    /// After so long a silence the locks of a client fall.
    pub patience: Duration,
    /// The SSH key with which the client has logged in, if it was seen.
    pub key: Option<String>,
    /// Starts whoever carries changes; without, they are carried here.
    pub launch: Option<Arc<dyn Launch>>,
    /// For tests.
    pub die_at: Option<DieAt>,
}

/// The agent of a node.
pub struct Agent {
    pub(crate) options: Options,
    pub(crate) apps: Arc<dyn Apps>,
    pub(crate) store: Arc<Store>,
    pub(crate) recorder: RegistryRecorder,
    /// What is under way, by app.
    running: Mutex<BTreeMap<String, Running>>,
    /// The last that ended, by app.
    last: Mutex<BTreeMap<String, Finished>>,
    /// False until everything that an earlier agent left has been dealt with.
    recovered: watch::Sender<bool>,
    /// How many transitions are under way.
    busy: watch::Sender<usize>,
    /// True as soon as the agent is to end.
    pub(crate) ending: watch::Sender<bool>,
    /// What was found out about the machine, until something is set up.
    facts: tokio::sync::Mutex<Option<NodeFacts>>,
    started: Instant,
}

#[derive(Clone)]
struct Running {
    id: String,
    feed: Arc<Feed>,
}

impl Agent {
    /// An agent that holds the registry and runs apps by `apps`.
    pub fn new(options: Options, apps: Arc<dyn Apps>) -> Result<Arc<Self>, StoreError> {
        let store = Arc::new(Store::open(&options.dirs)?);
        Ok(Arc::new(Self {
            recorder: RegistryRecorder::new(options.dirs.clone(), Arc::clone(&store), &options.path).seeing(options.key.clone()),
            apps,
            store,
            running: Mutex::default(),
            last: Mutex::default(),
            // whoever only has others carry things has nothing to recover first
            recovered: watch::Sender::new(options.launch.is_some()),
            options,
            busy: watch::Sender::new(0),
            ending: watch::Sender::new(false),
            facts: tokio::sync::Mutex::default(),
            started: Instant::now(),
        }))
    }

    pub(crate) fn dirs(&self) -> &Dirs {
        &self.options.dirs
    }

    /// Waits until [`Agent::recover_all`] is done.
    pub(crate) async fn recovered(&self) {
        let mut recovered = self.recovered.subscribe();
        let _ = recovered.wait_for(|done| *done).await; // the sender is ours
    }

    fn means<'a>(&'a self, feed: &'a Feed) -> Means<'a> {
        Means { dirs: self.dirs(), apps: &*self.apps, recorder: &self.recorder, feed }
    }

    /// The current release of an app.
    pub(crate) fn current(&self, file: &state::AppFile) -> Result<Option<Placed>, state::StateError> {
        let Some(label) = &file.current else { return Ok(None) };
        let release = state::release(self.dirs(), &file.app, label)?.release;
        Ok(Some(Placed { label: label.clone(), release: Arc::new(release), locations: file.locations.clone() }))
    }

    /// The lock of an app, when everything that was left of it has been dealt with: by an earlier agent, or by
    /// this one when the disk was full.
    pub(crate) async fn lock(self: &Arc<Self>, app: &str, who: &str) -> Result<Lock, lock::LockError> {
        self.recovered().await;
        let mut lock = lock::app_soon(self.dirs(), app, who).await?;
        match &self.options.launch {
            Some(launch) => lock = self.have_settled(&**launch, app, who, lock).await?,
            None => self.settle_app(app).await?,
        }
        let (dirs, name) = (self.dirs().clone(), app.to_owned());
        match tokio::task::spawn_blocking(move || prune::unfinished(&dirs, &name)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(app, "leftovers cannot be removed: {}", words(&error)),
            Err(error) => tracing::warn!(app, "leftovers cannot be removed: {error}"),
        }
        Ok(lock)
    }

    /// Facts of the machine; programs are asked once, and again after a set-up.
    pub(crate) async fn facts(&self) -> Result<NodeFacts, DiskError> {
        let mut known = self.facts.lock().await;
        let mut facts = if let Some(facts) = &*known {
            facts.clone()
        } else {
            let options = self.options.clone();
            let work = move || crate::facts::facts(&options.dirs, &options.path, options.port);
            let found = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
                let source = std::io::Error::other(error);
                Err(DiskError { doing: "look at", path: self.dirs().data.clone(), source })
            })?;
            known.insert(found).clone()
        };
        drop(known);
        facts.extra.extend(self.apps.facts());
        if let Ok(space) = rustix::fs::statvfs(&self.dirs().data) {
            facts.free_bytes = space.f_bavail.saturating_mul(space.f_frsize);
        }
        if let Ok(Some(record)) = resources::last(self.dirs()) {
            facts.extra.insert(SETUP_VERSION.into(), record.version.hex());
            facts.extra.insert(SETUP_COMPLETE.into(), record.complete.to_string());
        }
        // these may have been installed because we have just said that they are missing
        if let Some(packages) = tokio::task::spawn_blocking(crate::facts::packages).await.unwrap_or_default() {
            facts.extra.insert("packages".into(), packages);
        }
        Ok(facts)
    }

    /// The machine is no longer what it was.
    pub(crate) async fn forget_facts(&self) {
        *self.facts.lock().await = None;
    }

    /// One app in full.
    pub(crate) async fn observe(&self, app: &str) -> Result<Observed, ObserveError> {
        let (dirs, store, name) = (self.dirs().clone(), Arc::clone(&self.store), app.to_owned());
        // what nobody carries is settled by the next one who takes the lock
        let running = if self.is_left(app)? { None } else { self.running_id(app) };
        let looked = tokio::task::spawn_blocking(move || observe::observe(&dirs, &store, &name, running)).await;
        looked.unwrap_or_else(|error| {
            let source = std::io::Error::other(error);
            Err(DiskError { doing: "look at", path: self.dirs().app_file(app), source }.into())
        })
    }

    /// All apps at a glance.
    pub(crate) async fn status_of_apps(&self) -> Result<Vec<AppReport>, ObserveError> {
        let mut all = self.recorded_apps()?;
        for report in &mut all {
            report.processes = self.apps.processes(&report.app).await;
            report.samples = self.apps.samples(&report.app).await;
        }
        Ok(all)
    }

    /// All apps as their files tell.
    pub(crate) fn recorded_apps(&self) -> Result<Vec<AppReport>, ObserveError> {
        let mut all = Vec::new();
        for app in state::apps(self.dirs())? {
            let file = state::load(self.dirs(), &app)?;
            if file.state == AppState::Absent {
                continue;
            }
            let release = self.current(&file)?.map(|placed| (*placed.release).clone());
            let running = self.running_id(&app);
            let step = match &running {
                Some(id) => journal::last_step(self.dirs(), id)?,
                None => None,
            };
            let created = file.current.as_ref().and_then(|label| file.kept(label)).map(|kept| kept.created.clone());
            all.push(AppReport {
                state: file.state,
                release,
                created,
                current: file.current,
                locations: file.locations,
                processes: Vec::new(),
                samples: Vec::new(),
                publisher: file.publisher,
                left: self.is_left(&app)?,
                running,
                step,
                app,
            });
        }
        Ok(all)
    }

    /// The agent itself.
    pub(crate) fn status(&self) -> AgentStatus {
        AgentStatus {
            pid: std::process::id(),
            silver: env!("CARGO_PKG_VERSION").into(),
            uptime_seconds: self.started.elapsed().as_secs(),
            apps: state::apps(self.dirs()).map_or(0, |apps| u32::try_from(apps.len()).unwrap_or(u32::MAX)),
            port: self.options.port,
        }
    }

    /// What is under way: its id and its feed.
    pub(crate) fn under_way(self: &Arc<Self>, app: &str) -> Option<(String, Arc<Feed>)> {
        if self.options.launch.is_some() {
            let Some(id) = self.running_id(app) else {
                // its journal goes before its outcome is told: it is in its last moments
                let id = feed::file::untold(self.dirs(), app).inspect_err(|error| tracing::warn!("{}", words(error))).ok()??;
                let feed = self.look_on(app, &id, 0);
                return Some((id, feed));
            };
            // what was said of a change that nobody carries is over: what is looked on at is how it is settled
            let left = self.is_left(app).inspect_err(|error| tracing::error!("{}", words(error))).unwrap_or(false);
            let from = if left { feed::file::length(&feed::file::path(self.dirs(), app, &id)) } else { 0 };
            let feed = self.look_on(app, &id, from);
            return Some((id, feed));
        }
        self.running_of(app).map(|running| (running.id, running.feed))
    }

    /// The id of what is under way.
    fn running_id(&self, app: &str) -> Option<String> {
        if self.options.launch.is_none() {
            return self.running_of(app).map(|running| running.id);
        }
        let ids = journal::of(self.dirs(), app).inspect_err(|error| tracing::error!("{}", words(error)));
        ids.unwrap_or_default().pop()
    }

    /// Is there a change that nobody carries? Whoever carries one holds the app's lock.
    fn is_left(&self, app: &str) -> Result<bool, DiskError> {
        Ok(self.options.launch.is_some() && self.running_id(app).is_some() && !lock::is_held(self.dirs(), app)?)
    }

    /// The last transition of an app that ended, as far as it is remembered.
    pub(crate) fn last_of(&self, app: &str) -> Option<Finished> {
        if self.options.launch.is_none() {
            return self.finished(app);
        }
        let told = feed::file::last(self.dirs(), app).inspect_err(|error| tracing::warn!("{}", words(error))).unwrap_or_default();
        // feeds are gone after a start of the machine
        told.or_else(|| self.recorded_last(app).inspect_err(|error| tracing::warn!("{}", words(error))).unwrap_or_default())
    }

    /// The last transition of an app that this agent has carried to its end.
    fn finished(&self, app: &str) -> Option<Finished> {
        held(&self.last).get(app).cloned()
    }

    /// Ends in order: transitions under way end first, then the apps.
    pub(crate) async fn end(&self) {
        self.ending.send_replace(true);
        self.at_rest().await;
        self.apps.shutdown().await;
    }

    /// Waits until nothing is under way that this agent must not be ended in.
    pub(crate) async fn at_rest(&self) {
        let mut busy = self.busy.subscribe();
        let _ = busy.wait_for(|count| *count == 0).await; // the sender is ours
    }

    fn running_of(&self, app: &str) -> Option<Running> {
        held(&self.running).get(app).cloned()
    }

    fn begin(&self, app: &str, id: &str) -> Arc<Feed> {
        let feed = Arc::new(self.new_feed(app, id));
        held(&self.running).insert(app.to_owned(), Running { id: id.to_owned(), feed: Arc::clone(&feed) });
        self.busy.send_modify(|count| *count += 1);
        feed
    }

    /// On a server others look on, too.
    fn new_feed(&self, app: &str, id: &str) -> Feed {
        if !self.dirs().is_server() {
            return Feed::default();
        }
        Feed::in_file(&feed::file::path(self.dirs(), app, id)).unwrap_or_else(|error| {
            tracing::warn!("nobody can look on: {}", words(&error));
            Feed::default()
        })
    }

    fn finish(&self, app: &str, id: &str, feed: &Feed, outcome: Outcome) {
        held(&self.last).insert(app.to_owned(), Finished { id: id.to_owned(), outcome: outcome.clone() });
        self.forget(app, id);
        feed.finish(outcome);
    }

    /// It is under way no more. Its lock has fallen: the next change of the app may have begun already.
    fn forget(&self, app: &str, id: &str) {
        let mut running = held(&self.running);
        if running.get(app).is_some_and(|running| running.id == id) {
            running.remove(app);
        }
        drop(running);
        self.busy.send_modify(|count| *count -= 1);
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
