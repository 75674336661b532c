//! One update on several nodes: planned side by side, shown once, agreed to once, summed up once.

use crate::{
    context::Context,
    deploying::{Deploying, Target},
    deployment,
    error::{CommandError, Result},
    exit::Exit,
    interrupt::nothing_has_changed,
    merging::{MergedPack, Opened},
    node, secrets,
    setup_version::Agreement,
    signing, trust,
    ui::ProgressView,
};
use jiff::Timestamp;
use serde::Serialize;
use silver_builtin::backup::BuiltinBackup;
use silver_core::{
    deploy::{Choice, DeployError, Looked},
    group::{self, BARRIER_MS, Ended, GroupListener, Means, Member},
    node::Node,
    plan::{Flags, Plan, differences},
};
use silver_plugin_api::plan::{NodeFacts, Outcome, OutcomeKind, Progress, ProgressKind};
use std::{collections::BTreeMap, sync::Arc};
use tokio::task::JoinSet;

/// So many nodes are made ready at once: their packs go out side by side.
const AT_ONCE: usize = 16;

/// One node in the summary.
#[derive(Serialize)]
struct Row {
    node: String,
    /// `done`, `nothing`, `reverted`, `taken-back`, `ahead`, `revert-failed`, `not-begun`, `refused`, `unknown`.
    outcome: &'static str,
    release: Option<String>,
    message: Option<String>,
    failed_step: Option<String>,
    event: Option<u64>,
    plan: Option<String>,
}

/// Updates all nodes of the target, or none.
pub fn update(
    context: &Context,
    what: &Deploying,
    opened: &Opened,
    target: &Target,
    agreement: &mut Agreement,
    dry_run: bool,
) -> Result {
    let flags = what.flags()?;
    context.block_on(async {
        let nodes = target.nodes.iter().map(|name| node::connect_to(context, name)).collect::<Result<Vec<_>>>()?;
        let mut facts = all(nodes.iter().map(|node| {
            let node = node.clone();
            async move { node.facts().await }
        }))
        .await?;
        agreement.settle(context, &nodes, &mut facts).await?;
        let merged = merged(context, opened, target, &facts)?;
        let mut looked = Vec::new();
        for ((node, facts), merged) in nodes.iter().zip(&facts).zip(&merged) {
            let (node, resolved) = (node.clone(), what.resolve(merged, facts, target)?);
            looked.push(async move { resolved.look(&node).await });
        }
        let looked = all(looked.into_iter()).await.map_err(|error| trust::naming(error, opened.pack.path()))?;
        let flags = Flags { label: common_label(&looked), barrier_ms: Some(BARRIER_MS), ..flags };
        let mut rows: Vec<Row> = target.nodes.iter().map(|node| Row::of(node, "nothing")).collect();
        let mut members = Vec::new();
        let mut places = Vec::new();
        for (at, looked) in looked.into_iter().enumerate() {
            let planned = looked.plan(&BuiltinBackup, &flags).map_err(DeployError::from);
            match planned.map_err(|error| trust::naming(error, opened.pack.path()))? {
                Choice::Nothing { why } => rows[at].message = Some(why),
                Choice::Planned(planned) => {
                    rows[at].plan = Some(planned.digest().to_string());
                    members.push(Member { node: Arc::new(nodes[at].clone()), planned: *planned, secrets: BTreeMap::new() });
                    places.push(at);
                }
            }
        }
        show(context, &members, &rows, dry_run)?;
        if members.is_empty() || dry_run {
            return Ok(Exit::Done);
        }
        let question = format!("Carry this out on {} nodes?", members.len());
        if !context.ui.confirm(&question, true)? {
            return Err(CommandError::new(Exit::Interrupted, "not carried out: nothing has changed"));
        }
        let names: Vec<&str> = members.iter().flat_map(|member| member.planned.secrets_to_give()).collect();
        let names: Vec<&str> = std::collections::BTreeSet::from_iter(names).into_iter().collect();
        let given = secrets::asked(context, opened.pack.manifest(), &names)?;
        let mut signatures = Vec::new();
        for member in &members {
            signatures.push(signing::sign(context, &member.planned.digest())?);
        }
        for member in &mut members {
            member.secrets.clone_from(&given);
        }
        let told = deployment::claimed(what.reason.clone());
        let means = Means {
            at_once: AT_ONCE,
            client_time: &Timestamp::now().to_string(),
            signatures,
            deployment: &told,
            backup: &BuiltinBackup,
            flags: &flags,
        };
        let mut view = View { view: context.ui.progress(), names: places.iter().map(|at| target.nodes[*at].clone()).collect() };
        context.interrupt.is_awaited()?;
        let work = Box::pin(group::carry(members, means, &mut view));
        let ended = tokio::select! {
            biased;
            () = context.interrupt.pressed() => None,
            ended = work => Some(ended),
        };
        drop(view);
        let Some(ended) = ended else {
            let error = CommandError::new(Exit::Interrupted, "interrupted: nodes that wait for the others go back by themselves");
            return Err(error.hint("`silver status --node NAME` tells how it is on each of them"));
        };
        let done = ended.iter().all(Ended::is_live);
        let begun = !ended.iter().all(|end| matches!(end, Ended::NotBegun | Ended::Refused(_)));
        let mut worst = None;
        for (at, end) in places.into_iter().zip(ended) {
            rows[at].tell(end, &mut worst);
        }
        context.ui.list(&rows, "")?;
        if done {
            if let Some(merged) = merged.first() {
                merged.save_lock()?;
            }
            return Ok(Exit::Done);
        }
        if !begun && worst.is_none() {
            return Err(nothing_has_changed());
        }
        Err(worst.unwrap_or_else(|| {
            CommandError::new(Exit::Reverted, "the update failed on a node, and everything is as before on all of them")
                .hint("put right what the message names and run the same command again")
        }))
    })
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

/// What is deployed to each node: nodes of one platform have it in common.
fn merged(context: &Context, opened: &Opened, target: &Target, facts: &[NodeFacts]) -> Result<Vec<Arc<MergedPack>>> {
    let mut known: BTreeMap<String, Arc<MergedPack>> = BTreeMap::new();
    let mut all = Vec::new();
    for facts in facts {
        let platform = crate::app_plugins::platform(facts);
        let merged = match known.get(&platform) {
            Some(merged) => Arc::clone(merged),
            None => Arc::new(target.merge(context, opened, facts)?),
        };
        known.insert(platform, Arc::clone(&merged));
        all.push(merged);
    }
    Ok(all)
}

/// The label that the release gets on all nodes: the newest of those that they would give it.
fn common_label(looked: &[Looked]) -> Option<String> {
    let age = |label: &str| {
        let (day, number) = label.rsplit_once('_')?;
        Some((day.to_owned(), number.parse::<u64>().ok()?))
    };
    looked.iter().map(Looked::label).max_by_key(|label| age(label)).map(str::to_owned)
}

/// The first plan whole; of the others only what is different.
fn show(context: &Context, members: &[Member], rows: &[Row], dry_run: bool) -> Result<()> {
    let plans: Vec<&Plan> = members.iter().map(|member| member.planned.plan()).collect();
    if context.ui.json() {
        return if dry_run { context.ui.report_json(&plans) } else { Ok(()) };
    }
    for row in rows.iter().filter(|row| row.plan.is_none()) {
        context.ui.line(&format!("nothing to do (node {}): {}", row.node, row.message.as_deref().unwrap_or_default()));
    }
    let Some((first, others)) = plans.split_first() else { return Ok(()) };
    context.ui.line(&first.to_string());
    for plan in others {
        let here = Plan { node: first.node.clone(), ..Plan::clone(plan) };
        if differences(first, &here).is_empty() {
            context.ui.line(&format!("the same on node {}", plan.node));
        } else {
            context.ui.line(&plan.to_string());
        }
    }
    Ok(())
}

/// Lines of all nodes, each with its name.
struct View {
    view: ProgressView,
    names: Vec<String>,
}

impl GroupListener for View {
    fn progress(&mut self, member: usize, progress: Progress) {
        let name = &self.names[member];
        let kind = match progress.kind {
            // bars of several nodes would write over each other
            ProgressKind::Amount { .. } | ProgressKind::Done => return,
            ProgressKind::Begin(text) => ProgressKind::Line(format!("{name}: {text}")),
            ProgressKind::Line(line) => ProgressKind::Line(format!("{name} | {line}")),
            other => other,
        };
        self.view.show(&Progress { step: format!("{name}: {}", progress.step), kind, at_ms: progress.at_ms });
    }
}

impl Row {
    fn of(node: &str, outcome: &'static str) -> Self {
        let node = node.to_owned();
        Self { node, outcome, release: None, message: None, failed_step: None, event: None, plan: None }
    }

    /// How it ended there; `worst` is what the command ends with.
    fn tell(&mut self, end: Ended, worst: &mut Option<CommandError>) {
        let needs_person = |what: &str| {
            CommandError::new(Exit::RevertFailed, format!("the nodes are not all as before: {what}"))
                .hint("a person has to look at it: `silver status --node NAME` and `silver logs` say what is there")
        };
        match end {
            Ended::NotBegun => self.outcome = "not-begun",
            Ended::Refused(error) => {
                self.outcome = "refused";
                self.message = Some(error.to_string());
                worst.get_or_insert(error.into());
            }
            Ended::Outcome(outcome) => {
                self.outcome = match outcome.kind {
                    OutcomeKind::Done => "done",
                    OutcomeKind::Reverted => "reverted",
                    OutcomeKind::RevertFailed => "revert-failed",
                };
                if outcome.kind == OutcomeKind::RevertFailed {
                    *worst = Some(needs_person("reverting failed on one"));
                }
                self.fill(outcome);
            }
            Ended::TakenBack(outcome) => {
                self.outcome = "taken-back";
                self.fill(outcome);
            }
            Ended::Ahead { outcome, why } => {
                self.outcome = "ahead";
                self.fill(outcome);
                self.message = Some(why);
                *worst = Some(needs_person("one has the new release"));
            }
            Ended::Lost(error) => {
                self.outcome = "unknown";
                self.message = Some(error.to_string());
                worst.get_or_insert(error.into());
            }
        }
    }

    fn fill(&mut self, outcome: Outcome) {
        self.release = outcome.current;
        self.message = outcome.message;
        self.failed_step = outcome.failed_step;
        self.event = outcome.event;
    }
}
