//! `silver customize`: a customization and a new version of its pack.

mod diff;
mod rebase;
mod status;
mod survey;

use crate::{context::Context, error::Result};
use clap::Subcommand;

/// Bring a customization up to date with a new version of its pack
///
/// A file of yours that replaces one of the pack was made from it. When the pack changes that file, the update
/// stops, and these commands show and settle what both changed.
#[derive(Debug, clap::Args)]
pub struct Customize {
    #[command(subcommand)]
    command: CustomizeCommand,
}

#[derive(Debug, Subcommand)]
enum CustomizeCommand {
    Status(status::Status),
    Diff(diff::Diff),
    Rebase(rebase::Rebase),
}

impl Customize {
    pub fn run(self, context: &Context) -> Result {
        match self.command {
            CustomizeCommand::Status(args) => args.run(context),
            CustomizeCommand::Diff(args) => args.run(context),
            CustomizeCommand::Rebase(args) => args.run(context),
        }
    }
}
