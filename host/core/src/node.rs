//! What a node can do for a command: the traits that transports implement.
//!
//! A [`Node`] answers questions; a [`Session`] holds the lock of one application and changes it.
//! The lock falls when the session is dropped or its connection breaks; a transition that was
//! submitted goes on without it.

mod error;

use crate::progress::Listener;
use async_trait::async_trait;
pub use error::{Cause, NodeError};
use silver_plugin_api::{
    Digest, TreePath,
    plan::{
        AgentStatus, AppReport, EnvironmentEntry, Finished, LaidOut, LogHead, LogLine, LogQuery, Missing, NodeFacts, Observed,
        Outcome, Release, ReleaseDrift, RunInput, RunOutput, RunRequest, Transition, TrustRequest,
    },
    setup::{Applied, Plan, SetupOrder, SetupState},
};
use std::{collections::BTreeMap, io::Read};
use tokio::sync::mpsc;

/// The name of this machine's own node.
pub const LOCAL: &str = "local";

/// Bytes on their way to a node.
pub type Body<'a> = &'a mut (dyn Read + Send);

/// Bytes that came from a node.
pub type Stored = Box<dyn Read + Send>;

/// What became of a transition that was looked on at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// It ended so.
    Ended(Finished),
    /// None was under way; the last one that ended, if the node remembers.
    Idle(Option<Finished>),
}

/// What a build step is run with.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The release; its tree may still be without what its steps make.
    pub release: &'a Release,
    /// Locations it will have, the canonical one first.
    pub locations: &'a [String],
    /// Which of its steps.
    pub step: usize,
    /// Lines of the tree: the files that the step and the environment are made from.
    pub files: &'a str,
}

/// A machine that runs applications.
#[async_trait]
pub trait Node: Send + Sync {
    /// Its name; `local` is this machine.
    fn name(&self) -> &str;
    /// What is known about it.
    async fn facts(&self) -> Result<NodeFacts, NodeError>;
    /// Every application with its processes and samples, sorted by name.
    async fn apps(&self) -> Result<Vec<AppReport>, NodeError>;
    /// The same without processes and samples: as they are recorded, with no question to what runs.
    async fn recorded(&self) -> Result<Vec<AppReport>, NodeError>;
    /// One application; unknown ones are `AppState::Absent`.
    async fn observe(&self, app: &str) -> Result<Observed, NodeError>;
    /// The lines (`silver_pack::listing`) of a tree that the node has.
    async fn tree(&self, digest: &Digest) -> Result<String, NodeError>;
    /// The files of an application's current release as they lie there: every byte is read.
    async fn files(&self, app: &str) -> Result<LaidOut, NodeError>;
    /// Contents of files of a release as they lie there, at most
    /// [`MAX_CONTENTS`](silver_plugin_api::plan::MAX_CONTENTS); `None` for what is no file or link any
    /// more, or longer than [`MAX_CONTENT`](silver_plugin_api::plan::MAX_CONTENT).
    async fn contents(&self, app: &str, label: &str, paths: Vec<TreePath>) -> Result<Vec<Option<Vec<u8>>>, NodeError>;
    /// What of these the node does not have.
    async fn missing(&self, archive: Option<Digest>, blobs: Vec<Digest>) -> Result<Missing, NodeError>;
    /// The names of those secrets that have another value on the node; one that it does not have is not among them.
    async fn renewed(&self, app: &str, secrets: &BTreeMap<String, String>) -> Result<Vec<String>, NodeError>;
    /// What a build step made of exactly this before (lines of a tree); `None`: it has to be run.
    async fn assembled(&self, parts: &Parts<'_>) -> Result<Option<String>, NodeError>;
    /// The signed head of its log, with the proof that it begins with what it was when it had `since` events.
    async fn log_head(&self, since: Option<u64>) -> Result<LogHead, NodeError>;
    /// Events of its log as they were signed, from `first` on; of many only the first, none at the end.
    async fn events(&self, first: u64) -> Result<Vec<Vec<u8>>, NodeError>;
    /// Packs or contents that its registry keeps, at most
    /// [`MAX_CONTENTS`](silver_plugin_api::plan::MAX_CONTENTS); `None` for what it does not have. Nothing is
    /// checked but the size.
    async fn stored(&self, archives: bool, digests: &[Digest]) -> Result<Vec<Option<Stored>>, NodeError>;
    /// Takes the lock of an application, or [`NodeError::Busy`].
    async fn lock(&self, app: &str) -> Result<Box<dyn Session>, NodeError>;
    /// Lets a transition that waits for the others of its group go on to the switch, or back.
    async fn go(&self, app: &str, id: &str, on: bool) -> Result<(), NodeError>;
    /// Follows the transition that is under way to its end.
    async fn watch(&self, app: &str, listener: &mut dyn Listener) -> Result<Watched, NodeError>;
    /// Lines of an application's logs, oldest first; with `follow` until the receiver is dropped.
    async fn logs(&self, query: LogQuery, lines: mpsc::Sender<LogLine>) -> Result<(), NodeError>;
    /// Runs a program in an application's environment; returns its exit code.
    async fn run(
        &self,
        request: RunRequest,
        input: mpsc::Receiver<RunInput>,
        output: mpsc::Sender<RunOutput>,
    ) -> Result<i32, NodeError>;
    /// The environment of an application that serves, secrets masked.
    async fn environment(&self, app: &str) -> Result<Vec<EnvironmentEntry>, NodeError>;
    /// Accepts another publisher for an application; the index of the event. [`NodeError::Busy`]
    /// while somebody changes it.
    async fn trust(&self, request: TrustRequest) -> Result<u64, NodeError>;
    /// How the files of an application's releases are, oldest first; `thorough`: every file is read.
    async fn drift(&self, app: &str, thorough: bool) -> Result<Vec<ReleaseDrift>, NodeError>;
    /// The last set-up of the machine, and what is there in the place of each item of `plan`; without one, of
    /// the last set-up's.
    async fn resources(&self, plan: Option<&Plan>) -> Result<SetupState, NodeError>;
    /// Brings a set-up plan about. What can cut this side off is confirmed over a fresh connection.
    async fn set_up(&self, order: &SetupOrder, listener: &mut dyn Listener) -> Result<Applied, NodeError>;
    /// The agent itself.
    async fn status(&self) -> Result<AgentStatus, NodeError>;
    /// Stops the agent after running transitions have ended.
    async fn shutdown(&self) -> Result<(), NodeError>;
}

/// The lock of one application on one node, and the right to change it.
#[async_trait]
pub trait Session: Send {
    /// As [`Node::observe`], now that nobody else can change it.
    async fn observe(&mut self) -> Result<Observed, NodeError>;
    /// What of these the node does not have.
    async fn missing(&mut self, archive: Option<Digest>, blobs: Vec<Digest>) -> Result<Missing, NodeError>;
    /// Sends a pack's zip of `size` bytes; its files need not be sent one by one. `body` begins behind the first
    /// `from` bytes, which are there from an upload that was cut: [`Missing::archive_part`].
    async fn put_archive(
        &mut self,
        digest: Digest,
        size: u64,
        from: u64,
        body: Body<'_>,
        sent: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), NodeError>;
    /// Sends contents, at most [`MAX_SENT`](silver_plugin_api::plan::MAX_SENT): digest and size of each, and in `body`
    /// all of them, one after the other. Should the connection break, those that came whole are there.
    async fn put_blobs(
        &mut self,
        blobs: &[(Digest, u64)],
        body: Body<'_>,
        sent: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), NodeError>;
    /// Sends the lines of a tree (`silver_pack::listing`); their sha256 is the tree's digest.
    async fn put_tree(&mut self, digest: Digest, lines: &str) -> Result<(), NodeError>;
    /// Runs a build step, unless it was run with exactly this before; the lines of what it made. The
    /// node has the content of `parts.files`, and keeps that of the result.
    async fn assemble(&mut self, parts: &Parts<'_>, listener: &mut dyn Listener) -> Result<String, NodeError>;
    /// Lays out the release (tree, instance view, environment) beside the current one. `secrets`
    /// are the given ones by name; they are kept on the node, never in a record.
    async fn stage(
        &mut self,
        label: &str,
        release: &Release,
        secrets: &BTreeMap<String, String>,
        listener: &mut dyn Listener,
    ) -> Result<(), NodeError>;
    /// Hands the transition over; returns when it was sent. From here on the node carries it
    /// through, whatever becomes of this session.
    async fn submit(&mut self, transition: &Transition) -> Result<(), NodeError>;
    /// Follows the transition that was submitted to its end.
    async fn outcome(&mut self, listener: &mut dyn Listener) -> Result<Outcome, NodeError>;
}
