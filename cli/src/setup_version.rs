//! Is a server set up as silver would set it up today? Asked before it gets an application.

use crate::{
    commands::setup_node::{self, How},
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    nodes::NodesFile,
    set_up,
};
use silver_core::{
    node::Node,
    nodes::LOCAL,
    setup::{SetupStanding, standing_of},
};
use silver_pack::hash;
use silver_plugin_api::setup::Plan;
use silver_transport::RemoteNode;

/// What is done about a server that is not.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct Outdated {
    /// Set a node up anew first, if that is due; else it is asked, and `--yes` goes on without
    #[arg(long)]
    pub update_node: bool,
    /// Nothing shall change: it is only said.
    #[arg(skip)]
    pub only_say: bool,
}

impl Outdated {
    /// The same, and nothing is asked or changed when `only_say`.
    pub fn only_say(self, only_say: bool) -> Self {
        Self { only_say, ..self }
    }
}

/// What a server shall be, unless it was set up as exactly that. This machine is not set up.
pub async fn due(context: &Context, node: &RemoteNode) -> Result<Option<Plan>> {
    if node.name() == LOCAL {
        return Ok(None);
    }
    let (plan, _) = set_up::plan(context, node, &NodesFile::read(context)?).await?;
    // of a plan without items nothing is looked at
    let state = node.resources(Some(&Plan::default())).await?;
    let standing = standing_of(state.last.as_ref(), &plan.version(hash::sha256));
    Ok((standing != SetupStanding::Current).then_some(plan))
}

/// Asks what to do about a server that is not set up as it shall be, and does it.
pub async fn settle(context: &Context, node: &RemoteNode, outdated: Outdated) -> Result<()> {
    let Some(plan) = due(context, node).await? else { return Ok(()) };
    let warning = format!("the node {} is not up to date; setup-node should be run.", node.name());
    if outdated.update_node && !outdated.only_say {
        return again(context, node, plan).await;
    }
    if outdated.only_say || context.ui.says_yes() {
        context.ui.warning(&warning);
        return Ok(());
    }
    let question = format!("Warning: {warning} Continue anyway (y)es/(n)o/(u)pdate?");
    loop {
        match context.ui.ask(&question, "--yes (go on) or --update-node")?.trim().to_lowercase().as_str() {
            "y" | "yes" => return Ok(()),
            "u" | "update" => return again(context, node, plan).await,
            "" | "n" | "no" => return Err(CommandError::new(Exit::Interrupted, "not carried out: nothing has changed")),
            _ => {}
        }
    }
}

/// What was answered is agreed to, so nothing is asked again.
async fn again(context: &Context, node: &RemoteNode, plan: Plan) -> Result<()> {
    setup_node::carry_out(context, node, plan, How { agreed: true, ..How::default() }).await.map(drop)
}
