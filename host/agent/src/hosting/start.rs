//! Starting and stopping the processes of a release.

use super::{Composed, Host, lock, sockets};
use crate::{
    apps::{AppFailure, Placed},
    endpoint::Endpoint,
    environment::{home, temp},
    failure::because,
    logs::{self, LogFile},
    process::{Launch, LaunchError, find_program, parse_signal},
    render,
    supervisor::{Key, Spec},
};
use rustix::process::Signal;
use silver_plugin_api::plan::{Listen, Process};
use std::{fs, io, os::unix::fs::DirBuilderExt as _, path::Path, sync::Arc, time::Duration};

impl Host {
    /// Renders the files and starts what does not run yet.
    pub(super) async fn start_release(&self, placed: &Placed, check: bool) -> Result<(), AppFailure> {
        let (app, label, release) = (placed.app(), placed.label.as_str(), &placed.release);
        self.prepare(placed, if check { "check" } else { "serve" })?;
        logs::forget(&self.dirs, app, logs::KEPT);
        if check {
            self.marks.set(&self.dirs, release, label);
        }
        let wanted: Vec<&Process> = release.processes.iter().filter(|process| !check || process.name == "web").collect();
        let singletons: Vec<&str> =
            wanted.iter().filter(|process| process.singleton && !check).map(|process| process.name.as_str()).collect();
        let other = |key: &Key| key.app == app && key.label != label && singletons.contains(&key.process.as_str());
        self.supervisor.stop(other).await;
        let mut specs = Vec::new();
        let mut endpoints = Vec::new();
        for process in wanted {
            // one is enough to look at
            let count = if check { 1 } else { process.count };
            for index in 0..count {
                let key = Key { app: app.into(), label: label.into(), check, process: process.name.clone(), index };
                let endpoint = if let Some(endpoint) = self.supervisor.endpoint(&key) {
                    endpoint
                } else {
                    let endpoint = self.endpoint(&key, process.listen)?;
                    specs.push(self.spec(placed, process, key, endpoint.clone())?);
                    endpoint
                };
                endpoints.extend(endpoint.filter(|_| process.name == "web"));
            }
        }
        // only when all can be started is any
        for spec in specs {
            self.supervisor.start(spec);
        }
        self.backend(placed, check).set_endpoints(endpoints);
        Ok(())
    }

    /// Stops the processes of a release and phase, and forgets its rendered files when nothing of it
    /// runs any more.
    pub(super) async fn stop_release(&self, app: &str, label: &str, check: bool) {
        let of = |key: &Key, check: bool| key.app == app && key.label == label && key.check == check;
        self.supervisor.stop(|key| of(key, check)).await;
        if let Some(backend) = self.known(app, label, check) {
            backend.set_endpoints(Vec::new()); // whoever still holds it has nobody to ask
        }
        // what the front leads to stays: it may be started again without another route
        let current = self.front.entry(app).current();
        if check || current.is_none_or(|current| current.placed.label != label) {
            lock(&self.backends).remove(&(app.to_owned(), label.to_owned(), check));
        }
        if self.supervisor.status(app).iter().all(|process| process.label != label) {
            render::remove(&self.dirs, app, label);
        }
    }

    /// What every program of a release needs before it starts: directories of its own, and the
    /// rendered files.
    pub(super) fn prepare(&self, placed: &Placed, phase: &str) -> Result<Composed, AppFailure> {
        let (app, label) = (placed.app(), placed.label.as_str());
        for directory in [home(&self.dirs, app), temp(&self.dirs, app), self.dirs.run_release(app, label)] {
            private(&directory).map_err(|error| because(&format!("cannot make `{}`", directory.display()), &error, None))?;
        }
        let composed = self.composed(placed, phase, None)?;
        render::render(&self.dirs, placed, &composed.environment, None)
            .map_err(|error| because(&format!("the files of `{label}`"), &error, error.hint()))?;
        Ok(composed)
    }

    fn endpoint(&self, key: &Key, listen: Listen) -> Result<Option<Endpoint>, AppFailure> {
        let made = match listen {
            Listen::None => return Ok(None),
            Listen::Socket => sockets::path(&self.dirs, key).map(Endpoint::Socket),
            Listen::Port => Endpoint::free_port(),
        };
        made.map(Some).map_err(|error| because(&format!("no place for `{}` to listen", key.process), &error, None))
    }

    fn spec(&self, placed: &Placed, process: &Process, key: Key, endpoint: Option<Endpoint>) -> Result<Spec, AppFailure> {
        let (app, label, name) = (placed.app(), placed.label.as_str(), process.name.as_str());
        let composed = self.composed(placed, if key.check { "check" } else { "serve" }, endpoint.as_ref())?;
        let argv = composed.arguments(&format!("the process `{name}` of `{label}`"), &process.argv)?;
        let Composed { environment, redactor } = composed;
        let launch = Launch {
            argv,
            env: environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            directory: self.dirs.tree(app, label),
        };
        startable(&launch).map_err(|error| because(&format!("the process `{name}` of `{label}`"), &error, None))?;
        let stop_signal = parse_signal(&process.stop_signal).unwrap_or_else(|| {
            tracing::warn!(signal = process.stop_signal, process = name, "unknown signal; TERM is used");
            Signal::TERM
        });
        let run = self.dirs.run_release(app, label);
        let record = run.join(format!("{}{name}.{}.pid", if key.check { "check." } else { "" }, key.index));
        // a check has a log of its own, or its lines would stand among those of the release
        let log = if key.check { format!("{name}-check") } else { name.to_owned() };
        Ok(Spec {
            launch,
            endpoint,
            stop_signal,
            stop_timeout: Duration::from_millis(process.stop_timeout_ms),
            log: Arc::new(LogFile::new(logs::path(&self.dirs, app, label, &log))),
            redactor,
            record,
            instance: self.dirs.instance(app, label),
            key,
        })
    }
}

/// Says at once what would otherwise be a crash loop.
fn startable(launch: &Launch) -> Result<(), LaunchError> {
    let program = launch.argv.first().ok_or(LaunchError::Empty)?;
    let path = launch.env.iter().find(|(name, _)| name == "PATH").map_or("", |(_, value)| value.as_str());
    let found = find_program(program, path, &launch.directory);
    found.map(drop).ok_or_else(|| LaunchError::NotFound { program: program.clone(), path: path.to_owned() })
}

fn private(directory: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}
