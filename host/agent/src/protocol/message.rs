//! The messages.

use super::PROTOCOL;
use serde::{Deserialize, Serialize};
use silver_plugin_api::{
    Digest, TreePath,
    plan::{
        AgentStatus, AppReport, EnvironmentEntry, Finished, LogHead, LogLine, LogQuery, Missing, NodeFacts, Observed, Outcome,
        Progress, Release, ReleaseDrift, RunRequest, Transition, TrustRequest,
    },
    setup::{Applied, Plan, SetupOrder, SetupState},
};

/// The first message each way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hello {
    /// Version of silver.
    pub silver: String,
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// Who, as claimed: `user@host`; named to others who wait for a lock.
    pub who: String,
}

impl Hello {
    /// What this build says.
    pub fn new(who: impl Into<String>) -> Self {
        Self { silver: env!("CARGO_PKG_VERSION").into(), protocol: PROTOCOL, who: who.into() }
    }
}

/// What a command asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// → `Facts`.
    Facts,
    /// All apps at a glance → `Apps`.
    Apps,
    /// All apps as they are recorded → `Apps` without processes and samples: nothing of theirs is asked.
    Recorded,
    /// One app in full, drift included → `Observed`.
    Observe {
        /// Which.
        app: String,
    },
    /// Takes the app's lock until the connection ends → `Ok` or `Busy`. Held already: `Ok`.
    Lock {
        /// Which.
        app: String,
    },
    /// What of this is not on the node → `Missing`.
    Missing {
        /// A pack's zip; when the node has it, it has the blobs in it.
        archive: Option<Digest>,
        /// Single blobs.
        blobs: Vec<Digest>,
    },
    /// Which of these secrets have another value here → `Renewed`.
    Renewed {
        /// Of which app.
        app: String,
        /// Name, value.
        secrets: Vec<(String, String)>,
    },
    /// A pack's zip follows as data, from a byte on that `Missing` named → `Ok`.
    PutArchive {
        /// sha256 of its bytes.
        digest: Digest,
        /// Its bytes.
        size: u64,
        /// Bytes at its beginning that are not sent, because they are there.
        from: u64,
    },
    /// Contents follow as data, one after the other → `Ok`. Should they end too early, those that came whole are kept.
    PutBlobs {
        /// sha256 and size of each, at most [`MAX_SENT`](silver_plugin_api::plan::MAX_SENT).
        blobs: Vec<(Digest, u64)>,
    },
    /// The lines of a tree follow as data → `Ok`.
    PutTree {
        /// The tree's digest: sha256 of the lines.
        digest: Digest,
        /// Bytes of the lines.
        size: u64,
    },
    /// The lines of a tree that the node has → `Tree`, and then the lines as data.
    Tree {
        /// The tree's digest.
        digest: Digest,
    },
    /// The files of an app's current release as they lie there, every byte read → `Files`, and then their lines as data.
    Files {
        /// Which.
        app: String,
    },
    /// Contents of files of a release as they lie there → `Contents`, and then the data.
    Contents {
        /// Of which app.
        app: String,
        /// Of which release.
        label: String,
        /// Which files.
        paths: Vec<TreePath>,
    },
    /// The signed head of the node's log → `LogHead`.
    LogHead {
        /// With the proof that it begins with what it was when it had so many events.
        since: Option<u64>,
    },
    /// Events of the log as they were signed → `Contents`, and then the data; of many only the first.
    Events {
        /// The first, counted from 0.
        first: u64,
    },
    /// What the registry keeps → `Contents`, and then the data.
    Stored {
        /// Packs, or contents?
        archives: bool,
        /// Which.
        digests: Vec<Digest>,
    },
    /// What a build step of a release makes → `Progress`…, `Assembled`.
    Assemble {
        /// The release; its tree may still be without what its steps make.
        release: Box<Release>,
        /// Locations it will have, the canonical one first.
        locations: Vec<String>,
        /// Which of its steps.
        step: usize,
        /// Lines of the tree: the files that the step and the environment are made from. The node has
        /// their content when `run`.
        files: String,
        /// Run it, if it was not run with this before? Needs the lock.
        run: bool,
    },
    /// Lays a release out beside the one that serves; needs the lock → `Progress`…, `Ok`.
    Stage {
        /// Its label: [`Observed::next_label`].
        label: String,
        /// Its value.
        release: Box<Release>,
        /// Values of its secrets that the operator gives: name, value.
        secrets: Vec<(String, String)>,
    },
    /// Carries a transition out; needs the lock. From here on it belongs to the node → `Progress`…, `Outcome`.
    Submit {
        /// The plan.
        transition: Box<Transition>,
    },
    /// Lets a transition that waits for the others of its group go on to the switch, or back → `Ok`.
    Go {
        /// Of which app.
        app: String,
        /// Which transition.
        id: String,
        /// On, or back?
        on: bool,
    },
    /// Looks on at the transition of an app → `Progress`…, `Ended`; or `Idle`.
    Watch {
        /// Which.
        app: String,
    },
    /// → `Line`…, `Ok`. With `follow` until the connection ends.
    Logs(LogQuery),
    /// Runs a program in the app's environment. From `Ok` on: data and [`silver_plugin_api::plan::RunInput`] messages from
    /// the client, data and error data from the agent → `Exit`.
    Run(RunRequest),
    /// → `Environment`.
    Environment {
        /// Which.
        app: String,
        /// As of `serve`, `run`, `migrate`, …
        phase: String,
    },
    /// Another publisher is accepted for an app → `Recorded`; `Busy` while somebody changes it.
    Trust(TrustRequest),
    /// Are the files of an app's releases as they were laid out? → `Drift`.
    Drift {
        /// Which.
        app: String,
        /// Reads every file, also where its times say that nobody touched it.
        thorough: bool,
    },
    /// The set-up of this machine, and what is there in the place of each item of a plan; without one, of the
    /// last set-up's → `Resources`.
    ObserveResources {
        /// The plan.
        plan: Option<Box<Plan>>,
    },
    /// Brings a set-up plan about; from here on it is carried through without the client, too. What can
    /// cut the client off is undone unless a fresh connection confirms it → `Progress`…, `Confirm`…, `Applied`; or `Busy`.
    ApplyResources(Box<SetupOrder>),
    /// This is a fresh connection: what waits for it stays → `Ok`.
    ConfirmResources {
        /// What waits, by the name that `Confirm` gave.
        id: String,
    },
    /// The agent itself → `Status`.
    Status,
    /// Ends the agent in order: a transition under way is finished first → `Ok`.
    Shutdown,
}

/// What the agent answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    /// Done.
    Ok,
    /// Facts of the node.
    Facts(Box<NodeFacts>),
    /// All apps.
    Apps(Vec<AppReport>),
    /// One app.
    Observed(Box<Observed>),
    /// Somebody else holds the lock.
    Busy {
        /// Who, and what for.
        by: String,
    },
    /// What has to be sent.
    Missing(Missing),
    /// Names of secrets.
    Renewed(Vec<String>),
    /// The lines of a tree follow as data.
    Tree {
        /// Bytes of the lines.
        size: u64,
    },
    /// The lines of the files of a release follow as data.
    Files {
        /// The release.
        label: String,
        /// Bytes of the lines.
        size: u64,
        /// Names of what lies there and can be part of no tree; of many only the first.
        odd: Vec<String>,
    },
    /// Contents follow as data, one after the other.
    Contents {
        /// The bytes of each; `None` where there is none, or one that is longer than what is shown.
        sizes: Vec<Option<u64>>,
    },
    /// The head of the node's log.
    LogHead(LogHead),
    /// Lines of a tree: what a build step made, by path in the release's tree; the node has the content.
    /// `None`: it would have to be run.
    Assembled {
        /// The lines.
        files: Option<String>,
    },
    /// How it goes; more follows.
    Progress(Progress),
    /// The transition that was submitted has ended.
    Outcome(Box<Outcome>),
    /// The transition that was looked on at has ended.
    Ended(Box<Finished>),
    /// No transition is under way.
    Idle {
        /// The last one that ended since the agent was started.
        last: Option<Box<Finished>>,
    },
    /// A line of a log; more follows.
    Line(LogLine),
    /// A program has ended.
    Exit {
        /// 128 + signal where one ended it.
        code: i32,
    },
    /// An app's environment.
    Environment(Vec<EnvironmentEntry>),
    /// It is in the registry.
    Recorded {
        /// Index of the event.
        event: u64,
    },
    /// How the releases of an app are, oldest first.
    Drift(Vec<ReleaseDrift>),
    /// The set-up, and what is there.
    Resources(Box<SetupState>),
    /// A fresh connection has to send `ConfirmResources` with this name within so long; more follows.
    Confirm {
        /// What waits.
        id: String,
        /// For so long.
        seconds: u64,
    },
    /// What became of a set-up plan.
    Applied(Box<Applied>),
    /// The agent.
    Status(AgentStatus),
    /// It was refused or failed, and nothing was changed but what an outcome says.
    Error(Refusal),
}

impl Response {
    /// Is the request answered with this?
    pub fn is_last(&self) -> bool {
        !matches!(self, Self::Progress(_) | Self::Line(_) | Self::Confirm { .. })
    }
}

/// What kind of error it is; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// The request makes no sense here: unknown app, wrong name, lock not held.
    Refused,
    /// What the plan was made from has changed: plan again.
    Stale,
    /// No such app, release or process.
    NotFound,
    /// The disk is full.
    Full,
    /// A digest is not what it has to be.
    Integrity,
    /// It was tried and failed.
    Failed,
    /// The agent is ending.
    Ending,
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Refusal {
    /// What kind.
    pub code: ErrorCode,
    /// What, naming the thing.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// The way out.
    pub hint: Option<String>,
    /// What a program said, line by line: data, to be escaped.
    pub log: Vec<String>,
}
