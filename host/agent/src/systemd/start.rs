//! Starting and stopping the programs of a release.

use super::{
    Systemd,
    control::{self, Shown, systemctl},
    name::{Name, Part},
    places, quote,
    room::Room,
    unit::{self, Kind, Program},
    user::User,
};
use crate::{
    apps::{AppFailure, Placed},
    composed::Composed,
    disk::{read_optional, remove_file, words},
    endpoint::Endpoint,
    environment::HTTPS,
    failure::because,
    process::find_program,
    render,
};
use silver_plugin_api::plan::{Listen, Process};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// What is to be run, and with what.
struct Start<'a> {
    name: Name,
    argv: &'a [String],
    endpoint: Option<Endpoint>,
    memory: Option<u64>,
    kind: Kind,
}

impl Systemd {
    /// Makes everything that a release needs, writes its units and starts them. What runs already is left alone;
    /// singletons and timers of another release of the app are stopped first.
    pub(super) async fn start_release(&self, placed: &Placed, check: bool) -> Result<(), AppFailure> {
        let (app, release) = (placed.app(), &placed.release);
        let user = self.prepare(placed, if check { "check" } else { "serve" }).await?;
        if check {
            self.marks.set(&self.dirs, release, &placed.label);
        }
        let room = Room::of(&self.dirs, placed, &user.name);
        let (mut units, mut files) = (Vec::new(), Vec::new());
        for start in starts(&self.dirs, placed, check)? {
            let text = self.service(placed, &room, &start)?;
            files.push((start.name.service(), text));
            if start.name.part != Part::Job {
                units.push(start.name.service());
            }
        }
        for cron in release.cron.iter().filter(|_| !check) {
            let name = Name::new(&placed.label, &cron.name, Part::Job);
            files.push((name.timer(), unit::timer(&name, &cron.schedule)));
            units.push(name.timer());
        }
        if !check {
            self.give_way(placed).await?;
        }
        // only when all can be started is any
        if self.write(&files)? {
            control::run("systemctl", &["daemon-reload"]).await?;
        }
        if units.is_empty() {
            return Ok(());
        }
        match systemctl("start", &units).await {
            Ok(()) => Ok(()),
            Err(failure) => {
                let tail = self.said(placed, check).await;
                let log = if tail.is_empty() { failure.log } else { tail };
                Err(AppFailure { message: format!("`{}` of `{app}` cannot be started: {}", placed.label, failure.message), log })
            }
        }
    }

    /// What of another release must not run beside this one.
    async fn give_way(&self, placed: &Placed) -> Result<(), AppFailure> {
        let singletons: Vec<&str> =
            placed.release.processes.iter().filter(|process| process.singleton).map(|process| process.name.as_str()).collect();
        let gives_way = |name: &Name| match name.part {
            Part::Process(_) => singletons.contains(&name.program.as_str()),
            Part::Job => true,
            Part::Check | Part::Once(_) => false,
        };
        self.stop_units(placed.app(), |name| name.label != placed.label && gives_way(name)).await
    }

    /// Stops what runs of a release in that phase; when nothing of it runs any more, what was made for it goes.
    pub(super) async fn stop_release(&self, app: &str, label: &str, check: bool) -> Result<(), AppFailure> {
        let of = |name: &Name| match name.part {
            Part::Check => check,
            Part::Process(_) | Part::Job => !check,
            Part::Once(_) => false,
        };
        self.stop_units(app, |name| name.label == label && of(name)).await?;
        let left = control::units(app).await?;
        if !left.iter().any(|(name, shown)| name.label == label && shown.runs()) {
            places::remove(&self.dirs, app, label).map_err(|error| AppFailure::new(words(&error)))?;
        }
        Ok(())
    }

    /// Stops units and waits until all of their processes are gone: whoever ignores the request is killed after the
    /// time that the unit says.
    pub(super) async fn stop_units(&self, app: &str, which: impl Fn(&Name) -> bool) -> Result<(), AppFailure> {
        let known = control::units(app).await?;
        let known: Vec<&(Name, Shown)> = known.iter().filter(|(name, _)| which(name)).collect();
        let files: Vec<String> =
            self.files()?.into_iter().filter(|file| of(app, file).is_some_and(|name| which(&name))).collect();
        let is_timer = |file: &&String| Path::new(file).extension().is_some_and(|end| end == "timer");
        let timers: Vec<String> = files.iter().filter(is_timer).cloned().collect();
        let running: Vec<String> = known.iter().filter(|(_, shown)| shown.runs()).map(|(name, _)| name.service()).collect();
        for units in [timers, running].iter().filter(|units| !units.is_empty()) {
            systemctl("stop", units).await?;
        }
        let failed: Vec<String> = known.iter().map(|(name, _)| name.service()).collect();
        if !failed.is_empty() {
            let _ = systemctl("reset-failed", &failed).await; // those that are gone cannot be forgotten once more
        }
        for file in files {
            remove_file(&self.units.join(file)).map_err(|error| AppFailure::new(words(&error)))?;
        }
        Ok(())
    }

    /// What every program of a release needs before it starts.
    pub(super) async fn prepare(&self, placed: &Placed, phase: &str) -> Result<User, AppFailure> {
        let user = User::of(placed.app()).await?;
        let failed = |error: &dyn std::error::Error| because(&format!("the files of `{}`", placed.label), error, None);
        places::make(&self.dirs, placed, &user).map_err(|error| failed(&error))?;
        let composed = self.composed(placed, phase, None)?;
        render::render(&self.dirs, placed, &composed.environment, Some(user.gid.as_raw()))
            .map_err(|error| because(&format!("the files of `{}`", placed.label), &error, error.hint()))?;
        Ok(user)
    }

    pub(super) fn composed(&self, placed: &Placed, phase: &str, endpoint: Option<&Endpoint>) -> Result<Composed, AppFailure> {
        Composed::of(&self.dirs, HTTPS, placed, phase, endpoint)
    }

    fn service(&self, placed: &Placed, room: &Room, start: &Start<'_>) -> Result<String, AppFailure> {
        let Start { name, argv, endpoint, memory, kind } = start;
        let phase = match name.part {
            Part::Check => "check",
            Part::Job => "cron",
            Part::Process(_) | Part::Once(_) => "serve",
        };
        let (argv, environment) = self.command_line(placed, name, phase, argv, endpoint.as_ref())?;
        Ok(Program { name, room, argv: &argv, environment: &environment, memory: *memory, kind: kind.clone() }.service())
    }

    /// The command line of a program, which begins with the path of a file, and the file with its environment, which
    /// is written here. Says at once what would otherwise be a crash loop.
    pub(super) fn command_line(
        &self,
        placed: &Placed,
        name: &Name,
        phase: &str,
        argv: &[String],
        endpoint: Option<&Endpoint>,
    ) -> Result<(Vec<String>, PathBuf), AppFailure> {
        let (app, label) = (placed.app(), placed.label.as_str());
        let what = format!("`{}` of `{label}`", name.program);
        let composed = self.composed(placed, phase, endpoint)?;
        let mut argv = composed.arguments(&what, argv)?;
        let path = composed.environment.get("PATH").unwrap_or_default();
        let program = argv.first().ok_or_else(|| AppFailure::new(format!("{what}: the command is empty")))?;
        let found = find_program(program, path, &self.dirs.tree(app, label))
            .ok_or_else(|| AppFailure::new(format!("{what}: `{program}` is not a program on the app's PATH ({path})")))?;
        argv[0] = found.to_string_lossy().into_owned();
        let text = quote::environment(composed.environment.iter()).map_err(|name| {
            AppFailure::new(format!("{what}: the value of `{name}` has a control character, which systemd does not pass on"))
        })?;
        let file = places::environment(&self.dirs, app, label, &name.to_string());
        secret(&file, &text).map_err(|error| because(&format!("cannot write `{}`", file.display()), &error, None))?;
        Ok((argv, file))
    }

    /// Writes units. Has systemd to be told? A unit that it does not know it reads when it is started, which saves a
    /// fifth of a second; one that runs it would go on with as it was.
    fn write(&self, files: &[(String, String)]) -> Result<bool, AppFailure> {
        let mut changed = false;
        for (name, text) in files {
            let path = self.units.join(name);
            let failed = |error: &dyn std::error::Error| because(&format!("cannot write `{}`", path.display()), error, None);
            let present = read_optional(&path).map_err(|error| failed(&error))?;
            if present.as_deref() == Some(text.as_bytes()) {
                continue;
            }
            changed |= present.is_some();
            let new = self.units.join(format!(".{name}.new"));
            fs::create_dir_all(&self.units).map_err(|error| failed(&error))?;
            fs::write(&new, text).map_err(|error| failed(&error))?;
            fs::set_permissions(&new, fs::Permissions::from_mode(0o644)).map_err(|error| failed(&error))?;
            fs::rename(&new, &path).map_err(|error| failed(&error))?;
        }
        Ok(changed)
    }

    fn files(&self) -> Result<Vec<String>, AppFailure> {
        crate::disk::names(&self.units).map_err(|error| AppFailure::new(words(&error)))
    }
}

fn of(app: &str, unit: &str) -> Option<Name> {
    Name::parse(unit).filter(|name| name.app() == app)
}

/// All programs of a release that are to run in a phase.
fn starts<'a>(dirs: &crate::dirs::Dirs, placed: &'a Placed, check: bool) -> Result<Vec<Start<'a>>, AppFailure> {
    let mut starts = Vec::new();
    for process in placed.release.processes.iter().filter(|process| !check || process.name == "web") {
        // one is enough to look at
        for index in 0..if check { 1 } else { process.count } {
            starts.push(start(dirs, &placed.label, process, index, check)?);
        }
    }
    starts.extend(placed.release.cron.iter().filter(|_| !check).map(|cron| Start {
        name: Name::new(&placed.label, &cron.name, Part::Job),
        argv: &cron.argv,
        endpoint: None,
        memory: None,
        kind: Kind::Job { timeout_ms: cron.timeout_ms },
    }));
    Ok(starts)
}

fn start<'a>(
    dirs: &crate::dirs::Dirs,
    label: &str,
    process: &'a Process,
    index: u32,
    check: bool,
) -> Result<Start<'a>, AppFailure> {
    let name = &process.name;
    let socket = match process.listen {
        Listen::None => None,
        Listen::Socket if check => Some(places::check_socket(dirs, label, name)),
        Listen::Socket => Some(places::socket(dirs, label, name, index)),
        Listen::Port => {
            let message =
                format!("the process `{name}` of `{label}` listens on a port, which every user of a server could reach");
            return Err(AppFailure::new(format!("{message} (the pack's author should let it listen on SILVER_SOCKET)")));
        }
    };
    Ok(Start {
        name: Name::new(label, name, if check { Part::Check } else { Part::Process(index) }),
        argv: &process.argv,
        endpoint: socket.clone().map(Endpoint::Socket),
        memory: process.memory,
        kind: Kind::Process {
            socket,
            stop_signal: process.stop_signal.trim_start_matches("SIG").to_owned(),
            stop_timeout_ms: process.stop_timeout_ms,
        },
    })
}

/// Writes a file that only root reads, whole or not at all. Nothing in `run` has to be durable.
fn secret(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut file =
        tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o600)).tempfile_in(path.parent().unwrap_or(path))?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
