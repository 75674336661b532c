//! Programs that run once, in the room and environment of a release: hooks, commands of checks, `silver run` and `silver
//! shell`. systemd-run(1) starts each in a unit of its own and joins it with our pipes or terminal.

use super::{
    Systemd, WEB,
    control::{self, systemctl},
    name::{Name, Part},
    room::Room,
};
use crate::{
    apps::{AppFailure, LineSink, Placed},
    endpoint::Endpoint,
    failure::because,
    hosting::argv_of,
    logs::{self, LogFile, Redactor},
    process::{Control, Ended, Launch, Opens, TERM, Tail, attend, joined},
};
use async_trait::async_trait;
use rustix::process::Signal;
use silver_plugin_api::plan::{Listen, RunInput, RunOutput, RunSpec};
use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::mpsc;

/// A program that can be started, and what belongs to it.
struct Once {
    unit: Unit,
    launch: Launch,
    redactor: Redactor,
    /// As the app wrote it, variables filled in.
    shown: String,
}

impl Systemd {
    /// Runs a command to its end; anything but exit code 0 is a failure.
    pub(super) async fn command(
        &self,
        placed: &Placed,
        phase: &str,
        argv: &[String],
        timeout: Duration,
        lines: LineSink<'_>,
    ) -> Result<(), AppFailure> {
        let (app, label) = (placed.app(), placed.label.as_str());
        let failed = |why: String, log: Vec<String>| AppFailure { message: format!("`{phase}` of `{label}`: {why}"), log };
        let Once { unit, launch, redactor, shown } = self.once(placed, phase, argv, &["--pipe"]).await?;
        let log = LogFile::new(logs::path(&self.dirs, app, label, "hooks"));
        log.line(&format!("silver: {phase}: {shown}"));
        let child = launch.start(Stdio::null()).map_err(|error| because(&format!("`{phase}` of `{label}`"), &error, None))?;
        let tail = Mutex::new(Tail::default());
        let take = |line: &str| {
            let line = redactor.clean(line);
            log.line(&line);
            tail.lock().unwrap_or_else(PoisonError::into_inner).push(&line);
            lines(&line);
        };
        match attend(child, &unit, timeout, take).await {
            Ok(Ended { how: None, .. }) => Ok(()),
            Ok(Ended { how: Some(how), .. }) => {
                log.line(&format!("silver: {phase} {how}"));
                let log = tail.lock().unwrap_or_else(PoisonError::into_inner).lines();
                Err(failed(format!("`{}` {how}", argv.join(" ")), log))
            }
            Err(error) => Err(failed(format!("cannot be waited for: {error}"), Vec::new())),
        }
    }

    /// Runs a program until it ends or until nobody listens; its exit code.
    pub(super) async fn run_program(
        &self,
        placed: &Placed,
        spec: &RunSpec,
        input: mpsc::Receiver<RunInput>,
        output: mpsc::Sender<RunOutput>,
    ) -> Result<i32, AppFailure> {
        let with: &[&str] = if spec.tty.is_some() { &[] } else { &["--pipe"] };
        let Once { unit, launch, .. } = self.once(placed, &spec.phase, &argv_of(placed, spec), with).await?;
        let opens: Opens<'_> = &|launch, terminal| Ok(on_terminal(launch, terminal));
        let ended = joined(launch, spec.tty.map(|size| (size, opens)), |_| unit, input, output).await;
        ended.map(|ended| ended.code).map_err(|error| because(&format!("`{}` in `{}`", spec.phase, placed.label), &*error, None))
    }

    async fn once(&self, placed: &Placed, phase: &str, argv: &[String], with: &[&str]) -> Result<Once, AppFailure> {
        let label = placed.label.as_str();
        let user = self.prepare(placed, phase).await?;
        let name = Name::new(label, phase, Part::Once(mark()?));
        let endpoint = self.endpoint(placed).await;
        let (argv, environment) = self.command_line(placed, &name, phase, argv, endpoint.as_ref())?;
        let room = Room::of(&self.dirs, placed, &user.name);
        let redactor = self.composed(placed, phase, None)?.redactor;
        let mut arguments: Vec<String> =
            ["systemd-run", "--quiet", "--wait", "--service-type=exec"].iter().chain(with).map(|&word| word.to_owned()).collect();
        arguments.push(format!("--unit={}", name.service()));
        arguments.push(format!("--description={phase} of {label}"));
        let mut set = |name: &str, value: &str| arguments.push(format!("--property={name}={value}"));
        set("EnvironmentFile", &environment.to_string_lossy());
        set("TimeoutStopSec", "3s");
        for (name, value) in room.properties(None, true) {
            set(name, &value);
        }
        arguments.push("--".into());
        arguments.extend(argv.iter().map(|word| word.replace('$', "$$"))); // systemd would take it for a variable
        let env = [("PATH", "/usr/bin:/bin"), ("LANG", "C.UTF-8")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let launch = Launch { argv: arguments, env: env.into(), directory: PathBuf::from("/") };
        let unit = Unit { name: name.service(), environment, ended: AtomicBool::new(false) };
        Ok(Once { unit, launch, redactor, shown: argv.join(" ") })
    }

    /// Where what runs of the release listens, one that was started for a check first.
    async fn endpoint(&self, placed: &Placed) -> Option<Endpoint> {
        placed.release.processes.iter().find(|process| process.name == WEB && process.listen == Listen::Socket)?;
        let check = self.which_runs(placed).await?;
        Some(Endpoint::Socket(self.socket_of(placed, Some(0).filter(|_| !check))))
    }

    /// Is it what was started for a check that runs of the release? `None` when nothing does.
    pub(super) async fn which_runs(&self, placed: &Placed) -> Option<bool> {
        let units = control::units(placed.app()).await.unwrap_or_default();
        let running = |part: fn(&Part) -> bool| {
            units.iter().any(|(name, shown)| name.label == placed.label && part(&name.part) && shown.runs())
        };
        match (running(|part| *part == Part::Check), running(|part| matches!(part, Part::Process(_)))) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }

    /// Ends what an agent that was killed has left running.
    pub(super) async fn settle_app(&self, app: &str) -> Result<(), AppFailure> {
        self.stop_units(app, |name| matches!(name.part, Part::Once(_))).await
    }
}

/// systemd opens our terminal for the unit. (`--pty` would put another one between, and lose the last of what is said.)
fn on_terminal(launch: &Launch, terminal: &str) -> Launch {
    let mut argv = launch.argv.clone();
    let set = [
        format!("--setenv=TERM={TERM}"),
        format!("--property=TTYPath={terminal}"),
        "--property=StandardInput=tty-force".into(),
        "--property=StandardOutput=tty".into(),
        "--property=StandardError=tty".into(),
    ];
    argv.splice(1..1, set);
    Launch { argv, ..launch.clone() }
}

/// Distinguishes programs that run at the same time.
fn mark() -> Result<String, AppFailure> {
    let mut bytes = [0_u8; 4];
    getrandom::fill(&mut bytes).map_err(|error| AppFailure::new(format!("the system gives no random bytes: {error}")))?;
    Ok(format!("{:08x}", u32::from_le_bytes(bytes)))
}

/// The unit of a program that runs once. When nobody waits for it any more, it is stopped.
struct Unit {
    name: String,
    environment: PathBuf,
    ended: AtomicBool,
}

#[async_trait]
impl Control for Unit {
    async fn signal(&self, wanted: Signal) {
        let signal = format!("--signal={}", wanted.as_raw());
        if let Err(failure) = control::run("systemctl", &["kill", &signal, "--", &self.name]).await {
            tracing::debug!(unit = self.name, "it may have just ended: {failure}");
        }
    }

    /// systemd knows better how it ended than the exit code of systemd-run tells.
    async fn end(&self, status: ExitStatus) -> Ended {
        let shown = control::unit(&self.name).await.unwrap_or_default();
        if shown.runs() {
            let _ = systemctl("stop", std::slice::from_ref(&self.name)).await; // it may have just ended
        }
        if shown.active == "failed" {
            let _ = systemctl("reset-failed", std::slice::from_ref(&self.name)).await; // or forgotten by somebody else
        }
        self.ended.store(true, Ordering::Relaxed);
        match shown.end() {
            Some(how) => Ended { code: shown.exit_code(), how: Some(how) },
            None => Ended::of(status),
        }
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        forget(&self.environment);
        if !self.ended.load(Ordering::Relaxed) {
            let stop = std::process::Command::new("systemctl").args(["stop", "--no-block", "--quiet", "--", &self.name]).spawn();
            if let Err(error) = stop {
                tracing::warn!(unit = self.name, %error, "it cannot be stopped");
            }
        }
    }
}

/// systemd has read it long ago.
fn forget(environment: &Path) {
    let _ = std::fs::remove_file(environment); // gone with the release
}
