//! Looking at releases: readiness, checks before activation, and the samples that `silver status` shows.

mod log_lacks;
mod sampler;

pub(crate) use log_lacks::Marks;
pub(crate) use sampler::Sampler;

use crate::{
    apps::{AppFailure, LineSink},
    endpoint::Endpoint,
    front::{Backend, Front, ask},
};
use async_trait::async_trait;
use silver_plugin_api::plan::Probe;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// One attempt takes at most so long, within the probe's own time.
const ATTEMPT: Duration = Duration::from_secs(10);
/// Attempts are never closer than this.
const CLOSEST: Duration = Duration::from_millis(20);

/// Whoever keeps the processes of releases running.
#[async_trait]
pub(crate) trait Keeper: Send + Sync {
    /// The first process of a release that does not stay up.
    async fn crash_loop(&self, app: &str, label: &str, check: bool) -> Option<CrashLoop>;
    /// What the process `web` of a release last said.
    async fn tail(&self, app: &str, label: &str, check: bool) -> Vec<String>;
}

/// A process that does not stay up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CrashLoop {
    /// In words, with the name of the process.
    pub(crate) why: String,
    /// What it last said.
    pub(crate) tail: Vec<String>,
}

/// Waits until each process of a release answers as the probe expects; gives up when the time is
/// over, or at once when the release does not stay up.
pub(crate) async fn ready(
    front: &Front,
    keeper: &dyn Keeper,
    backend: &Arc<Backend>,
    probe: &Probe,
    lines: LineSink<'_>,
) -> Result<(), AppFailure> {
    let placed = &backend.placed;
    let until = Instant::now() + Duration::from_millis(probe.timeout_ms);
    let every = Duration::from_millis(probe.every_ms).max(CLOSEST);
    let mut said = String::new();
    // each process of its own; one round when the front answers by itself
    let targets: Vec<Option<Endpoint>> = match backend.endpoints() {
        endpoints if endpoints.is_empty() => vec![None],
        endpoints => endpoints.into_iter().map(Some).collect(),
    };
    for target in targets {
        let one = match target {
            Some(endpoint) => Arc::new(backend.only(endpoint)),
            None => Arc::clone(backend),
        };
        loop {
            let left = until.saturating_duration_since(Instant::now()).max(CLOSEST);
            let Err(why) = ask(front, &one, &probe.access, left.min(ATTEMPT)).await else { break };
            if let Some(found) = keeper.crash_loop(placed.app(), &placed.label, backend.check).await {
                return Err(AppFailure { message: found.why, log: found.tail });
            }
            if why != said {
                lines(&why);
                said.clone_from(&why);
            }
            if Instant::now() + every > until {
                let message = format!("`{}` was not ready within {} s: {why}", placed.label, probe.timeout_ms.div_ceil(1000));
                let log = keeper.tail(placed.app(), &placed.label, backend.check).await;
                return Err(AppFailure { message, log });
            }
            tokio::time::sleep(every).await;
        }
    }
    Ok(())
}
