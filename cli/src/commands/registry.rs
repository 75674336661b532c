//! `silver registry`: what ran on this machine, since when, who put it there, which bytes, and is it
//! all as it was recorded.

mod diff;
mod files;
mod head;
mod key;
mod log;
mod pull;
mod show;
mod signed;
mod verify;
mod where_is;

use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    node,
};
use clap::Subcommand;
use silver_core::nodes::LOCAL;
use silver_registry::mirror;

/// What was deployed: the log, its files, and the proof that nothing was altered
///
/// The registry of this machine is read where it lies; no agent is needed. With `--node NAME` it is the copy of that
/// node's registry, which `silver registry pull NAME` makes.
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
    Pull(pull::Pull),
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
            RegistryCommand::Pull(args) => args.run(context),
            RegistryCommand::Head => head::run(context),
        }
    }
}

/// The registry that is meant: this machine's, or the copy of a node's.
fn open(context: &Context) -> Result<silver_registry::Registry> {
    let node = node::one(context)?;
    let own = context.dirs()?.registry();
    if node == LOCAL {
        return Ok(silver_registry::Registry::open(&own)?);
    }
    match silver_registry::Registry::open(&mirror::dir(&own, &node)) {
        Err(silver_registry::RegistryError::Absent(_)) => {
            let message = format!("the registry of `{node}` was not copied to this machine yet");
            Err(CommandError::new(Exit::Error, message).hint(format!("`silver registry pull {node}` copies it")))
        }
        registry => Ok(registry?),
    }
}

/// As [`open`], or `None` before the first deployment on this machine.
fn open_if_there(context: &Context) -> Result<Option<silver_registry::Registry>> {
    if node::one(context)? == LOCAL { crate::kept::registry(context) } else { open(context).map(Some) }
}
