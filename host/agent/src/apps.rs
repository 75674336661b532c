//! The boundary between the two halves of the agent: what the executor of transitions asks of
//! whatever runs processes and answers HTTP.
//!
//! Every operation is idempotent, as the actions of a plan are: starting what runs, stopping what
//! does not, opening what is open all succeed. Nothing here writes below `data/` except secrets.

use async_trait::async_trait;
use silver_plugin_api::{
    Settings,
    monitor::Sample,
    plan::{
        Access, AppState, Check, EnvironmentEntry, Hook, LogLine, LogQuery, Probe, ProcessReport, Release, RunInput, RunOutput,
        RunSpec, Value,
    },
};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// A release as it lies on this node. Its directories follow from [`crate::dirs::Dirs`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Label: `trac.20261122_1`.
    pub label: String,
    /// Its value; `release.app` is the application's name.
    pub release: Arc<Release>,
    /// Locations of the app, the canonical one first.
    pub locations: Vec<String>,
}

impl Placed {
    /// The application's name.
    pub fn app(&self) -> &str {
        &self.release.app
    }
}

/// What the front shall do for one app; replaces what it did before in one pointer swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The application.
    pub app: String,
    /// `Active`: requests go to `current`; `Disabled`: 503; `Deactivated` or `Absent`: no route.
    pub state: AppState,
    /// `host[/path]`, the canonical one first.
    pub locations: Vec<String>,
    /// The release that serves.
    pub current: Option<Placed>,
    /// Something that failed is undone: what somebody has meanwhile put in silver's place does not hinder it.
    pub undoing: bool,
}

/// Why an application did not do what was asked of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
#[error("{message}")]
pub struct AppFailure {
    /// What, in words; names the process, page or file.
    pub message: String,
    /// The tail of what the application said. It is data: escape it before it meets a terminal.
    pub log: Vec<String>,
}

impl AppFailure {
    /// A failure about which the application said nothing.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), log: Vec::new() }
    }
}

/// Takes the lines an application says while it is worked on.
pub type LineSink<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Runs apps and answers for them.
#[async_trait]
pub trait Apps: Send + Sync {
    /// Renders the files of the release and starts its processes: for a check only `web`, with
    /// `SILVER_PHASE=check` and on a socket of its own; otherwise all. Does not wait for readiness.
    /// A process that runs already is left alone; singletons of another release are stopped first.
    async fn start(&self, release: &Placed, check: bool) -> Result<(), AppFailure>;
    /// Stops the processes of that release and phase, and waits until their groups are gone.
    async fn stop(&self, app: &str, label: &str, check: bool) -> Result<(), AppFailure>;
    /// Waits until the release answers on its own socket as the probe expects.
    async fn ready(&self, release: &Placed, check: bool, probe: &Probe, lines: LineSink<'_>) -> Result<(), AppFailure>;
    /// Looks at the release that was started for a check.
    async fn check(&self, release: &Placed, check: &Check, lines: LineSink<'_>) -> Result<(), AppFailure>;
    /// Runs a hook in the release's environment with `SILVER_PHASE=<name>`. A hook that is a URL
    /// asks whatever of the release runs, a check first.
    async fn hook(&self, release: &Placed, name: &str, hook: &Hook, lines: LineSink<'_>) -> Result<(), AppFailure>;
    /// Replaces what the front does for an app. Fails only when a location cannot be served.
    async fn route(&self, route: Route) -> Result<(), AppFailure>;
    /// Closes the gate of an app: new requests are held up to `hold` and then answered with 503.
    /// Returns when the requests that were inside have been answered (or after `hold`).
    async fn close(&self, app: &str, hold: Duration) -> Result<(), AppFailure>;
    /// Opens the gate: held requests go on, to whatever is routed now.
    async fn open(&self, app: &str) -> Result<(), AppFailure>;
    /// Asks through the front with the canonical Host header, past a closed gate.
    async fn probe(&self, app: &str, access: &Access) -> Result<(), AppFailure>;
    /// Waits until no request is inside that release any more (at most `timeout`), then stops it.
    async fn drain(&self, app: &str, label: &str, timeout: Duration) -> Result<(), AppFailure>;

    /// Makes the generated secrets that are missing, and takes over those that were given when the
    /// release was staged.
    async fn make_secrets(&self, release: &Placed) -> Result<(), AppFailure>;
    /// Keeps values given by the operator until [`Apps::make_secrets`] of the same release.
    async fn give_secrets(&self, release: &Placed, given: &[(String, String)]) -> Result<(), AppFailure>;
    /// A value with its facts and secrets filled in.
    fn resolve(&self, release: &Placed, value: &Value) -> Result<String, AppFailure>;

    /// The processes of an app, all releases.
    async fn processes(&self, app: &str) -> Vec<ProcessReport>;
    /// What the continuous probes of an app last said.
    async fn samples(&self, app: &str) -> Vec<Sample>;
    /// The environment of a phase, secrets masked.
    async fn environment(&self, release: &Placed, phase: &str) -> Result<Vec<EnvironmentEntry>, AppFailure>;
    /// The lines that are asked for, oldest first; with `follow` until the receiver is dropped.
    async fn logs(&self, query: &LogQuery, to: mpsc::Sender<LogLine>) -> Result<(), AppFailure>;
    /// Runs a program in the release's environment; its exit code (128 + signal where one ended it).
    async fn run(
        &self,
        release: &Placed,
        spec: &RunSpec,
        input: mpsc::Receiver<RunInput>,
        output: mpsc::Sender<RunOutput>,
    ) -> Result<i32, AppFailure>;
    /// Facts about whatever runs apps here, for those of the node.
    fn facts(&self) -> Settings {
        Settings::new()
    }
    /// Ends programs of an app that an agent which was killed in the middle of a transition has left running.
    async fn settle(&self, _app: &str) -> Result<(), AppFailure> {
        Ok(())
    }
    /// Stops everything in order: the agent ends.
    async fn shutdown(&self);
}
