//! Are servers set up as silver would set them up today? Asked before they get an application.

use crate::{
    commands::setup_node::{self, How},
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    nodes::NodesFile,
    set_up::Planner,
};
use silver_core::{
    deploy::Glance,
    nodes::LOCAL,
    setup::{SetupStanding, standing_of},
};
use silver_pack::hash;
use silver_plugin_api::setup::Plan;
use silver_transport::RemoteNode;
use std::collections::BTreeSet;

/// What is done about a server that is not.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct Outdated {
    /// Set a node up anew first, if that is due; else it is asked, and `--yes` goes on without
    #[arg(long)]
    pub update_node: bool,
}

/// What a command does about such servers; it asks once about each.
#[derive(Debug, Default)]
pub struct Agreement {
    outdated: Outdated,
    only_say: bool,
    /// Those that were asked about.
    settled: BTreeSet<String>,
}

impl Agreement {
    /// With `only_say` nothing is asked or changed.
    pub fn new(outdated: Outdated, only_say: bool) -> Self {
        Self { outdated, only_say, settled: BTreeSet::new() }
    }

    /// Asks about each of these nodes that is not set up as it shall be; then sets those up anew that are to, and looks
    /// at them again.
    pub async fn settle(&mut self, context: &Context, nodes: &[RemoteNode], glances: &mut [Glance]) -> Result<()> {
        let mut again = Vec::new();
        for (at, plan) in self.due(context, glances)? {
            if self.is_to_be_set_up(context, &glances[at].facts.name)? {
                again.push((at, plan));
            }
        }
        for (at, plan) in again {
            // what was answered is agreed to
            setup_node::carry_out(context, &nodes[at], plan, How { agreed: true, ..How::default() }).await?;
            glances[at].again(&nodes[at]).await?;
        }
        Ok(())
    }

    /// Servers that were set up as something else than they would be today, by their place, with what they shall be. This
    /// machine is not set up.
    fn due(&mut self, context: &Context, glances: &[Glance]) -> Result<Vec<(usize, Plan)>> {
        let mut servers =
            glances.iter().map(|glance| &glance.facts).enumerate().filter(|(_, facts)| facts.name != LOCAL).peekable();
        if servers.peek().is_none() {
            return Ok(Vec::new());
        }
        let planner = Planner::new(context, NodesFile::read(context)?)?;
        let mut due = Vec::new();
        for (at, facts) in servers.filter(|(_, facts)| self.settled.insert(facts.name.clone())) {
            let (plan, _) = planner.plan(facts)?;
            if standing_of(facts, &plan.version(hash::sha256)) != SetupStanding::Current {
                due.push((at, plan));
            }
        }
        Ok(due)
    }

    fn is_to_be_set_up(&self, context: &Context, node: &str) -> Result<bool> {
        let warning = format!("the node {node} is not up to date; setup-node should be run.");
        if self.outdated.update_node && !self.only_say {
            return Ok(true);
        }
        if self.only_say || context.ui.says_yes() {
            context.ui.warning(&warning);
            return Ok(false);
        }
        let question = format!("Warning: {warning} Continue anyway (y)es/(n)o/(u)pdate?");
        loop {
            match context.ui.ask(&question, "--yes (go on) or --update-node")?.trim().to_lowercase().as_str() {
                "y" | "yes" => return Ok(false),
                "u" | "update" => return Ok(true),
                "" | "n" | "no" => {
                    return Err(CommandError::new(Exit::Interrupted, "not carried out: nothing has changed"));
                }
                _ => {}
            }
        }
    }
}
