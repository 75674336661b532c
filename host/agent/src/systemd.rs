//! Apps on a server: one system user per app, one systemd unit per process, Caddy before them.
//!
//! The local node's [`crate::hosting`] keeps processes itself; here systemd does, and nothing of silver
//! runs while nobody asks for anything, but for what copies logs into files. What is known lies in files and in systemd, never in memory:
//! several agents may be at work at once.
//!
//! Units lie below `/run/systemd/system`, written when a release is started. So a reboot begins without any, and
//! silver's boot unit starts what the record says: there is no second truth about what is to run that an agent
//! which was killed in the middle could have left behind. Values of settings and secrets are in no unit but in
//! files that only root reads, which systemd reads when it starts a program.

mod control;
mod copy;
mod door;
mod journal;
mod name;
mod once;
mod owner;
mod places;
mod quote;
mod room;
mod start;
mod unit;
mod user;

pub use copy::copy_logs;
pub use door::Door;
pub use places::{check_socket, directory, socket};

use crate::{
    apps::{AppFailure, Apps, LineSink, Placed, Route},
    dirs::Dirs,
    disk::words,
    endpoint::Endpoint,
    failure::because,
    front::{self, Backend, Front},
    logs::{self, Redactor},
    probes::{self, CrashLoop, Keeper, Marks},
    secrets, state,
};
use async_trait::async_trait;
use journal::{Following, Wanted};
use name::Part;
use silver_plugin_api::{
    Settings,
    monitor::Sample,
    plan::{
        Access, AppState, Check, CheckTarget, EnvironmentEntry, Hook, HookTarget, Listen, LogLine, LogQuery, Probe,
        ProcessReport, RunInput, RunOutput, RunSpec, TIMERS, Value,
    },
};
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// The process that answers HTTP.
const WEB: &str = "web";
/// So many starts in a row are a crash loop.
const LOOP: u32 = 3;
/// How often the front is asked whether requests are still inside.
const DRAINING: Duration = Duration::from_millis(100);
/// A page that is shown in `silver status` is waited for so long.
const GLANCE: Duration = Duration::from_secs(2);
/// How often a followed log is looked at.
const FOLLOW: Duration = Duration::from_millis(200);

/// Runs apps by systemd.
pub struct Systemd {
    dirs: Dirs,
    door: Arc<dyn Door>,
    /// Asks releases on their own sockets, on the way that a request of a visitor takes; it listens nowhere.
    front: Arc<Front>,
    marks: Marks,
    /// Where units are written.
    units: PathBuf,
}

impl Systemd {
    /// The apps of this server, behind that front, which visitors reach at that port: part of the apps' addresses.
    pub fn new(dirs: Dirs, door: Arc<dyn Door>, port: u16) -> Self {
        let front = Arc::new(Front::new(dirs.clone(), port));
        Self { dirs, door, front, marks: Marks::default(), units: "/run/systemd/system".into() }
    }

    /// What can answer for a release.
    fn backend(&self, placed: &Placed, check: bool) -> Arc<Backend> {
        let backend = Backend::new(&self.dirs, placed.clone(), check);
        let web = placed.release.processes.iter().find(|process| process.name == WEB && process.listen != Listen::None);
        let numbers = web.map_or(0..0, |web| 0..web.count);
        let numbers: Vec<Option<u32>> = if check && web.is_some() { vec![None] } else { numbers.map(Some).collect() };
        let sockets = numbers.into_iter().map(|number| Endpoint::Socket(self.socket_of(placed, number))).collect();
        backend.set_endpoints(sockets);
        Arc::new(backend)
    }

    fn current(&self, app: &str) -> Result<Option<Placed>, AppFailure> {
        let failed = |error: state::StateError| AppFailure::new(words(&error));
        let file = state::load(&self.dirs, app).map_err(failed)?;
        let Some(label) = file.current else { return Ok(None) };
        let release = Arc::new(state::release(&self.dirs, app, &label).map_err(failed)?.release);
        Ok(Some(Placed { label, release, locations: file.locations }))
    }

    fn redactor(&self, app: &str) -> Redactor {
        Redactor::new(&secrets::all(&self.dirs, app).unwrap_or_default())
    }

    /// What the process `web` of a release last said.
    async fn said(&self, placed: &Placed, check: bool) -> Vec<String> {
        let process = if check { "web-check" } else { "web" };
        let wanted = Wanted { app: placed.app(), label: Some(&placed.label), process: Some(process), units: &[] };
        journal::tail(wanted, &self.redactor(placed.app())).await
    }
}

/// Asks systemd how the processes of one release are.
struct Kept<'a> {
    systemd: &'a Systemd,
    placed: &'a Placed,
}

#[async_trait]
impl Keeper for Kept<'_> {
    async fn crash_loop(&self, app: &str, label: &str, check: bool) -> Option<CrashLoop> {
        let units = control::units(app).await.ok()?;
        let of = |part: &Part| if check { *part == Part::Check } else { matches!(part, Part::Process(_)) };
        let mut looping =
            units.iter().filter(|(name, shown)| name.label == label && of(&name.part) && shown.restarts + 1 >= LOOP);
        let (name, shown) = looping.next()?;
        let how = match shown.end() {
            Some(how) => how,
            None => journal::last_end(&name.service()).await.unwrap_or_else(|| "ended".into()),
        };
        let why =
            format!("the process `{}` of `{label}` does not stay up: it {how}, {} times in a row", name.program, shown.restarts);
        let stream = unit::stream(name);
        let wanted = Wanted { app, label: Some(label), process: Some(&stream), units: &[] };
        Some(CrashLoop { why, tail: journal::tail(wanted, &self.systemd.redactor(app)).await })
    }

    async fn tail(&self, _app: &str, _label: &str, check: bool) -> Vec<String> {
        self.systemd.said(self.placed, check).await
    }
}

#[async_trait]
impl Apps for Systemd {
    async fn start(&self, release: &Placed, check: bool) -> Result<(), AppFailure> {
        self.start_release(release, check).await
    }

    async fn stop(&self, app: &str, label: &str, check: bool) -> Result<(), AppFailure> {
        self.stop_release(app, label, check).await
    }

    async fn ready(&self, release: &Placed, check: bool, probe: &Probe, lines: LineSink<'_>) -> Result<(), AppFailure> {
        let kept = Kept { systemd: self, placed: release };
        probes::ready(&self.front, &kept, &self.backend(release, check), probe, lines).await
    }

    async fn check(&self, release: &Placed, check: &Check, lines: LineSink<'_>) -> Result<(), AppFailure> {
        let timeout = Duration::from_millis(check.timeout_ms);
        match &check.target {
            CheckTarget::Http(access) => match front::ask(&self.front, &self.backend(release, true), access, timeout).await {
                Ok(_) => Ok(()),
                Err(message) => Err(AppFailure { message, log: self.said(release, true).await }),
            },
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
                let check = self.which_runs(release).await.ok_or_else(|| {
                    AppFailure::new(format!("the hook `{name}` asks `{path}`, but nothing of `{}` runs", release.label))
                })?;
                let why = match front::status(&self.front, &self.backend(release, check), path, timeout).await {
                    Ok(status) if status < 400 => return Ok(()),
                    Ok(status) => format!("GET {path} answered {status}"),
                    Err(why) => why,
                };
                Err(AppFailure { message: format!("the hook `{name}`: {why}"), log: self.said(release, check).await })
            }
        }
    }

    async fn route(&self, route: Route) -> Result<(), AppFailure> {
        self.door.route(&route).await
    }

    async fn close(&self, app: &str, hold: Duration) -> Result<(), AppFailure> {
        self.door.close(app, hold).await
    }

    async fn open(&self, app: &str) -> Result<(), AppFailure> {
        self.door.open(app).await
    }

    async fn probe(&self, app: &str, access: &Access) -> Result<(), AppFailure> {
        let current = self.current(app)?.ok_or_else(|| AppFailure::new(format!("`{app}` has no release at the front")))?;
        match self.door.probe(&current, access).await {
            Ok(()) => Ok(()),
            Err(failure) => Err(AppFailure { log: self.said(&current, false).await, ..failure }),
        }
    }

    async fn drain(&self, app: &str, label: &str, timeout: Duration) -> Result<(), AppFailure> {
        let file = state::load(&self.dirs, app).map_err(|error| AppFailure::new(words(&error)))?;
        if file.current.as_deref() == Some(label) && file.state == AppState::Active {
            return Err(AppFailure::new(format!("`{label}` is the release that serves: it cannot be drained")));
        }
        let until = Instant::now() + timeout;
        while self.door.inside(app, label).await > 0 {
            if Instant::now() >= until {
                tracing::info!(label, "requests were cut after the time for draining");
                break;
            }
            tokio::time::sleep(DRAINING).await;
        }
        self.stop_release(app, label, false).await
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
        let now = now();
        let mut reports = Vec::new();
        for (name, shown) in control::units(app).await.unwrap_or_default() {
            let (index, check) = match name.part {
                Part::Process(index) => (index, false),
                Part::Check => (0, true),
                Part::Proxy(_) | Part::Job | Part::Once(_) => continue,
            };
            let mut report = shown.report(&name, index, check, now);
            if report.restarts > 0 && report.last_exit.is_none() {
                report.last_exit = journal::last_end(&name.service()).await;
            }
            reports.push(report);
        }
        reports.sort_by(|one, other| (&one.label, &one.name, one.index).cmp(&(&other.label, &other.name, other.index)));
        reports
    }

    /// Nobody looks at apps while nobody asks: the probes are made now.
    async fn samples(&self, app: &str) -> Vec<Sample> {
        let serving = state::load(&self.dirs, app).is_ok_and(|file| file.state == AppState::Active);
        let Some(placed) = self.current(app).ok().flatten().filter(|_| serving) else { return Vec::new() };
        let backend = self.backend(&placed, false);
        let probes = placed.release.probes.iter().map(|probe| async {
            let result = front::ask(&self.front, &backend, &probe.access, GLANCE).await;
            let result = result.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            Sample { probe: probe.id.clone(), result, age_seconds: 0 }
        });
        futures_util::future::join_all(probes).await
    }

    async fn environment(&self, release: &Placed, phase: &str) -> Result<Vec<EnvironmentEntry>, AppFailure> {
        Ok(self.composed(release, phase, None)?.environment.masked())
    }

    async fn logs(&self, query: &LogQuery, to: mpsc::Sender<LogLine>) -> Result<(), AppFailure> {
        let current = self.current(&query.app)?;
        let redactor = self.redactor(&query.app);
        let release = current.as_ref().map(|placed| &*placed.release);
        let sources = || logs::sources(&self.dirs, &query.app, release, query.process.as_deref());
        let units = control::units(&query.app).await?.into_iter().map(|(name, _)| name);
        let units: Vec<_> =
            units.filter(|name| query.process.as_ref().is_none_or(|process| *process == unit::stream(name))).collect();
        let wanted = Wanted { app: &query.app, label: None, process: query.process.as_deref(), units: &units };
        let found = sources();
        let mut following = logs::Follow::from_end(&found);
        let (said, cursor) = journal::last(wanted, query.lines as usize, &redactor).await;
        for line in logs::tail_with(&found, said, query.lines as usize) {
            if to.send(line).await.is_err() {
                return Ok(()); // nobody listens any more
            }
        }
        if !query.follow {
            return Ok(());
        }
        let mut journal = Following::start(wanted, cursor.as_deref(), redactor)
            .map_err(|error| because("the journal cannot be read", &error, None))?;
        let mut tick = tokio::time::interval(FOLLOW);
        loop {
            let lines = tokio::select! {
                line = journal.next() => match line {
                    Some(line) => vec![line],
                    None => return Err(AppFailure::new("the journal cannot be read any more")),
                },
                _ = tick.tick() => following.more(&sources()),
                () = to.closed() => return Ok(()),
            };
            for line in lines {
                if to.send(line).await.is_err() {
                    return Ok(());
                }
            }
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

    fn facts(&self) -> Settings {
        Settings::from([(TIMERS.into(), "systemd".into())])
    }

    async fn settle(&self, app: &str) -> Result<(), AppFailure> {
        self.settle_app(app).await
    }

    /// What runs goes on: it is systemd's.
    async fn shutdown(&self) {}
}

/// Microseconds since boot.
fn now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1000
}
