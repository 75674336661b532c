//! Starting and stopping the programs of a release.

use super::{
    Systemd, WEB,
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
    dirs::Dirs,
    disk::{read_optional, remove_file, words},
    endpoint::Endpoint,
    failure::because,
    logs,
    process::find_program,
    render,
};
use silver_plugin_api::plan::{Listen, Process};
use std::{
    borrow::Cow,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// The port of a program that cannot listen on a socket. Each has a network of its own, so it can be the same.
const PORT: u16 = 8080;
/// Passes connections on (systemd-socket-proxyd(8)).
const PROXY: &str = "/usr/lib/systemd/systemd-socket-proxyd";

/// What is to be run, and with what.
struct Start<'a> {
    name: Name,
    argv: Cow<'a, [String]>,
    endpoint: Option<Endpoint>,
    memory: Option<u64>,
    network: bool,
    kind: Kind,
}

impl Systemd {
    /// Makes everything that a release needs, writes its units and starts them. What runs already is left alone;
    /// singletons and timers of another release of the app are stopped first.
    pub(super) async fn start_release(&self, placed: &Placed, check: bool) -> Result<(), AppFailure> {
        let (app, release) = (placed.app(), &placed.release);
        let user = self.prepare(placed, if check { "check" } else { "serve" }).await?;
        logs::forget(&self.dirs, app, logs::KEPT);
        if check {
            self.marks.set(&self.dirs, release, &placed.label);
        }
        let room = Room::of(&self.dirs, placed, &user.name);
        let (mut units, mut files) = (Vec::new(), Vec::new());
        for start in starts(&self.dirs, placed, check) {
            let text = self.service(placed, &room, &start)?;
            files.push((start.name.service(), text));
            match start.name.part {
                Part::Job => {}
                Part::Proxy(index) => {
                    let path = self.socket_of(placed, index);
                    let socket = unit::socket(&start.name, &path, &user.name, user.front.as_raw());
                    files.push((start.name.socket(), socket));
                    units.push(start.name.socket());
                }
                Part::Process(_) | Part::Check | Part::Once(_) => units.push(start.name.service()),
            }
        }
        for cron in release.cron.iter().filter(|_| !check) {
            let name = Name::new(&placed.label, &cron.name, Part::Job);
            files.push((name.timer(), unit::timer(&name, &cron.schedule)));
            units.push(name.timer());
        }
        if !check {
            self.give_way(placed).await?;
            places::forget(&self.dirs, app, &user).map_err(|error| AppFailure::new(words(&error)))?;
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
            Part::Check | Part::Proxy(_) | Part::Once(_) => false,
        };
        self.stop_units(placed.app(), |name| name.label != placed.label && gives_way(name)).await
    }

    /// Stops what runs of a release in that phase; when nothing of it runs any more, what was made for it goes.
    pub(super) async fn stop_release(&self, app: &str, label: &str, check: bool) -> Result<(), AppFailure> {
        let of = |name: &Name| match name.part {
            Part::Check | Part::Proxy(None) => check,
            Part::Process(_) | Part::Proxy(Some(_)) | Part::Job => !check,
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
        let starts = |file: &&String| Path::new(file).extension().is_some_and(|end| end == "timer" || end == "socket");
        let starters: Vec<String> = files.iter().filter(starts).cloned().collect();
        let running: Vec<String> = known.iter().filter(|(_, shown)| shown.runs()).map(|(name, _)| name.service()).collect();
        for units in [starters, running].iter().filter(|units| !units.is_empty()) {
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
        Composed::of(&self.dirs, self.front.port, placed, phase, endpoint)
    }

    fn service(&self, placed: &Placed, room: &Room, start: &Start<'_>) -> Result<String, AppFailure> {
        let Start { name, argv, endpoint, memory, network, kind } = start;
        let phase = match name.part {
            Part::Check => "check",
            Part::Job => "cron",
            Part::Process(_) | Part::Proxy(_) | Part::Once(_) => "serve",
        };
        let (argv, environment) = self.command_line(placed, name, phase, argv, endpoint.as_ref())?;
        Ok(Program { name, room, argv: &argv, environment: &environment, memory: *memory, network: *network, kind: kind.clone() }
            .service())
    }

    /// The socket of a web process with that number, or of the one for a check.
    pub(super) fn socket_of(&self, placed: &Placed, index: Option<u32>) -> PathBuf {
        match index {
            Some(index) => places::socket(&self.dirs, &placed.label, WEB, index),
            None => places::check_socket(&self.dirs, &placed.label, WEB),
        }
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
fn starts<'a>(dirs: &Dirs, placed: &'a Placed, check: bool) -> Vec<Start<'a>> {
    let mut starts = Vec::new();
    for process in placed.release.processes.iter().filter(|process| !check || process.name == WEB) {
        // one is enough to look at
        for index in 0..if check { 1 } else { process.count } {
            let start = start(dirs, &placed.label, process, Some(index).filter(|_| !check));
            if process.listen == Listen::Port {
                starts.push(proxy(&start, Some(index).filter(|_| !check)));
            }
            starts.push(start);
        }
    }
    starts.extend(placed.release.cron.iter().filter(|_| !check).map(|cron| Start {
        name: Name::new(&placed.label, &cron.name, Part::Job),
        argv: Cow::Borrowed(&cron.argv),
        endpoint: None,
        memory: None,
        network: true,
        kind: Kind::Job { timeout_ms: cron.timeout_ms },
    }));
    starts
}

/// A process; without a number it is started for a check.
fn start<'a>(dirs: &Dirs, label: &str, process: &'a Process, index: Option<u32>) -> Start<'a> {
    let name = &process.name;
    let socket = (process.listen == Listen::Socket).then(|| match index {
        Some(index) => places::socket(dirs, label, name, index),
        None => places::check_socket(dirs, label, name),
    });
    Start {
        name: Name::new(label, name, index.map_or(Part::Check, Part::Process)),
        argv: Cow::Borrowed(&process.argv),
        endpoint: match process.listen {
            Listen::Port => Some(Endpoint::Port(PORT)),
            Listen::Socket | Listen::None => socket.clone().map(Endpoint::Socket),
        },
        memory: process.memory,
        network: process.listen != Listen::Port,
        kind: Kind::Process {
            socket,
            stop_signal: process.stop_signal.trim_start_matches("SIG").to_owned(),
            stop_timeout_ms: process.stop_timeout_ms,
        },
    }
}

/// Every user of a machine could reach a port, so a process that has to listen on one gets a network that nobody else is
/// in, but for this: it passes connections to a socket on to the port.
fn proxy<'a>(of: &Start<'_>, index: Option<u32>) -> Start<'a> {
    Start {
        name: Name::new(&of.name.label, &of.name.program, Part::Proxy(index)),
        argv: Cow::Owned(vec![PROXY.into(), format!("127.0.0.1:{PORT}")]),
        endpoint: None,
        memory: None,
        network: false,
        kind: Kind::Proxy { of: of.name.service() },
    }
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
