//! The command line as a whole: what every command takes, and the list of commands.

use crate::{commands::Command, exit, exit::Exit, words::Words};
use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser};

/// Deploys ready-made applications with your customizations, and proves what runs where.
#[derive(Debug, Parser)]
#[command(name = "silver", version, after_help = exit::HELP, max_term_width = 100, propagate_version = false)]
pub struct Args {
    /// What every command takes.
    #[command(flatten)]
    pub globals: Globals,
    /// What was given, for hints.
    #[arg(skip)]
    pub words: Words,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, clap::Args)]
pub struct Globals {
    /// Report as JSON: lists are arrays of flat objects
    #[arg(long, global = true)]
    pub json: bool,
    /// Answer yes to every question
    #[arg(long, short = 'y', global = true)]
    pub yes: bool,
    /// The node, or several of them and groups: `NAME[,NAME]…`; default: `local`, this machine
    #[arg(long, global = true, value_name = "NAME", value_delimiter = ',')]
    pub node: Vec<String>,
    /// Say less: no progress
    #[arg(long, short = 'q', global = true)]
    pub quiet: bool,
    /// Colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
}

/// Parses the command line. Help and usage errors are printed by clap; the exit code is returned.
pub fn parse() -> Result<Args, u8> {
    let parsed = Args::command().try_get_matches().and_then(|mut matches| {
        let words = Words::given(&matches);
        let args = Args::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut Args::command()))?;
        Ok(Args { words, ..args })
    });
    parsed.map_err(|error| {
        // printing help to a closed pipe is not worth a second error
        error.print().ok();
        if error.use_stderr() { Exit::Usage.code() } else { Exit::Done.code() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
