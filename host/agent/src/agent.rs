//! The agent of a node: everything it holds while it runs, and what it does when it starts and ends.

mod submit;
mod trust;
mod working;

use crate::{
    apps::{Apps, Placed, Route},
    dirs::Dirs,
    disk::{DiskError, words},
    fault::DieAt,
    feed::Feed,
    journal::{self, Journal},
    lock::{self, Lock},
    observe::{self, ObserveError},
    prune,
    record::RegistryRecorder,
    recover, state,
    store::{Store, StoreError},
    transition::{self, Means},
};
use silver_plugin_api::plan::{AgentStatus, AppReport, AppState, Finished, NodeFacts, Observed, Outcome};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
pub use submit::SubmitError;
use tokio::sync::{OnceCell, watch};
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
    facts: OnceCell<NodeFacts>,
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
            recorder: RegistryRecorder::new(options.dirs.clone(), Arc::clone(&store), &options.path),
            options,
            apps,
            store,
            running: Mutex::default(),
            last: Mutex::default(),
            recovered: watch::Sender::new(false),
            busy: watch::Sender::new(0),
            ending: watch::Sender::new(false),
            facts: OnceCell::new(),
            started: Instant::now(),
        }))
    }

    pub(crate) fn dirs(&self) -> &Dirs {
        &self.options.dirs
    }

    /// Before anything else: what an earlier agent left is finished or reverted. Then the apps that
    /// shall serve are started.
    pub(crate) async fn recover_all(self: &Arc<Self>) {
        if let Err(error) = self.recover_left(None).await {
            tracing::error!("what an earlier agent left cannot be read: {}", words(&error));
        }
        let dirs = self.dirs().clone();
        let left = Journal::all(&dirs, None).is_ok_and(|left| !left.is_empty());
        if !left {
            // a transition that could not be dealt with may need what looks superfluous
            match tokio::task::spawn_blocking(move || prune::sweep(&dirs)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!("leftovers cannot be removed: {}", words(&error)),
                Err(error) => tracing::warn!("leftovers cannot be removed: {error}"),
            }
        }
        self.revive_all().await;
        self.recovered.send_replace(true);
    }

    /// Waits until [`Agent::recover_all`] is done.
    pub(crate) async fn recovered(&self) {
        let mut recovered = self.recovered.subscribe();
        let _ = recovered.wait_for(|done| *done).await; // the sender is ours
    }

    /// Deals with journals that are there without a transition under way: of one app, or of all.
    async fn recover_left(self: &Arc<Self>, app: Option<&str>) -> Result<(), DiskError> {
        for (id, journal) in Journal::all(self.dirs(), self.options.die_at.as_ref())? {
            match journal {
                Ok(journal) if app.is_none_or(|app| journal.transition().app == app) => self.recover_one(journal).await,
                Ok(_) => {}
                Err(error) => {
                    tracing::error!("{}; it is put aside for a person to look at", words(&error));
                    journal::set_aside(self.dirs(), &id)?;
                }
            }
        }
        Ok(())
    }

    async fn recover_one(self: &Arc<Self>, journal: Journal) {
        let (id, app) = (journal.transition().id.clone(), journal.transition().app.clone());
        let current = state::load(self.dirs(), &app).ok().and_then(|file| file.current);
        let observed = Observed { app: app.clone(), current, ..Observed::default() };
        let decision = recover::recover(journal.transition(), journal.lines(), &observed);
        tracing::info!(transition = id, "left by an earlier agent: {decision:?}");
        let feed = self.begin(&app, &id);
        if let Err(failure) = self.apps.settle(&app).await {
            tracing::warn!(transition = id, "programs may have been left running: {failure}");
        }
        let ended = transition::resume(self.means(&feed), journal, decision).await;
        match ended {
            Ok(Some(outcome)) => self.finish(&app, &id, &feed, outcome),
            Ok(None) => self.forget(&app),
            Err(error) => {
                tracing::error!(transition = id, "{}", words(&error));
                self.forget(&app);
            }
        }
    }

    fn means<'a>(&'a self, feed: &'a Feed) -> Means<'a> {
        Means { dirs: self.dirs(), apps: &*self.apps, recorder: &self.recorder, feed }
    }

    async fn revive_all(&self) {
        let apps = state::apps(self.dirs()).unwrap_or_else(|error| {
            tracing::error!("{}", words(&error));
            Vec::new()
        });
        for app in apps {
            if let Err(problem) = self.revive(&app).await {
                tracing::error!(app, "it cannot be started: {problem}");
            }
        }
    }

    /// Routes come first: requests then wait for the processes instead of finding no app.
    async fn revive(&self, app: &str) -> Result<(), String> {
        let file = state::load(self.dirs(), app).map_err(|error| words(&error))?;
        let Some(placed) = self.current(&file).map_err(|error| words(&error))? else { return Ok(()) };
        let route = Route { app: app.to_owned(), state: file.state, locations: file.locations, current: Some(placed.clone()) };
        self.apps.route(route).await.map_err(|failure| failure.message)?;
        if file.state == AppState::Active {
            self.apps.start(&placed, false).await.map_err(|failure| failure.message)?;
        }
        Ok(())
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
        let lock = lock::app(self.dirs(), app, who)?;
        self.recover_left(Some(app)).await?;
        Ok(lock)
    }

    /// Facts of the machine; programs are asked once.
    pub(crate) async fn facts(&self) -> Result<NodeFacts, DiskError> {
        let known = self.facts.get_or_try_init(|| async {
            let options = self.options.clone();
            let work = move || crate::facts::facts(&options.dirs, &options.path, options.port);
            tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
                let source = std::io::Error::other(error);
                Err(DiskError { doing: "look at", path: self.dirs().data.clone(), source })
            })
        });
        let mut facts = known.await?.clone();
        facts.extra.extend(self.apps.facts());
        if let Ok(space) = rustix::fs::statvfs(&self.dirs().data) {
            facts.free_bytes = space.f_bavail.saturating_mul(space.f_frsize);
        }
        // these may have been installed because we have just said that they are missing
        if let Some(packages) = tokio::task::spawn_blocking(crate::facts::packages).await.unwrap_or_default() {
            facts.extra.insert("packages".into(), packages);
        }
        Ok(facts)
    }

    /// One app in full.
    pub(crate) async fn observe(&self, app: &str) -> Result<Observed, ObserveError> {
        let (dirs, store, name) = (self.dirs().clone(), Arc::clone(&self.store), app.to_owned());
        let running = self.running_of(app).map(|running| running.id);
        let looked = tokio::task::spawn_blocking(move || observe::observe(&dirs, &store, &name, running)).await;
        looked.unwrap_or_else(|error| {
            let source = std::io::Error::other(error);
            Err(DiskError { doing: "look at", path: self.dirs().app_file(app), source }.into())
        })
    }

    /// All apps at a glance.
    pub(crate) async fn status_of_apps(&self) -> Result<Vec<AppReport>, ObserveError> {
        let mut all = Vec::new();
        for app in state::apps(self.dirs())? {
            let file = state::load(self.dirs(), &app)?;
            if file.state == AppState::Absent {
                continue;
            }
            let release = self.current(&file)?.map(|placed| (*placed.release).clone());
            let created = file.current.as_ref().and_then(|label| file.kept(label)).map(|kept| kept.created.clone());
            all.push(AppReport {
                state: file.state,
                release,
                created,
                current: file.current,
                locations: file.locations,
                processes: self.apps.processes(&app).await,
                samples: self.apps.samples(&app).await,
                publisher: file.publisher,
                running: self.running_of(&app).map(|running| running.id),
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

    /// The feed of what is under way.
    pub(crate) fn feed_of(&self, app: &str) -> Option<Arc<Feed>> {
        self.running_of(app).map(|running| running.feed)
    }

    /// The last transition of an app that ended since the agent was started.
    pub(crate) fn last_of(&self, app: &str) -> Option<Finished> {
        held(&self.last).get(app).cloned()
    }

    /// Ends in order: transitions under way end first, then the apps.
    pub(crate) async fn end(&self) {
        self.ending.send_replace(true);
        let mut busy = self.busy.subscribe();
        let _ = busy.wait_for(|count| *count == 0).await; // the sender is ours
        self.apps.shutdown().await;
    }

    fn running_of(&self, app: &str) -> Option<Running> {
        held(&self.running).get(app).cloned()
    }

    fn begin(&self, app: &str, id: &str) -> Arc<Feed> {
        let feed = Arc::new(Feed::default());
        held(&self.running).insert(app.to_owned(), Running { id: id.to_owned(), feed: Arc::clone(&feed) });
        self.busy.send_modify(|count| *count += 1);
        feed
    }

    fn finish(&self, app: &str, id: &str, feed: &Feed, outcome: Outcome) {
        held(&self.last).insert(app.to_owned(), Finished { id: id.to_owned(), outcome: outcome.clone() });
        self.forget(app);
        feed.finish(outcome);
    }

    fn forget(&self, app: &str) {
        if held(&self.running).remove(app).is_some() {
            self.busy.send_modify(|count| *count -= 1);
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
