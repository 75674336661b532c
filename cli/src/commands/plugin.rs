//! `silver plugin`: what the plugins of a pack may do, and writing plugins.

mod allow;
pub(super) mod asked;
mod build;
mod check;
mod deny;
mod grants;
mod new;
mod test;
mod wit;

use crate::{context::Context, error::Result};
use clap::Subcommand;

/// Write plugins; what the plugins of a pack ask for, and what of it they may do
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
    New(new::New),
    Build(build::Build),
    Check(check::Check),
    Test(test::Test),
    Wit(wit::Wit),
}

impl Plugin {
    pub fn run(self, context: &Context) -> Result {
        match self.command {
            PluginCommand::Grants(args) => args.run(context),
            PluginCommand::Allow(args) => args.run(context),
            PluginCommand::Deny(args) => args.run(context),
            PluginCommand::New(args) => args.run(context),
            PluginCommand::Build(args) => args.run(context),
            PluginCommand::Check(args) => args.run(context),
            PluginCommand::Test(args) => args.run(context),
            PluginCommand::Wit(args) => args.run(context),
        }
    }
}
