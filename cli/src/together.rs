//! One update on several nodes: planned side by side, shown once, agreed to once, summed up once.

mod report;
mod view;

use crate::{
    context::Context,
    deploying::{Beside, Deploying, Target},
    deployment, dns,
    error::{CommandError, Result},
    exit::Exit,
    log_heads,
    merging::{MergedPack, Opened},
    node, secrets,
    setup_version::Agreement,
    signing, trust,
};
use jiff::Timestamp;
use report::{Report, Row};
use silver_builtin::backup::BuiltinBackup;
use silver_core::{
    deploy::{Choice, DeployError, Glance, Looked, Planned, Resolved},
    group::{self, BARRIER, Means, Member},
    node::Node,
    plan::{Flags, PLANNED_BY, Plan, differences},
};
use silver_plugin_api::plan::NodeFacts;
use silver_transport::RemoteNode;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::task::JoinSet;
use view::View;

/// So many nodes are made ready at once: their packs go out side by side.
const AT_ONCE: usize = 16;

/// What is to be deployed to the nodes of one target.
#[derive(Clone, Copy)]
pub struct Together<'a> {
    pub context: &'a Context,
    pub what: &'a Deploying,
    pub opened: &'a Opened,
    pub target: &'a Target,
}

/// What would be done on all of them.
pub struct Planning {
    flags: Flags,
    /// In the order of the target.
    nodes: Vec<PlannedNode>,
}

/// What would be done on one.
struct PlannedNode {
    node: RemoteNode,
    merged: Arc<MergedPack>,
    choice: Choice,
}

impl Together<'_> {
    /// Plans for all nodes side by side. Nothing is changed, no lock is taken; but nodes that are not set up as they shall be
    /// are asked about, and set up if that is agreed to.
    pub async fn plan(self, agreement: &mut Agreement) -> Result<Planning> {
        let nodes = self.nodes(&self.target.nodes)?;
        let mut glances = self.glances(&nodes).await?;
        agreement.settle(self.context, &nodes, &mut glances).await?;
        let merged = self.merged(&glances)?;
        let beside = Beside::of(self.opened.customization.as_ref())?;
        let mut looking = Vec::new();
        for (((node, glance), merged), name) in nodes.iter().zip(glances).zip(&merged).zip(&self.target.nodes) {
            let (node, resolved) = (node.clone(), self.resolve(name, merged, &glance.facts, &beside)?);
            looking.push(async move { resolved.look(&node, glance).await });
        }
        let looked = all(looking.into_iter()).await.map_err(|error| self.naming(error))?;
        let flags = self.flags(&looked)?;
        let mut planned = Vec::new();
        for ((node, merged), looked) in nodes.into_iter().zip(merged).zip(looked) {
            let choice = looked.plan(&BuiltinBackup, &flags).map_err(|refusal| self.naming(refusal.into()))?;
            planned.push(PlannedNode { node, merged, choice });
        }
        Ok(Planning { flags, nodes: planned })
    }

    /// What the node with this name shall have.
    fn resolve(self, name: &str, merged: &MergedPack, facts: &NodeFacts, beside: &Beside) -> Result<Resolved> {
        let resolved = self.what.resolve(merged, facts, self.target, beside)?;
        let first = self.target.nodes.first().is_some_and(|first| first == name);
        Ok(if first { resolved } else { resolved.beside_the_first() })
    }

    /// As [`Together::plan`], for the nodes of the plans that were approved, if that gives what was approved.
    /// `planned_by` is recorded when somebody else has planned it.
    pub async fn plan_approved(
        self,
        approved: &[&Plan],
        planned_by: Option<&str>,
        agreement: &mut Agreement,
    ) -> Result<Planning> {
        let of = |name: &String| approved.iter().copied().find(|plan| plan.node == *name);
        let names: Vec<String> = self.target.nodes.iter().filter(|name| of(name).is_some()).cloned().collect();
        let nodes = self.nodes(&names)?;
        let mut glances = self.glances(&nodes).await?;
        agreement.settle(self.context, &nodes, &mut glances).await?;
        let merged = self.merged(&glances)?;
        let plans: Vec<&Plan> = names.iter().filter_map(of).collect();
        let beside = Beside::of(self.opened.customization.as_ref())?;
        let mut looking = Vec::new();
        for (((node, glance), merged), plan) in nodes.iter().zip(glances).zip(&merged).zip(&plans) {
            let (node, plan) = (node.clone(), Plan::clone(plan));
            let mut resolved = self.resolve(&plan.node, merged, &glance.facts, &beside)?;
            resolved.wanted.deployment.extra.extend(planned_by.map(|who| (PLANNED_BY.to_owned(), who.to_owned())));
            looking.push(async move { resolved.look_approved(&node, glance, &plan).await });
        }
        let looked = all(looking.into_iter()).await.map_err(|error| self.naming(error))?;
        let flags = self.flags(&looked)?;
        let mut planned = Vec::new();
        for (((node, merged), looked), plan) in nodes.into_iter().zip(merged).zip(looked).zip(plans) {
            let choice = looked.plan_approved(&BuiltinBackup, plan, &flags).map_err(|error| self.naming(error))?;
            planned.push(PlannedNode { node, merged, choice: Choice::Planned(Box::new(choice)) });
        }
        Ok(Planning { flags, nodes: planned })
    }

    /// Shows the plans, asks, carries them out on all nodes or none, and sums up.
    pub async fn carry(self, planning: Planning, dry_run: bool) -> Result {
        let Self { context, what, opened, target } = self;
        let Planning { flags, nodes } = planning;
        let (mut rows, mut members, mut merged) = (Vec::new(), Vec::new(), None);
        for PlannedNode { node, merged: its, choice } in nodes {
            let row = Row::of(node.name());
            merged.get_or_insert(its);
            rows.push(match choice {
                Choice::Nothing { why } => Row { message: Some(why), ..row },
                Choice::Planned(planned) => {
                    let row = Row { plan: Some(planned.digest().to_string()), ..row };
                    members.push(Member { node: Arc::new(node), planned: *planned, secrets: BTreeMap::new() });
                    row
                }
            });
        }
        let plans: Vec<&Plan> = members.iter().map(|member| member.planned.plan()).collect();
        show(context, &plans, &rows, dry_run)?;
        if dry_run {
            return Ok(Exit::Done);
        }
        let save_lock = || merged.map_or(Ok(()), |merged| merged.save_lock());
        let Some(first) = plans.first() else {
            save_lock()?;
            return Ok(Exit::Done);
        };
        dns::warn(context, &target.nodes, &first.transition.locations).await?;
        let question = format!("Carry this out on {} nodes?", members.len());
        if !context.ui.confirm(&question, true)? {
            return Err(CommandError::new(Exit::Interrupted, "not carried out: nothing has changed"));
        }
        let names: BTreeSet<&str> = members.iter().flat_map(|member| member.planned.secrets_to_give()).collect();
        let given = secrets::asked(context, opened.pack.manifest(), &Vec::from_iter(names))?;
        let digests: Vec<_> = members.iter().map(|member| member.planned.digest()).collect();
        let signatures = signing::sign_all(context, &digests)?;
        for member in &mut members {
            member.secrets.clone_from(&given);
        }
        let told = deployment::claimed(what.reason.clone());
        context.interrupt.is_awaited()?;
        let means = Means {
            at_once: AT_ONCE,
            client_time: &Timestamp::now().to_string(),
            signatures,
            deployment: &told,
            backup: &BuiltinBackup,
            flags: &flags,
            called_off: Box::pin(context.interrupt.pressed()),
        };
        let mut view = View::new(context, members.iter().map(|member| member.node.name().to_owned()).collect());
        let ended = Box::pin(group::carry(members, means, &mut view)).await;
        drop(view);
        let mut report = Report { rows, called_off: context.interrupt.was_pressed() };
        let outcome = report.judge(context, ended);
        context.ui.list(&report.rows, "")?;
        outcome?;
        save_lock()?;
        Ok(Exit::Done)
    }

    fn nodes(self, names: &[String]) -> Result<Vec<RemoteNode>> {
        names.iter().map(|name| node::connect_to(self.context, name)).collect()
    }

    /// What is deployed to each node: nodes of one platform have it in common.
    fn merged(self, glances: &[Glance]) -> Result<Vec<Arc<MergedPack>>> {
        let mut known: BTreeMap<String, Arc<MergedPack>> = BTreeMap::new();
        let mut all = Vec::new();
        for Glance { facts, .. } in glances {
            let platform = crate::app_plugins::platform(facts);
            let merged = match known.get(&platform) {
                Some(merged) => Arc::clone(merged),
                None => Arc::new(self.target.merge(self.context, self.opened, facts)?),
            };
            known.insert(platform, Arc::clone(&merged));
            all.push(merged);
        }
        Ok(all)
    }

    /// Looks at all of them side by side; none of them may say another history than it did before.
    async fn glances(self, nodes: &[RemoteNode]) -> Result<Vec<Glance>> {
        let mut looking = Vec::new();
        for node in nodes {
            let (node, app, seen) = (node.clone(), self.target.app.clone(), log_heads::known(self.context, node.name())?);
            looking.push(async move {
                let glance = async { Ok(Glance::take(&node, &app).await?) };
                Ok(tokio::try_join!(glance, log_heads::compare(&node, seen))?.0)
            });
        }
        all(looking.into_iter()).await
    }

    fn flags(self, looked: &[Looked]) -> Result<Flags> {
        let barrier = self.what.wait.map_or(BARRIER, Duration::from_secs);
        let barrier_ms = Some(u64::try_from(barrier.as_millis()).unwrap_or(u64::MAX));
        Ok(Flags { label: common_label(looked), barrier_ms, ..self.what.flags()? })
    }

    fn naming(self, error: DeployError) -> CommandError {
        trust::naming(error, self.opened.pack.path())
    }
}

impl Planning {
    /// The plans, and for nodes without one why not.
    pub fn taken_apart(&self) -> (Vec<&Plan>, Vec<String>) {
        let (mut plans, mut nothing) = (Vec::new(), Vec::new());
        for PlannedNode { node, choice, .. } in &self.nodes {
            match choice {
                Choice::Nothing { why } => nothing.push(format!("{why} (node {})", node.name())),
                Choice::Planned(planned) => plans.push(Planned::plan(planned)),
            }
        }
        (plans, nothing)
    }
}

/// Shows the first plan whole, and of the others only what is different.
pub fn print(context: &Context, plans: &[&Plan]) {
    let Some((first, others)) = plans.split_first() else { return };
    context.ui.line(&first.to_string());
    for plan in others {
        let here = Plan { node: first.node.clone(), ..Plan::clone(plan) };
        if differences(first, &here).is_empty() {
            context.ui.line(&format!("the same on node {}", plan.node));
        } else {
            context.ui.line(&plan.to_string());
        }
    }
}

fn show(context: &Context, plans: &[&Plan], rows: &[Row], dry_run: bool) -> Result<()> {
    if context.ui.json() {
        return match (dry_run, plans.is_empty()) {
            (true, _) => context.ui.report_json(&plans),
            (false, true) => context.ui.list(rows, ""),
            (false, false) => Ok(()),
        };
    }
    for row in rows.iter().filter(|row| row.plan.is_none()) {
        context.ui.line(&format!("nothing to do (node {}): {}", row.node, row.message.as_deref().unwrap_or_default()));
    }
    print(context, plans);
    Ok(())
}

/// Runs all of them at the same time; the first error, or the results in their order.
async fn all<T, E, F>(work: impl Iterator<Item = F>) -> std::result::Result<Vec<T>, E>
where
    F: Future<Output = std::result::Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let mut set = JoinSet::new();
    for (at, work) in work.enumerate() {
        set.spawn(async move { (at, work.await) });
    }
    let mut done = set.join_all().await;
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The label that the release gets on all nodes: the newest of those that they would give it.
fn common_label(looked: &[Looked]) -> Option<String> {
    let age = |label: &str| {
        let (day, number) = label.rsplit_once('_')?;
        Some((day.to_owned(), number.parse::<u64>().ok()?))
    };
    looked.iter().map(Looked::label).max_by_key(|label| age(label)).map(str::to_owned)
}
