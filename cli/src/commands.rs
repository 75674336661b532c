//! The list of commands; one file each.

mod completions;
mod env;
mod local;
mod logs;
mod run;
mod shell;

use crate::{context::Context, error::Result};
use clap::Subcommand;

/// What silver can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Logs(logs::Logs),
    Env(env::Env),
    Run(run::Run),
    Shell(shell::Shell),
    Local(local::Local),
    Completions(completions::Completions),
}

/// Runs the command.
pub fn run(command: Command, context: &Context) -> Result {
    match command {
        Command::Logs(args) => args.run(context),
        Command::Env(args) => args.run(context),
        Command::Run(args) => args.run(context),
        Command::Shell(args) => args.run(context),
        Command::Local(args) => args.run(context),
        Command::Completions(args) => args.run(context),
    }
}
