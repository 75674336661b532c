//! The vocabulary of plans: what `core` decides and the agent executes, and what a node reports.
//! Plans are data; they can be printed, compared, hashed and refused when stale. Both sides know
//! only these types, never each other.

pub mod assembly;
pub mod cron;
pub mod front;
pub mod node;
pub mod publisher;
pub mod release;
pub mod report;
pub mod transition;
pub mod value;

pub use assembly::Assembly;
pub use cron::{Cron, CronOn, Schedule, ScheduleError, TIMERS};
pub use front::{Front, Rewrite, Subpath};
pub use node::{AppState, NodeFacts, Observed, ObservedRelease, Progress, ProgressKind};
pub use publisher::{Continuity, Discontinuity, Publisher, UNSIGNED};
pub use release::{
    Access, Check, CheckTarget, ENV_FROM, EnvironmentSpec, FileFormat, Hook, HookTarget, Listen, Overlap, PackRef, Probe,
    Process, REQUIRED_PACKAGES, Release, Rendered, RenderedSource, Secret, SecretSource, Service, SetKey, StateNature, StatePath,
    StaticDir,
};
pub use report::{
    AgentStatus, AppReport, EnvironmentEntry, Finished, LaidOut, LogHead, LogLine, LogQuery, MAX_CONTENT, MAX_CONTENTS, MAX_SENT,
    Missing, ProcessReport, ReleaseDrift, RunInput, RunOutput, RunRequest, RunSpec, TrustRequest,
};
pub use transition::{
    Action, DataClass, Deployment, Outcome, OutcomeKind, Recipe, RecipePart, Source, Step, Transition, TransitionKind,
};
pub use value::{Part, Value};
