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
    protocol::PATIENCE,
    server::{only_agent, serve},
};

/// The agent of this machine's node: started by other commands, not by people
#[derive(Debug, clap::Args)]
pub struct Agent {
    /// Port of the front, on the loopback address
    #[arg(long, default_value_t = 8484)]
    port: u16,
    /// For tests: end at once at this point of a transition's journal, `STEP:begin`, `STEP:done` or `STEP:undone`
    #[arg(long, hide = true)]
    die_at: Option<DieAt>,
}

impl Agent {
    pub fn run(self, context: &Context) -> Result {
        away_from_the_terminal()?;
        // its own complaints about a log that cannot be written would go to the same full disk, and panic
        tracing_subscriber::fmt()
            .log_internal_errors(false)
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .with_target(false)
            .init();
        let dirs = context.dirs()?;
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".into());
        context.block_on(async {
            let only = only_agent(&dirs).await?;
            let host = Host::start(dirs.clone(), self.port).await?;
            serve(only, Options { dirs, port: host.port(), path, patience: PATIENCE, die_at: self.die_at }, host).await?;
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
