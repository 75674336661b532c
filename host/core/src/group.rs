//! One change on several nodes: side by side up to the switch, where all wait for each other; the first
//! node switches ahead; all or nothing.
//!
//! A member that fails before the switch calls all others back. When the first node fails at the
//! switch, the others never get there. When another one fails after the first has switched, those that
//! are through go back, unless that would lose writes.

mod event;

use crate::{
    deploy::{DeployError, Planned, Staged, Submitted, plan_rollback},
    node::{Node, NodeError},
    plan::Flags,
    progress::Listener,
};
use event::{Event, Reports};
use silver_plugin_api::{
    backup::Backup,
    plan::{Deployment, Outcome, OutcomeKind, Progress},
};
use std::{collections::BTreeMap, sync::Arc};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

/// How long a member waits before the switch until the slowest is ready, and until the first has switched.
pub const BARRIER_MS: u64 = 180_000;

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
    /// Nobody knows: the node cannot be reached any more.
    Lost(DeployError),
}

impl Ended {
    /// Without an outcome: the node has refused, or nobody knows.
    fn failed(error: DeployError) -> Self {
        match error {
            DeployError::Unwatched { .. } | DeployError::Node(NodeError::Broken { .. } | NodeError::Unreachable { .. }) => {
                Self::Lost(error)
            }
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
}

/// Carries the change out on all members, in their order. The result has one row for each.
pub async fn carry(members: Vec<Member>, means: Means<'_>, listener: &mut dyn GroupListener) -> Vec<Ended> {
    let nodes: Vec<Arc<dyn Node>> = members.iter().map(|member| Arc::clone(&member.node)).collect();
    let apps: Vec<String> = members.iter().map(|member| member.planned.plan().transition.app.clone()).collect();
    let staged = match stage(members, means.at_once, listener).await {
        Ok(staged) => staged,
        Err(ended) => return ended,
    };
    let ended = switch(&nodes, staged, &means, listener).await;
    take_back(&nodes, &apps, ended, &means, listener).await
}

/// Makes all members ready; nothing is begun when one cannot be.
async fn stage(members: Vec<Member>, at_once: usize, listener: &mut dyn GroupListener) -> Result<Vec<Staged>, Vec<Ended>> {
    let count = members.len();
    let (events, mut heard) = mpsc::unbounded_channel();
    let bound = Arc::new(Semaphore::new(at_once.max(1)));
    let mut work = JoinSet::new();
    for (index, member) in members.into_iter().enumerate() {
        let (bound, mut reports) = (Arc::clone(&bound), Reports::of(index, events.clone()));
        work.spawn(async move {
            let permit = bound.acquire().await;
            let staged = member.planned.stage(&*member.node, &member.secrets, &mut reports).await;
            drop(permit);
            (index, staged)
        });
    }
    drop(events);
    let mut staged: Vec<Option<Staged>> = (0..count).map(|_| None).collect();
    let mut refused: Vec<Option<DeployError>> = (0..count).map(|_| None).collect();
    while let Some(event) = heard.recv().await {
        if let Event::Progress(index, progress) = event {
            listener.progress(index, progress);
        }
    }
    while let Some(done) = work.join_next().await {
        match done {
            Ok((index, Ok(ready))) => staged[index] = Some(ready),
            Ok((index, Err(error))) => refused[index] = Some(error),
            Err(_) => {} // a bug of ours; the member counts as not ready
        }
    }
    if staged.iter().all(Option::is_some) {
        return Ok(staged.into_iter().flatten().collect());
    }
    // the locks fall with what is dropped here
    Err(refused.into_iter().map(|error| error.map_or(Ended::NotBegun, Ended::Refused)).collect())
}

/// Hands the transitions over and lets them go: the first one ahead, then all others.
async fn switch(nodes: &[Arc<dyn Node>], staged: Vec<Staged>, means: &Means<'_>, listener: &mut dyn GroupListener) -> Vec<Ended> {
    let (events, mut heard) = mpsc::unbounded_channel();
    let mut ended: Vec<Option<Ended>> = staged.iter().map(|_| None).collect();
    let mut calls: Vec<Option<Call>> = staged.iter().map(|_| None).collect();
    let mut work = JoinSet::new();
    let mut turned = false;
    for (index, staged) in staged.into_iter().enumerate() {
        let signature = means.signatures.get(index).cloned().flatten();
        match if turned { Err(None) } else { staged.submit(means.client_time, signature).await.map_err(Some) } {
            Ok(submitted) => {
                calls[index] =
                    Some(Call { node: Arc::clone(&nodes[index]), app: submitted.app().into(), id: submitted.id().into() });
                work.spawn(follow(index, submitted, Arc::clone(&nodes[index]), events.clone()));
            }
            Err(error) => {
                turned = true;
                ended[index] = Some(error.map_or(Ended::NotBegun, Ended::failed));
            }
        }
    }
    drop(events);
    let mut waiting = vec![false; calls.len()];
    let mut gone = vec![false; calls.len()];
    if turned {
        call_all(&calls, &mut gone, false).await;
    }
    while let Some(event) = heard.recv().await {
        match event {
            Event::Progress(index, progress) => listener.progress(index, progress),
            Event::Waits(index) => waiting[index] = true,
            Event::Open(0) if !turned => call_all(&calls, &mut gone, true).await,
            Event::Open(_) => {}
            Event::Ended(index, end) => {
                let done = matches!(&end, Ok(outcome) if outcome.kind == OutcomeKind::Done);
                ended[index] = Some(end.map_or_else(Ended::failed, Ended::Outcome));
                if !done && !turned {
                    turned = true;
                    call_all(&calls, &mut gone, false).await;
                } else if index == 0 && !turned {
                    // it has told everything in one go
                    call_all(&calls, &mut gone, true).await;
                }
            }
        }
        if !turned && !gone[0] && waiting.iter().all(|waits| *waits) {
            gone[0] = true;
            if call(calls[0].as_ref(), true).await.is_err() {
                // it will find that nobody says anything, and goes back by itself
                turned = true;
                call_all(&calls, &mut gone, false).await;
            }
        }
    }
    while work.join_next().await.is_some() {}
    ended.into_iter().map(|end| end.unwrap_or(Ended::NotBegun)).collect()
}

/// Whom to say what.
struct Call {
    node: Arc<dyn Node>,
    app: String,
    id: String,
}

/// Says `go` or «back» to all who have not been told yet, at the same time. A member that cannot be told
/// goes back by itself.
async fn call_all(calls: &[Option<Call>], told: &mut [bool], on: bool) {
    let mut work = JoinSet::new();
    for (index, call) in calls.iter().enumerate() {
        let Some(Call { node, app, id }) = call.as_ref().filter(|_| !told[index]) else { continue };
        told[index] = true;
        let (node, app, id) = (Arc::clone(node), app.clone(), id.clone());
        work.spawn(async move { node.go(&app, &id, on).await });
    }
    while work.join_next().await.is_some() {}
}

async fn call(call: Option<&Call>, on: bool) -> Result<(), NodeError> {
    match call {
        Some(Call { node, app, id }) => node.go(app, id, on).await,
        None => Ok(()),
    }
}

async fn follow(index: usize, submitted: Submitted, node: Arc<dyn Node>, events: mpsc::UnboundedSender<Event>) {
    let mut reports = Reports::of(index, events.clone());
    let end = submitted.outcome(&*node, &mut reports).await;
    // nobody listens any more when the command was interrupted
    let _ = events.send(Event::Ended(index, end));
}

/// All or nothing: when one member is not where the others are, those go back.
async fn take_back(
    nodes: &[Arc<dyn Node>],
    apps: &[String],
    ended: Vec<Ended>,
    means: &Means<'_>,
    listener: &mut dyn GroupListener,
) -> Vec<Ended> {
    if ended.iter().all(Ended::is_live) || !ended.iter().any(Ended::is_live) {
        return ended;
    }
    let mut rows = Vec::new();
    for (index, end) in ended.into_iter().enumerate() {
        rows.push(match end {
            Ended::Outcome(outcome) if outcome.kind == OutcomeKind::Done => {
                let mut heard = |progress: Progress| listener.progress(index, progress);
                match roll_back(&*nodes[index], &apps[index], index, means, &mut heard).await {
                    Ok(Ok(back)) => Ended::TakenBack(back),
                    Ok(Err(why)) => Ended::Ahead { outcome, why },
                    Err(error) => Ended::Ahead { outcome, why: error.to_string() },
                }
            }
            other => other,
        });
    }
    rows
}

/// Takes one member back, unless that would lose writes or there is nothing to go back to.
async fn roll_back(
    node: &dyn Node,
    app: &str,
    index: usize,
    means: &Means<'_>,
    listener: &mut dyn Listener,
) -> Result<Result<Outcome, String>, DeployError> {
    let flags = Flags { attempt: format!("{}-back-{index}", means.flags.attempt), barrier_ms: None, ..means.flags.clone() };
    let planned = plan_rollback(node, app, None, means.deployment, means.backup, &flags).await?;
    if planned.plan().summary.lost.is_some() {
        return Ok(Err("going back would lose what was written since: that is for a person to decide".into()));
    }
    let staged = planned.stage(node, &BTreeMap::new(), listener).await?;
    let outcome = staged.submit(means.client_time, None).await?.outcome(node, listener).await?;
    Ok(match outcome.kind {
        OutcomeKind::Done => Ok(outcome),
        _ => Err(outcome.message.unwrap_or_else(|| "going back failed".into())),
    })
}
