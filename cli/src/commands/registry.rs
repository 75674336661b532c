//! `silver registry`: what ran on this machine, since when, who put it there, which bytes, and is it
//! all as it was recorded.

mod diff;
mod files;
mod head;
mod key;
mod log;
mod show;
mod verify;
mod where_is;

use crate::{context::Context, error::Result};
use clap::Subcommand;

/// What was deployed on this machine: the log, its files, and the proof that nothing was altered
///
/// The registry is read where it lies; no agent is needed.
#[derive(Debug, clap::Args)]
pub struct Registry {
    #[command(subcommand)]
    command: RegistryCommand,
}

#[derive(Debug, Subcommand)]
enum RegistryCommand {
    Log(log::Log),
    Show(show::Show),
    Files(files::Files),
    Diff(diff::Diff),
    WhereIs(where_is::WhereIs),
    Verify(verify::Verify),
    /// Print the signed tree head, to be kept elsewhere
    ///
    /// `silver registry verify --since-head FILE` finds later whether the log was rewritten, even when
    /// it was signed again.
    Head,
}

impl Registry {
    pub fn run(self, context: &Context) -> Result {
        match self.command {
            RegistryCommand::Log(args) => args.run(context),
            RegistryCommand::Show(args) => args.run(context),
            RegistryCommand::Files(args) => args.run(context),
            RegistryCommand::Diff(args) => args.run(context),
            RegistryCommand::WhereIs(args) => args.run(context),
            RegistryCommand::Verify(args) => args.run(context),
            RegistryCommand::Head => head::run(context),
        }
    }
}

/// This machine's registry.
fn open(context: &Context) -> Result<silver_registry::Registry> {
    Ok(silver_registry::Registry::open(&context.dirs()?.registry())?)
}

/// This machine's registry, or `None` before the first deployment.
fn open_if_there(context: &Context) -> Result<Option<silver_registry::Registry>> {
    crate::kept::registry(context)
}
