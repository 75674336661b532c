//! `silver plugin`: what the plugins of a pack may do.

mod allow;
pub(super) mod asked;
mod deny;
mod grants;

use crate::{context::Context, error::Result};
use clap::Subcommand;

/// What the plugins of a pack ask for, and what of it they may do
#[derive(Debug, clap::Args)]
pub struct Plugin {
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Debug, Subcommand)]
enum PluginCommand {
    Grants(grants::Grants),
    Allow(allow::Allow),
    Deny(deny::Deny),
}

impl Plugin {
    pub fn run(self, context: &Context) -> Result {
        match self.command {
            PluginCommand::Grants(args) => args.run(context),
            PluginCommand::Allow(args) => args.run(context),
            PluginCommand::Deny(args) => args.run(context),
        }
    }
}
