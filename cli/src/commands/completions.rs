use crate::{args::Args, context::Context, error::Result, exit::Exit};
use clap::CommandFactory;
use clap_complete::Shell;

/// Print a script that completes silver's commands in a shell
///
/// For bash: `silver completions bash > ~/.local/share/bash-completion/completions/silver`
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    #[expect(clippy::unnecessary_wraps, reason = "as every command")]
    pub fn run(self, _context: &Context) -> Result {
        clap_complete::generate(self.shell, &mut Args::command(), "silver", &mut std::io::stdout());
        Ok(Exit::Done)
    }
}
