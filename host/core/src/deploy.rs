//! A command's own part of an update, in types: [`Resolved`] → [`Planned`] → [`Staged`] →
//! [`Submitted`] → outcome. Only what is staged can be submitted; what is dropped before that has
//! changed nothing.

mod approved;
mod assemble;
mod error;
mod glance;
mod send;
mod watching;

pub use error::DeployError;
pub use glance::Glance;
pub use send::Content;
pub(crate) use watching::CONNECTION;

use crate::{
    node::{Node, Session},
    plan::{self, Decision, Flags, Plan, Refusal, Seen, StateChange, Wanted},
    progress::Listener,
};
use silver_pack::listing::Listing;
use silver_plugin_api::{
    Digest,
    backup::Backup,
    plan::{CronOn, Deployment, Missing, NodeFacts, Observed, Outcome, Release, SecretSource, Transition},
};
use std::collections::BTreeMap;

/// A release that is wanted, with its content.
pub struct Resolved {
    /// What is wanted.
    pub wanted: Wanted,
    /// Where its bytes are.
    pub content: Content,
    /// Values of secrets that the operator refers to, by name.
    pub secrets: BTreeMap<String, String>,
}

/// A plan that can be shown, dropped or carried out.
pub struct Planned {
    plan: Plan,
    /// Digest of the plan that was approved, if this one was made from it.
    approved: Option<Digest>,
    resolved: Option<Resolved>,
    observed: Observed,
    front_port: u16,
}

/// A release that lies ready on the node, and the lock.
pub struct Staged {
    plan: Plan,
    /// Digest of the plan as it was shown, without what build steps have made since.
    shown: Digest,
    session: Box<dyn Session>,
}

/// A transition that belongs to the node.
pub struct Submitted {
    transition: Transition,
    session: Box<dyn Session>,
}

/// Nothing to do, or a plan.
pub enum Choice {
    /// Everything is as wanted.
    Nothing {
        /// Why, for people.
        why: String,
    },
    /// A plan.
    Planned(Box<Planned>),
}

impl Resolved {
    /// For a node of a group that is not its first one: what one node of a group does, the first one does.
    #[must_use]
    pub fn beside_the_first(mut self) -> Self {
        self.wanted.release.cron.retain(|cron| cron.on == CronOn::All);
        self
    }

    /// Looks at the node and plans. Nothing is changed, no lock is taken. `glance` is of the same node and application.
    pub async fn plan(self, node: &dyn Node, glance: Glance, backup: &dyn Backup, flags: &Flags) -> Result<Choice, DeployError> {
        Ok(self.look(node, glance).await?.plan(backup, flags)?)
    }

    /// Finds out everything that is to be known before there can be a plan.
    pub async fn look(self, node: &dyn Node, glance: Glance) -> Result<Looked, DeployError> {
        self.look_for(node, glance, usize::MAX).await
    }

    /// As [`Resolved::look`]; what build steps made before is taken for at most `known` of them.
    async fn look_for(mut self, node: &dyn Node, mut glance: Glance, known: usize) -> Result<Looked, DeployError> {
        let app = self.wanted.release.app.clone();
        let whole = !self.has_steps_to_run();
        // side by side: a node may be far away
        let before = async {
            let mut observed = glance.observed().await?;
            if observed.running.is_some() {
                // whoever wanted to look on at that change may have come too late to see it, and it has ended since
                observed = node.observe(&app).await?;
            }
            let tree = if whole { self.tree_before(node, &observed).await? } else { None };
            Ok((observed, tree))
        };
        let lacks = async {
            let missing = if whole { self.content.missing(node, &self.wanted).await? } else { Missing::default() };
            Ok(missing)
        };
        let renewed = async { Ok::<_, DeployError>(node.renewed(&app, &self.secrets).await?) };
        let ((observed, mut tree), mut renewed, mut missing) = tokio::try_join!(before, renewed, lacks)?;
        if !whole {
            let locations = plan::locations(&self.wanted, &observed)?;
            self.take_known(node, &locations, known).await?;
            (tree, missing) = tokio::try_join!(self.tree_before(node, &observed), async {
                Ok(self.content.missing(node, &self.wanted).await?)
            })?;
        }
        let facts = glance.facts;
        let given = |name: &String| self.wanted.release.secrets.iter().any(|secret| secret.name == *name);
        renewed.retain(given);
        Ok(Looked { resolved: self, facts, observed, tree, missing, renewed })
    }

    /// The tree that is current, which the node is asked for unless it is the one that is wanted.
    async fn tree_before(&self, node: &dyn Node, observed: &Observed) -> Result<Option<Listing>, DeployError> {
        let same = current(observed).is_some_and(|release| release.tree == self.wanted.release.tree);
        if same { Ok(Some(self.wanted.tree.clone())) } else { current_tree(node, observed).await }
    }
}

/// A release that is wanted, and what was found on a node: what a plan is made from.
pub struct Looked {
    resolved: Resolved,
    facts: NodeFacts,
    observed: Observed,
    tree: Option<Listing>,
    missing: Missing,
    renewed: Vec<String>,
}

impl Looked {
    /// The label that the node gives the release.
    pub fn label(&self) -> &str {
        &self.observed.next_label
    }

    /// Plans.
    pub fn plan(self, backup: &dyn Backup, flags: &Flags) -> Result<Choice, Refusal> {
        Ok(match self.decide(backup, flags)? {
            Decision::Nothing { why } => Choice::Nothing { why },
            Decision::Do(plan) => Choice::Planned(Box::new(self.planned(*plan, None))),
        })
    }

    fn decide(&self, backup: &dyn Backup, flags: &Flags) -> Result<Decision, Refusal> {
        let Self { resolved, facts, observed, tree, missing, renewed } = self;
        plan::plan(&resolved.wanted, Seen { facts, observed, tree: tree.as_ref(), missing, renewed, backup }, flags)
    }

    fn planned(self, plan: Plan, approved: Option<Digest>) -> Planned {
        let front_port = self.facts.front_port;
        Planned { plan, approved, resolved: Some(self.resolved), observed: self.observed, front_port }
    }
}

/// Plans the way back to the release before, or to `to`: the node has everything already.
pub async fn plan_rollback(
    node: &dyn Node,
    app: &str,
    to: Option<&str>,
    deployment: &Deployment,
    backup: &dyn Backup,
    flags: &Flags,
) -> Result<Planned, DeployError> {
    let (facts, observed) = tokio::try_join!(node.facts(), node.observe(app))?;
    let missing = Missing::default();
    let seen = Seen { facts: &facts, observed: &observed, tree: None, missing: &missing, renewed: &[], backup };
    let target = plan::rollback(to, None, deployment, seen, flags)?;
    let Some((_, release)) = &target.transition.release else {
        return Ok(Planned { plan: target, approved: None, resolved: None, observed, front_port: facts.front_port });
    };
    let (current, wanted) = tokio::try_join!(current_tree(node, &observed), tree(node, &release.tree))?;
    let seen = Seen { tree: current.as_ref(), ..seen };
    let plan = plan::rollback(to, Some(&wanted), deployment, seen, flags)?;
    Ok(Planned { plan, approved: None, resolved: None, observed, front_port: facts.front_port })
}

/// Plans a change of state.
pub async fn plan_state(
    node: &dyn Node,
    app: &str,
    change: StateChange,
    deployment: &Deployment,
    backup: &dyn Backup,
    flags: &Flags,
) -> Result<Choice, DeployError> {
    let (facts, observed) = tokio::try_join!(node.facts(), node.observe(app))?;
    let missing = Missing::default();
    let seen = Seen { facts: &facts, observed: &observed, tree: None, missing: &missing, renewed: &[], backup };
    Ok(match plan::change_state(change, deployment, seen, flags)? {
        Decision::Nothing { why } => Choice::Nothing { why },
        Decision::Do(plan) => {
            let front_port = facts.front_port;
            Choice::Planned(Box::new(Planned { plan: *plan, approved: None, resolved: None, observed, front_port }))
        }
    })
}

impl Planned {
    /// The plan, to be shown.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The digest of what was agreed to: of the plan that was approved, or of this one.
    pub fn digest(&self) -> Digest {
        self.approved.unwrap_or_else(|| self.plan.digest())
    }

    /// The port on which the node's applications answer.
    pub fn front_port(&self) -> u16 {
        self.front_port
    }

    /// Names of the secrets that the operator has to be asked for: those of the release that nothing
    /// refers to and the node does not have.
    pub fn secrets_to_give(&self) -> Vec<&str> {
        let Some(resolved) = &self.resolved else { return Vec::new() };
        let given = resolved.wanted.release.secrets.iter().filter(|secret| secret.source == SecretSource::Given);
        given
            .map(|secret| secret.name.as_str())
            .filter(|name| !resolved.secrets.contains_key(*name) && !self.observed.secrets.iter().any(|has| has == name))
            .collect()
    }

    /// Takes the lock, makes sure that the plan still holds, sends what is missing, and lays the
    /// release out. `asked` are the secrets that were asked for, by name.
    pub async fn stage(
        mut self,
        node: &dyn Node,
        asked: &BTreeMap<String, String>,
        listener: &mut dyn Listener,
    ) -> Result<Staged, DeployError> {
        let app = self.plan.transition.app.clone();
        // side by side: a node may be far away
        let lacking = async {
            match &self.resolved {
                Some(resolved) => resolved.content.lacking(node, &resolved.wanted).await,
                None => Ok(Missing::default()),
            }
        };
        let (mut session, missing) = tokio::try_join!(node.lock(&app), lacking)?;
        if !is_as_planned(session.observe().await?, &self.observed) {
            return Err(DeployError::Stale { app });
        }
        let shown = self.digest();
        let transition = &mut self.plan.transition;
        if let (Some(resolved), Some((label, release))) = (&mut self.resolved, &mut transition.release) {
            let whole = !resolved.has_steps_to_run();
            resolved.content.send_files(session.as_mut(), &resolved.wanted, &missing, whole, listener).await?;
            if !whole {
                resolved.run_steps(session.as_mut(), &transition.locations, listener).await?;
                (release.tree, release.id) = (resolved.wanted.release.tree, resolved.wanted.release.id);
                transition.deployment.reasons = resolved.wanted.deployment.reasons;
                resolved.content.send_records(session.as_mut()).await?;
            }
            session.put_tree(resolved.wanted.release.tree, &resolved.wanted.tree.to_lines()).await?;
            let mut secrets = resolved.secrets.clone();
            secrets.extend(asked.clone());
            session.stage(label, release, &secrets, listener).await?;
        }
        Ok(Staged { plan: self.plan, shown, session })
    }
}

impl Staged {
    /// Hands the transition to the node, which carries it through whatever becomes of this command.
    /// `client_time` is the client's clock, RFC 3339; `signature` is the operator's over
    /// [`Planned::digest`], if there is one.
    pub async fn submit(self, client_time: &str, signature: Option<String>) -> Result<Submitted, DeployError> {
        let Self { plan, shown, mut session } = self;
        let mut transition = plan.transition;
        transition.deployment.client_time = client_time.into();
        transition.deployment.plan = Some(shown);
        transition.deployment.signature = signature;
        session.submit(&transition).await?;
        Ok(Submitted { transition, session })
    }
}

impl Submitted {
    /// The transition's id.
    pub fn id(&self) -> &str {
        &self.transition.id
    }

    /// The application.
    pub fn app(&self) -> &str {
        &self.transition.app
    }

    /// Follows it to its end. Should the connection break, `node` is asked again: the transition
    /// goes on without it.
    pub async fn outcome(mut self, node: &dyn Node, listener: &mut dyn Listener) -> Result<Outcome, DeployError> {
        let Transition { app, id, .. } = &self.transition;
        watching::to_the_end(self.session.as_mut(), node, app, id, listener).await
    }
}

/// Is the application as it was when the plan was made? What others have brought about meanwhile is no matter: an environment more is of
/// use to nobody else, and whose a location is the node asks itself once more.
fn is_as_planned(now: Observed, planned: &Observed) -> bool {
    let there = planned.environments.iter().all(|environment| now.environments.contains(environment));
    there && Observed { environments: planned.environments.clone(), taken: planned.taken.clone(), ..now } == *planned
}

async fn current_tree(node: &dyn Node, observed: &Observed) -> Result<Option<Listing>, DeployError> {
    match current(observed) {
        Some(current) => Ok(Some(tree(node, &current.tree).await?)),
        None => Ok(None),
    }
}

fn current(observed: &Observed) -> Option<&Release> {
    let current = observed.releases.iter().find(|release| Some(&release.label) == observed.current.as_ref());
    current.map(|current| &current.release)
}

async fn tree(node: &dyn Node, digest: &Digest) -> Result<Listing, DeployError> {
    let listing = Listing::parse(&node.tree(digest).await?)?;
    if listing.digest() != *digest {
        return Err(DeployError::Tree { digest: *digest });
    }
    Ok(listing)
}
