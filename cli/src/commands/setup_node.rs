use crate::{
    carry::interruptible,
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    findings, node,
    nodes::NodesFile,
    operator,
    set_up::{self, Planner},
};
use silver_core::{node::Node, nodes::set_log_key, setup::Proposal};
use silver_pack::manifest::Name;
use silver_plugin_api::{
    plan::{Progress, ProgressKind},
    setup::{Applied, Plan, SetupOrder},
};
use silver_transport::{RemoteNode, ssh::Install};

/// Prepare a server for applications: packages, users, directories, units, the front, the firewall
///
/// Shows first what is there, what changes and why, and asks. What is in place is left alone: again, there is nothing
/// to do. Changes that could cut you off are undone by the server itself, unless a fresh connection comes through.
#[derive(Debug, clap::Args)]
pub struct SetupNode {
    /// The server, by its name in nodes.toml
    name: Name,
    /// Show the plan and change nothing; only silver's agent is copied, which has to look
    #[arg(long)]
    dry_run: bool,
    /// Show the texts of files that change, line by line
    #[arg(long)]
    diff: bool,
    /// Why, for the registry
    #[arg(long)]
    reason: Option<String>,
}

impl SetupNode {
    pub fn run(self, context: &Context) -> Result {
        context.interrupt.ends_at_once(&context.ui)?;
        let planner = Planner::new(context, NodesFile::read(context)?)?;
        let node = node::connect_with(context, &self.name, Install::Bare)?;
        context.block_on(async {
            let (plan, found) = planner.plan(&node.facts().await?)?;
            findings::show(&context.ui, &found);
            if self.dry_run {
                let proposal = set_up::compare(&node, &plan).await?;
                show(context, &node, &proposal, true, self.diff)?;
                return Ok(Exit::Done);
            }
            carry_out(context, &node, plan, How { agreed: false, diff: self.diff, reason: self.reason }).await
        })
    }
}

/// How a set-up is carried out.
#[derive(Debug, Default)]
pub struct How {
    /// It is part of another command, where it was agreed to.
    pub agreed: bool,
    /// Show files line by line.
    pub diff: bool,
    /// Why, for the registry.
    pub reason: Option<String>,
}

/// Shows what a plan changes, asks, and brings it about.
pub async fn carry_out(context: &Context, node: &RemoteNode, plan: Plan, how: How) -> Result {
    let proposal = set_up::compare(node, &plan).await?;
    if proposal.is_nothing() {
        note_log_key(context, node).await?;
        return nothing(context, node, &proposal);
    }
    show(context, node, &proposal, false, how.diff)?;
    if !how.agreed && !proposal.changes.is_empty() && !context.ui.confirm("Carry this out?", true)? {
        return Err(CommandError::new(Exit::Interrupted, "not carried out: nothing has changed"));
    }
    let order = SetupOrder { plan, operator: operator::claimed(), reason: how.reason };
    let applied = bring_about(context, node, &order).await?;
    note_log_key(context, node).await?;
    report(context, node, &order.plan, &applied, how.agreed)
}

async fn bring_about(context: &Context, node: &RemoteNode, order: &SetupOrder) -> Result<Applied> {
    let mut view = context.ui.progress();
    // what programs say is shown when they fail
    let mut listener = |progress: Progress| {
        if !matches!(progress.kind, ProgressKind::Line(_)) {
            view.show(&progress);
        }
    };
    context.interrupt.is_awaited()?;
    let applied = interruptible(context, node.set_up(order, &mut listener)).await;
    view.finish();
    let Some(applied) = applied else {
        let message = format!("interrupted: {} goes on with its set-up; what needs a fresh connection is undone", node.name());
        return Err(
            CommandError::new(Exit::Interrupted, message).hint("run the same command again: what is in place is left alone")
        );
    };
    Ok(applied?)
}

fn show(context: &Context, node: &RemoteNode, proposal: &Proposal, dry_run: bool, diff: bool) -> Result<()> {
    match (context.ui.json(), dry_run) {
        (true, true) => context.ui.report_json(&set_up::change_rows(node.name(), proposal)),
        (true, false) => Ok(()),
        (false, _) => {
            context.ui.line(&proposal.headline(node.name()));
            for line in proposal.lines() {
                context.ui.line(&line);
            }
            for text in proposal.changes.iter().filter(|_| diff).filter_map(set_up::diff) {
                context.ui.line(text.trim_end());
            }
            Ok(())
        }
    }
}

fn nothing(context: &Context, node: &RemoteNode, proposal: &Proposal) -> Result {
    if context.ui.json() {
        context.ui.report_json(&[(); 0])?;
    } else {
        context.ui.line(&format!("nothing to do: {}", proposal.headline(node.name())));
    }
    Ok(Exit::Done)
}

/// Which key the node signs its log with belongs to what is known of it, so that another one is noticed.
async fn note_log_key(context: &Context, node: &RemoteNode) -> Result<()> {
    let key = &node.log_head(None).await?.key;
    let file = NodesFile::read(context)?;
    let known = file.nodes.nodes.get(node.name()).and_then(|entry| entry.log_key.as_deref());
    match known {
        Some(known) if known == key => Ok(()),
        Some(_) => Err(CommandError::new(
            Exit::Integrity,
            format!("{} signs its log with another key than {} says", node.name(), file.path.display()),
        )
        .hint("find out who made the server anew; then remove `log-key` there and run this again")),
        None => {
            file.write(&set_log_key(&file.text, node.name(), key)?)?;
            context.ui.note(&format!("noted the key of {}'s log in {}", node.name(), file.path.display()));
            Ok(())
        }
    }
}

fn report(context: &Context, node: &RemoteNode, plan: &Plan, applied: &Applied, part: bool) -> Result {
    let rows = set_up::result_rows(node.name(), plan, applied);
    if applied.has_changed() && applied.event.is_none() {
        context.ui.warning(&format!("the registry of {} has nothing about this set-up: its agent's log says why", node.name()));
    }
    if context.ui.json() {
        // a command that does more reports once
        if !part {
            context.ui.report_json(&rows)?;
        }
    } else {
        for row in &rows {
            row.show(&context.ui);
        }
    }
    if !applied.is_complete() {
        let open = applied.items.iter().filter(|item| !item.is_in_place()).count();
        let error = CommandError::new(Exit::Error, format!("{open} resources of {} are not in place", node.name()));
        return Err(error.hint("the reasons stand above; the same command goes on where this one ended"));
    }
    if !context.ui.json() {
        context.ui.line(&format!("{} is set up ({})", node.name(), applied.version.short()));
    }
    Ok(Exit::Done)
}
