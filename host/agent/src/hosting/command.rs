//! Commands of an app that run to their end: hooks and checks.

use super::{Composed, Host};
use crate::{
    apps::{AppFailure, LineSink, Placed},
    endpoint::Endpoint,
    failure::because,
    logs::{self, LogFile},
    process::{Launch, Record, Tail, describe, end, read_lines, signal},
};
use rustix::process::Signal;
use std::{process::Stdio, sync::Mutex, time::Duration};

/// Between the request to stop and the killing of a command that took too long.
const GRACE: Duration = Duration::from_secs(3);

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
        let mut child = launch.start(Stdio::null()).map_err(|error| because(&format!("`{phase}` of `{label}`"), &error, None))?;
        let Some(group) = child.id() else { return Err(failed("ended before it began".into(), Vec::new())) };
        let _leftover = Leftover(group);
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
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let reading = async {
            let out = async {
                if let Some(stream) = stdout {
                    read_lines(stream, take).await;
                }
            };
            let err = async {
                if let Some(stream) = stderr {
                    read_lines(stream, take).await;
                }
            };
            tokio::join!(out, err)
        };
        let waiting = async {
            let ended = if let Ok(status) = tokio::time::timeout(timeout, child.wait()).await {
                status.map(|status| (!status.success()).then(|| describe(status)))
            } else {
                signal(group, Signal::TERM);
                if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
                    signal(group, Signal::KILL);
                    let _ = child.wait().await; // only so that it is reaped
                }
                Ok(Some(format!("was not done within {timeout:?}")))
            };
            end(group).await; // what it has left running would hold the pipes
            ended
        };
        // who left the group may hold the pipes on: he is not waited for
        let mut reading = std::pin::pin!(reading);
        let ended = {
            let mut waiting = std::pin::pin!(waiting);
            tokio::select! {
                ended = &mut waiting => {
                    let _ = tokio::time::timeout(Duration::from_secs(1), reading).await;
                    ended
                }
                _ = &mut reading => waiting.await,
            }
        };
        let _ = std::fs::remove_file(&record); // written a moment ago, or not at all
        match ended {
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
        let Composed { environment, redactor } = self.composed(placed, phase, endpoint)?;
        let argv = environment
            .arguments(argv)
            .map_err(|error| because(&format!("`{phase}` of `{}`", placed.label), &error, error.hint()))?;
        let env = environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok((Launch { argv, env, directory: self.dirs.tree(placed.app(), &placed.label) }, redactor))
    }
}

/// Kills the group when nobody waits for it any more.
pub(super) struct Leftover(pub(super) u32);

impl Drop for Leftover {
    fn drop(&mut self) {
        if !crate::process::members(self.0).is_empty() {
            signal(self.0, Signal::KILL);
        }
    }
}
