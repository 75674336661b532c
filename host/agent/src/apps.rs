//! The boundary between the two halves of the agent: what the executor of transitions asks of
//! whatever runs processes and answers HTTP.
//!
//! Every operation is idempotent, as the actions of a plan are: starting what runs, stopping what
//! does not, opening what is open all succeed. Nothing here writes below `data/` except secrets.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use silver_plugin_api::{
    monitor::Sample,
    plan::{Access, AppState, Check, Hook, Probe, Release, Value},
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

/// A process of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProcessStatus {
    /// `web`, `worker`, …
    pub name: String,
    /// Which of [`silver_plugin_api::plan::Process::count`], from 0.
    pub index: u32,
    /// Release it belongs to.
    pub label: String,
    /// Started for a check?
    pub check: bool,
    /// Its process id while it runs.
    pub pid: Option<u32>,
    /// How often it was started again after it ended by itself.
    pub restarts: u32,
    /// Seconds since its last start.
    pub uptime_seconds: u64,
    /// Memory of its process group in bytes, where it can be told.
    pub memory: Option<u64>,
    /// How it last ended, in words.
    pub last_exit: Option<String>,
}

/// One variable of an app's environment, as `silver env` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Variable {
    /// Name.
    pub name: String,
    /// Value, secrets as `***`.
    pub value: String,
    /// Where it comes from: `silver`, `bind`, `customization`, …
    pub from: String,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LogLine {
    /// Release that said it, where it is known.
    pub label: String,
    /// `web`, `worker`, `access`, …
    pub process: String,
    /// The text, without its end of line.
    pub text: String,
}

/// What is run by `silver run` and `silver shell`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunSpec {
    /// Program and arguments; empty: the app's shell.
    pub argv: Vec<String>,
    /// On a terminal, of so many columns and rows?
    pub tty: Option<(u16, u16)>,
    /// `SILVER_PHASE`: `run`, `shell`.
    pub phase: String,
}

/// What goes to a program that is being run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunInput {
    /// Bytes of its standard input (or of its terminal).
    Data(Vec<u8>),
    /// Standard input has ended.
    End,
    /// The terminal has now so many columns and rows.
    Size(u16, u16),
    /// A signal by its name without `SIG`: `INT`.
    Signal(String),
}

/// What a program that is being run says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunOutput {
    /// Standard output, or the terminal.
    Out(Vec<u8>),
    /// Standard error.
    Err(Vec<u8>),
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
    fn processes(&self, app: &str) -> Vec<ProcessStatus>;
    /// What the continuous probes of an app last said.
    fn samples(&self, app: &str) -> Vec<Sample>;
    /// The environment of a phase, secrets masked.
    async fn environment(&self, release: &Placed, phase: &str) -> Result<Vec<Variable>, AppFailure>;
    /// The last `lines` lines of an app's logs (of one process, or of all), and then what follows.
    async fn logs(
        &self,
        app: &str,
        process: Option<&str>,
        lines: u32,
        follow: bool,
        to: mpsc::Sender<LogLine>,
    ) -> Result<(), AppFailure>;
    /// Runs a program in the release's environment; its exit code (128 + signal where one ended it).
    async fn run(
        &self,
        release: &Placed,
        spec: &RunSpec,
        input: mpsc::Receiver<RunInput>,
        output: mpsc::Sender<RunOutput>,
    ) -> Result<i32, AppFailure>;
    /// Stops everything in order: the agent ends.
    async fn shutdown(&self);
}
