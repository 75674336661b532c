//! The list of commands; one file each.

mod completions;

use crate::{context::Context, error::Result};
use clap::Subcommand;

/// What silver can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Completions(completions::Completions),
}

/// Runs the command.
pub fn run(command: Command, context: &Context) -> Result {
    match command {
        Command::Completions(args) => args.run(context),
    }
}
