//! `silver customize`: a customization and a new version of its pack, and its app plugins.

mod diff;
mod lock;
mod pins;
mod rebase;
mod status;
mod survey;
mod vendor;

use crate::{context::Context, error::Result};
use clap::Subcommand;

/// Bring a customization up to date with a new version of its pack, and lock its app plugins
///
/// A file of yours that replaces one of the pack was made from it. When the pack changes that file, the update
/// stops; status, diff and rebase show and settle what both changed. What `[plugins]` of customize.toml wants is
/// resolved by lock, and copied into the customization by vendor.
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
    Lock(lock::Lock),
    Vendor(vendor::Vendor),
}

impl Customize {
    pub fn run(self, context: &Context) -> Result {
        match self.command {
            CustomizeCommand::Status(args) => args.run(context),
            CustomizeCommand::Diff(args) => args.run(context),
            CustomizeCommand::Rebase(args) => args.run(context),
            CustomizeCommand::Lock(args) => args.run(context),
            CustomizeCommand::Vendor(args) => args.run(context),
        }
    }
}
