mod apps;
mod background;
mod carry;
pub mod log;
mod logs;
mod options;
mod recover;
mod stdio;
mod undo_setup;

use crate::{context::Context, error::Result};
use clap::Subcommand;

/// The part of silver that executes on a node: started by other commands, over ssh and by systemd, not by people
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Agent {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    background: background::Background,
}

/// What it is there for. Without: all of this machine's node, in the background.
#[derive(Debug, Subcommand)]
enum Role {
    Stdio(stdio::Stdio),
    Carry(carry::Carry),
    Logs(logs::Logs),
    Recover(recover::Recover),
    UndoSetup(undo_setup::UndoSetup),
}

impl Agent {
    pub fn run(self, context: &Context) -> Result {
        match self.role {
            None => self.background.run(context),
            Some(Role::Stdio(args)) => args.run(context),
            Some(Role::Carry(args)) => args.run(context),
            Some(Role::Logs(args)) => args.run(context),
            Some(Role::Recover(args)) => args.run(context),
            Some(Role::UndoSetup(args)) => args.run(context),
        }
    }
}
