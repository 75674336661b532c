//! Commands of an app that run to their end: hooks and checks.

use super::Host;
use crate::{
    apps::{AppFailure, LineSink, Placed},
    endpoint::Endpoint,
    failure::because,
    logs::{self, LogFile},
    process::{Group, Launch, Record, Tail, attend},
};
use std::{process::Stdio, sync::Mutex, time::Duration};

impl Host {
    /// Runs a command in the release's environment; anything but exit code 0 is a failure.
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
        let endpoint = self.running(placed).and_then(|backend| backend.endpoints().into_iter().next());
        let (launch, redactor) = self.launch(placed, phase, argv, endpoint.as_ref())?;
        let log = LogFile::new(logs::path(&self.dirs, app, label, "hooks"));
        log.line(&format!("silver: {phase}: {}", launch.argv.join(" ")));
        let child = launch.start(Stdio::null()).map_err(|error| because(&format!("`{phase}` of `{label}`"), &error, None))?;
        let Some(group) = child.id() else { return Err(failed("ended before it began".into(), Vec::new())) };
        let control = Group(group);
        let record = self.dirs.run_release(app, label).join(format!("hook.{group}.pid"));
        if let Err(error) = Record::write(&record, group, &self.dirs.instance(app, label)) {
            tracing::warn!(path = %record.display(), %error, "cannot remember a process");
        }
        let tail = Mutex::new(Tail::default());
        let take = |line: &str| {
            let line = redactor.clean(line);
            log.line(&line);
            super::lock(&tail).push(&line);
            lines(&line);
        };
        let ended = attend(child, &control, timeout, take).await;
        let _ = std::fs::remove_file(&record); // written a moment ago, or not at all
        match ended.map(|ended| ended.how) {
            Ok(None) => Ok(()),
            Ok(Some(how)) => {
                log.line(&format!("silver: {phase} {how}"));
                let log = super::lock(&tail).lines();
                Err(failed(format!("`{}` {how}", argv.join(" ")), log))
            }
            Err(error) => Err(failed(format!("cannot be waited for: {error}"), Vec::new())),
        }
    }

    /// A program in the release's environment, and what keeps its secrets out of logs.
    pub(super) fn launch(
        &self,
        placed: &Placed,
        phase: &str,
        argv: &[String],
        endpoint: Option<&Endpoint>,
    ) -> Result<(Launch, logs::Redactor), AppFailure> {
        self.prepare(placed, phase)?;
        let composed = self.composed(placed, phase, endpoint)?;
        let argv = composed.arguments(&format!("`{phase}` of `{}`", placed.label), argv)?;
        let env = composed.environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok((Launch { argv, env, directory: self.dirs.tree(placed.app(), &placed.label) }, composed.redactor))
    }
}
