use super::options;
use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
};
use rustix::{io::Errno, process::setsid};
use silver_agent::{
    agent::Options,
    fault::DieAt,
    hosting::Host,
    server::{only_agent, serve},
};

/// The agent of this machine's node.
#[derive(Debug, clap::Args)]
pub struct Background {
    /// Port of the front, on the loopback address
    #[arg(long, default_value_t = 8484)]
    port: u16,
    /// For tests: end at once at this point of a transition's journal, `STEP:begin`, `STEP:done` or `STEP:undone`
    #[arg(long, hide = true)]
    die_at: Option<DieAt>,
}

impl Background {
    pub fn run(self, context: &Context) -> Result {
        away_from_the_terminal()?;
        super::log::to_stderr();
        let dirs = context.dirs()?;
        context.block_on(async {
            let only = only_agent(&dirs).await?;
            let host = Host::start(dirs.clone(), self.port).await?;
            let options = Options { port: host.port(), die_at: self.die_at, ..options::of(dirs) };
            serve(only, options, host).await?;
            Ok(Exit::Done)
        })
    }
}

/// Ctrl-C and the end of a terminal session are meant for the command that started the agent.
fn away_from_the_terminal() -> Result<()> {
    match setsid() {
        // who leads a process group already was started on its own
        Ok(_) | Err(Errno::PERM) => Ok(()),
        Err(error) => Err(CommandError::new(Exit::Error, std::io::Error::from(error))),
    }
}
