//! One change on several nodes: side by side up to the switch, where all wait for each other; the first
//! node switches ahead; all or nothing.
//!
//! A member that fails before the switch calls all others back. When the first node fails at the
//! switch, the others never get there. When another one fails after the first has switched, those that
//! are through go back, unless that would lose writes.

mod back;
mod event;
mod stage;
mod switch;

use crate::{
    deploy::{DeployError, Planned},
    node::{Node, NodeError},
    plan::Flags,
};
use silver_plugin_api::{
    backup::Backup,
    plan::{Deployment, Outcome, OutcomeKind, Progress},
};
use std::{collections::BTreeMap, pin::Pin, sync::Arc, time::Duration};

/// How long a member waits before the switch until the slowest is ready, and until the first has switched, unless the
/// operator says otherwise.
pub const BARRIER: Duration = Duration::from_mins(3);
/// A member that cannot be reached for so long is waited for no more, as long as nobody knows of all that they are ready.
const AWAY: Duration = Duration::from_secs(15);
/// Who does not answer within this time when the roll is called counts as away: a connection that is cut is noticed late.
const ANSWER: Duration = Duration::from_secs(3);

/// One node and what is planned for it.
pub struct Member {
    /// The node.
    pub node: Arc<dyn Node>,
    /// The plan; its transition has a barrier ([`Flags::barrier_ms`]).
    pub planned: Planned,
    /// Secrets that were asked for, by name.
    pub secrets: BTreeMap<String, String>,
}

/// How it went on one node.
#[derive(Debug)]
pub enum Ended {
    /// Nothing was begun.
    NotBegun,
    /// Nothing was begun, because of this.
    Refused(DeployError),
    /// The transition ended so.
    Outcome(Outcome),
    /// It ended well, and was taken back since another node failed; how that ended.
    TakenBack(Outcome),
    /// It ended well, another node failed, and it could not be taken back.
    Ahead {
        /// How it ended.
        outcome: Outcome,
        /// Why it stays.
        why: String,
    },
    /// The node cannot be reached any more. It was not told to go on, so it goes back by itself.
    Away,
    /// Nobody knows: the node cannot be reached any more.
    Lost(DeployError),
}

impl Ended {
    /// Without an outcome: the node has refused, or nobody knows.
    fn failed(error: DeployError) -> Self {
        match error {
            DeployError::Unwatched { .. }
            | DeployError::OutOfSight { .. }
            | DeployError::Node(NodeError::Broken { .. } | NodeError::Unreachable { .. }) => Self::Lost(error),
            _ => Self::Refused(error),
        }
    }

    /// Is the new release live there?
    pub fn is_live(&self) -> bool {
        match self {
            Self::Outcome(outcome) => outcome.kind == OutcomeKind::Done,
            Self::Ahead { .. } => true,
            _ => false,
        }
    }
}

/// Hears what all members say.
pub trait GroupListener: Send {
    /// One message of the member with this index.
    fn progress(&mut self, member: usize, progress: Progress);
}

/// What a change of a group needs besides its members.
pub struct Means<'a> {
    /// So many members are made ready at once.
    pub at_once: usize,
    /// The client's clock, RFC 3339.
    pub client_time: &'a str,
    /// Signs what was agreed to, for the member with this index.
    pub signatures: Vec<Option<String>>,
    /// What is recorded when a member is taken back.
    pub deployment: &'a Deployment,
    /// Says what a checkpoint consists of.
    pub backup: &'a dyn Backup,
    /// The flags of plans that take a member back; the attempt gets the member's number.
    pub flags: &'a Flags,
    /// Ends when the operator wants it called off. That counts until the first member is told to switch; from then on
    /// it is brought to its end.
    pub called_off: CalledOff<'a>,
}

/// See [`Means::called_off`].
pub type CalledOff<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Carries the change out on all members, in their order. The result has one row for each.
pub async fn carry(members: Vec<Member>, mut means: Means<'_>, listener: &mut dyn GroupListener) -> Vec<Ended> {
    let nodes: Vec<Arc<dyn Node>> = members.iter().map(|member| Arc::clone(&member.node)).collect();
    let apps: Vec<String> = members.iter().map(|member| member.planned.plan().transition.app.clone()).collect();
    let staged = match stage::stage(members, &mut means, listener).await {
        Ok(staged) => staged,
        Err(ended) => return ended,
    };
    let ended = switch::switch(&nodes, staged, &mut means, listener).await;
    back::take_back(&nodes, &apps, ended, &means, listener).await
}
