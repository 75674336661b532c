//! `silver local`: the background agent of this machine's node.

use crate::{context::Context, error::Result, exit::Exit, node};
use clap::Subcommand;
use serde::Serialize;
use silver_agent::server::ended;
use silver_core::node::Node;
use std::time::Duration;

/// `stop` waits so long for the agent to end.
const PATIENCE: Duration = Duration::from_mins(2);

/// The background agent of this machine's node: status and stop
///
/// Any command that needs it starts it; it serves the applications until it is stopped.
#[derive(Debug, clap::Args)]
pub struct Local {
    #[command(subcommand)]
    command: LocalCommand,
}

#[derive(Debug, Subcommand)]
enum LocalCommand {
    /// Does it run, since when, on which port
    Status,
    /// Stop the applications and the agent
    Stop,
}

#[derive(Serialize)]
struct Row {
    running: bool,
    pid: Option<u32>,
    silver: Option<String>,
    uptime_seconds: Option<u64>,
    apps: Option<u32>,
    port: Option<u16>,
}

impl Local {
    pub fn run(self, context: &Context) -> Result {
        match self.command {
            LocalCommand::Status => status(context),
            LocalCommand::Stop => stop(context),
        }
    }
}

fn status(context: &Context) -> Result {
    context.block_on(async {
        let row = match node::connect_if_running(context).await? {
            None => Row { running: false, pid: None, silver: None, uptime_seconds: None, apps: None, port: None },
            Some(node) => {
                let status = node.status().await?;
                Row {
                    running: true,
                    pid: Some(status.pid),
                    silver: Some(status.silver),
                    uptime_seconds: Some(status.uptime_seconds),
                    apps: Some(status.apps),
                    port: Some(status.port),
                }
            }
        };
        context.ui.list(&[row], "")?;
        Ok(Exit::Done)
    })
}

fn stop(context: &Context) -> Result {
    context.block_on(async {
        match node::connect_if_running(context).await? {
            None => context.ui.note("the agent does not run: nothing to do"),
            Some(node) => {
                node.shutdown().await?;
                // the answer comes first: transitions under way are finished, applications get their time to stop
                if !ended(&context.dirs()?, PATIENCE).await {
                    context.ui.note("the agent is still finishing what is under way; it ends by itself");
                    return Ok(Exit::Done);
                }
                context.ui.note("the agent and its applications are stopped; the next command that needs them starts them again");
            }
        }
        Ok(Exit::Done)
    })
}
