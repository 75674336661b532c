//! The hosting half of the agent: everything that runs an app and answers for it, behind
//! [`Apps`].

mod command;
mod run;
mod sockets;
mod start;

pub(crate) use run::argv as argv_of;

use crate::{
    apps::{AppFailure, Apps, LineSink, Placed, Route},
    composed::Composed,
    dirs::Dirs,
    endpoint::Endpoint,
    failure::because,
    front::{self, Backend, BindError, Front},
    logs,
    probes::{self, Keeper as _, Marks, Sampler},
    process::sweep,
    secrets, state,
    supervisor::Supervisor,
};
use async_trait::async_trait;
use silver_plugin_api::{
    monitor::Sample,
    plan::{
        Access, AppState, Check, CheckTarget, EnvironmentEntry, Hook, HookTarget, LogLine, LogQuery, Probe, ProcessReport,
        RunInput, RunOutput, RunSpec, Value,
    },
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
    task::JoinHandle,
};

/// When the gate closes, requests that are inside get so long to end; streams that have no end would
/// otherwise use up the time for which new requests are held.
const PATIENCE: Duration = Duration::from_secs(10);
/// A page is waited for so long when nothing else is said.
const PAGE: Duration = Duration::from_secs(10);
/// How often a followed log is looked at.
const FOLLOW: Duration = Duration::from_millis(200);

/// Runs apps on this machine and answers for them on one loopback port.
#[derive(Debug)]
pub struct Host {
    dirs: Dirs,
    front: Arc<Front>,
    supervisor: Supervisor,
    /// What can answer, by app, label and whether it was started for a check.
    backends: Mutex<BTreeMap<(String, String, bool), Arc<Backend>>>,
    marks: Marks,
    samplers: Mutex<BTreeMap<String, Sampler>>,
    stop: watch::Sender<bool>,
    server: Mutex<Option<JoinHandle<()>>>,
}

impl Host {
    /// Ends what an agent that was killed has left running, takes the front's port (0: any) and
    /// answers; no app is known yet.
    pub async fn start(dirs: Dirs, port: u16) -> Result<Arc<Self>, BindError> {
        // Signals that whoever started the agent had set to be ignored would be ignored by every app
        // too; a signal that is handled here is back at its default in a new program.
        for kind in [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::quit()] {
            if let Err(error) = signal(kind) {
                tracing::warn!(%error, "cannot handle a signal");
            }
        }
        let listener = front::bind(port).await?;
        let port = listener.local_addr().map_or(port, |address| address.port());
        let left = sweep(&dirs.run.join("apps")).await;
        if left > 0 {
            tracing::info!(left, "ended processes that a former agent had left");
        }
        let front = Arc::new(Front::new(dirs.clone(), port));
        expect_apps(&front);
        let (stop, stopping) = watch::channel(false);
        let server = tokio::spawn(front::serve(Arc::clone(&front), listener, stopping));
        Ok(Arc::new(Self {
            dirs,
            front,
            supervisor: Supervisor::default(),
            backends: Mutex::default(),
            marks: Marks::default(),
            samplers: Mutex::default(),
            stop,
            server: Mutex::new(Some(server)),
        }))
    }

    /// The port that the front answers on.
    pub fn port(&self) -> u16 {
        self.front.port
    }

    fn composed(&self, placed: &Placed, phase: &str, endpoint: Option<&Endpoint>) -> Result<Composed, AppFailure> {
        Composed::of(&self.dirs, self.port(), placed, phase, endpoint)
    }

    /// What can answer for a release; made when it is asked for.
    fn backend(&self, placed: &Placed, check: bool) -> Arc<Backend> {
        let mut backends = lock(&self.backends);
        let key = (placed.app().to_owned(), placed.label.clone(), check);
        let backend = match backends.get(&key) {
            Some(known) if known.placed == *placed => return Arc::clone(known),
            Some(known) => Arc::new(known.at(&self.dirs, placed.clone())),
            None => Arc::new(Backend::new(&self.dirs, placed.clone(), check)),
        };
        backends.insert(key, Arc::clone(&backend));
        backend
    }

    fn known(&self, app: &str, label: &str, check: bool) -> Option<Arc<Backend>> {
        lock(&self.backends).get(&(app.to_owned(), label.to_owned(), check)).cloned()
    }

    /// What of a release runs, one that was started for a check first.
    fn running(&self, placed: &Placed) -> Option<Arc<Backend>> {
        let known = |check| self.known(placed.app(), &placed.label, check);
        known(true).or_else(|| known(false))
    }
}

/// Tells the front of the apps that will be routed when recovery has looked at them.
fn expect_apps(front: &Front) {
    let files = state::apps(&front.dirs).unwrap_or_default();
    for file in files.iter().filter_map(|app| state::load(&front.dirs, app).ok()) {
        let expected = match file.state {
            AppState::Active if file.current.is_some() => front.expect(&file.app, &file.locations),
            AppState::Disabled => front.route(&file.app, &file.locations, None, true),
            _ => continue,
        };
        if let Err(error) = expected {
            tracing::warn!(app = file.app, %error, "a location cannot be served");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Apps for Host {
    async fn start(&self, release: &Placed, check: bool) -> Result<(), AppFailure> {
        self.start_release(release, check).await
    }

    async fn stop(&self, app: &str, label: &str, check: bool) -> Result<(), AppFailure> {
        self.stop_release(app, label, check).await;
        Ok(())
    }

    async fn ready(&self, release: &Placed, check: bool, probe: &Probe, lines: LineSink<'_>) -> Result<(), AppFailure> {
        let backend = self.backend(release, check);
        probes::ready(&self.front, &self.supervisor, &backend, probe, lines).await
    }

    async fn check(&self, release: &Placed, check: &Check, lines: LineSink<'_>) -> Result<(), AppFailure> {
        let timeout = Duration::from_millis(check.timeout_ms);
        match &check.target {
            CheckTarget::Http(access) => {
                let backend = self.backend(release, true);
                match front::ask(&self.front, &backend, access, timeout).await {
                    Ok(_) => Ok(()),
                    Err(message) => {
                        Err(AppFailure { message, log: self.supervisor.tail(release.app(), &release.label, true).await })
                    }
                }
            }
            CheckTarget::Command(argv) => self.command(release, "check", argv, timeout, lines).await,
            CheckTarget::LogLacks { file, pattern } => {
                self.marks.look(&self.dirs, &release.release, &release.label, file, pattern)
            }
        }
    }

    async fn hook(&self, release: &Placed, name: &str, hook: &Hook, lines: LineSink<'_>) -> Result<(), AppFailure> {
        let timeout = Duration::from_millis(hook.timeout_ms);
        match &hook.target {
            HookTarget::Command(argv) => self.command(release, name, argv, timeout, lines).await,
            HookTarget::Url(path) => {
                let backend = self.running(release).ok_or_else(|| {
                    AppFailure::new(format!("the hook `{name}` asks `{path}`, but nothing of `{}` runs", release.label))
                })?;
                let why = match front::status(&self.front, &backend, path, timeout).await {
                    Ok(status) if status < 400 => return Ok(()),
                    Ok(status) => format!("GET {path} answered {status}"),
                    Err(why) => why,
                };
                let log = self.supervisor.tail(release.app(), &release.label, backend.check).await;
                Err(AppFailure { message: format!("the hook `{name}`: {why}"), log })
            }
        }
    }

    async fn route(&self, route: Route) -> Result<(), AppFailure> {
        let Route { app, state, locations, current, .. } = route;
        let routed = matches!(state, AppState::Active | AppState::Disabled);
        let backend = current.filter(|_| routed).map(|placed| self.backend(&placed, false));
        let locations = if routed { locations } else { Vec::new() };
        self.front
            .route(&app, &locations, backend.clone(), state == AppState::Disabled)
            .map_err(|error| because(&format!("the locations of `{app}`"), &error, None))?;
        let mut samplers = lock(&self.samplers);
        match backend.filter(|_| state == AppState::Active) {
            Some(backend) if samplers.get(&app).is_some_and(|sampler| sampler.is_of(&backend)) => {}
            Some(backend) => {
                samplers.insert(app, Sampler::start(&self.front, &backend));
            }
            None => {
                samplers.remove(&app);
            }
        }
        Ok(())
    }

    async fn close(&self, app: &str, hold: Duration) -> Result<(), AppFailure> {
        self.front.entry(app).close(hold, hold.min(PATIENCE)).await;
        Ok(())
    }

    async fn open(&self, app: &str) -> Result<(), AppFailure> {
        self.front.entry(app).open();
        Ok(())
    }

    async fn probe(&self, app: &str, access: &Access) -> Result<(), AppFailure> {
        let nothing = || AppFailure::new(format!("`{app}` has no release at the front"));
        let current = self.front.entry(app).current().ok_or_else(nothing)?;
        let failed = async |message| AppFailure { message, log: self.supervisor.tail(app, &current.placed.label, false).await };
        let canonical = current.placed.locations.first().ok_or_else(nothing)?;
        if !self.front.answers(canonical, app) {
            return Err(failed(format!("`{canonical}` does not lead to `{app}`")).await);
        }
        match front::ask(&self.front, &current, access, PAGE).await {
            Ok(_) => Ok(()),
            Err(message) => Err(failed(message).await),
        }
    }

    async fn drain(&self, app: &str, label: &str, timeout: Duration) -> Result<(), AppFailure> {
        if self.front.entry(app).current().is_some_and(|current| current.placed.label == label) {
            return Err(AppFailure::new(format!("`{label}` is the release that serves: it cannot be drained")));
        }
        if let Some(backend) = self.known(app, label, false)
            && !backend.inside.empty(timeout).await
        {
            tracing::info!(label, "requests were cut after the time for draining");
        }
        self.stop_release(app, label, false).await;
        Ok(())
    }

    async fn make_secrets(&self, release: &Placed) -> Result<(), AppFailure> {
        let (app, label) = (release.app(), &release.label);
        secrets::make(&self.dirs, app, label, &release.release.secrets)
            .map_err(|error| because(&format!("the secrets of `{app}`"), &error, error.hint()))
    }

    async fn give_secrets(&self, release: &Placed, given: &[(String, String)]) -> Result<(), AppFailure> {
        let app = release.app();
        secrets::give(&self.dirs, app, &release.label, given)
            .map_err(|error| because(&format!("the secrets of `{app}`"), &error, error.hint()))
    }

    fn resolve(&self, release: &Placed, value: &Value) -> Result<String, AppFailure> {
        let composed = self.composed(release, "serve", None)?;
        let resolved = composed.environment.resolve(value);
        resolved.map_err(|error| because(&format!("a value of `{}`", release.label), &error, error.hint()))
    }

    async fn processes(&self, app: &str) -> Vec<ProcessReport> {
        self.supervisor.status(app)
    }

    async fn samples(&self, app: &str) -> Vec<Sample> {
        lock(&self.samplers).get(app).map(Sampler::samples).unwrap_or_default()
    }

    async fn environment(&self, release: &Placed, phase: &str) -> Result<Vec<EnvironmentEntry>, AppFailure> {
        Ok(self.composed(release, phase, None)?.environment.masked())
    }

    async fn logs(&self, query: &LogQuery, to: mpsc::Sender<LogLine>) -> Result<(), AppFailure> {
        let sources = || {
            let current = self.front.entry(&query.app).current();
            let release = current.as_ref().map(|backend| &*backend.placed.release);
            logs::sources(&self.dirs, &query.app, release, query.process.as_deref())
        };
        let found = sources();
        let mut following = logs::Follow::from_end(&found);
        let mut said = logs::tail(&found, query.lines as usize);
        loop {
            for line in said.drain(..) {
                if to.send(line).await.is_err() {
                    return Ok(()); // nobody listens any more
                }
            }
            if !query.follow {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(FOLLOW) => {}
                () = to.closed() => return Ok(()),
            }
            said = following.more(&sources());
        }
    }

    async fn run(
        &self,
        release: &Placed,
        spec: &RunSpec,
        input: mpsc::Receiver<RunInput>,
        output: mpsc::Sender<RunOutput>,
    ) -> Result<i32, AppFailure> {
        self.run_program(release, spec, input, output).await
    }

    async fn shutdown(&self) {
        lock(&self.samplers).clear();
        self.stop.send_replace(true);
        let server = lock(&self.server).take();
        if let Some(server) = server {
            let _ = server.await; // a panic there has nothing left to stop
        }
        self.supervisor.stop(|_| true).await;
    }
}

#[cfg(test)]
mod tests;
