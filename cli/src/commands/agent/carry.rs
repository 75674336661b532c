use super::{log, options::Server};
use crate::{context::Context, error::Result, exit::Exit};
use silver_agent::server;
use std::{fs::File, os::fd::AsFd};

/// Carries one change to its end, in a unit of its own; standard input is the lock of the application
#[derive(Debug, clap::Args)]
pub struct Carry {
    /// The change
    id: String,
    /// Somebody was ended while carrying it: finish or revert it
    #[arg(long)]
    settle: bool,
    #[command(flatten)]
    server: Server,
}

impl Carry {
    pub fn run(self, context: &Context) -> Result {
        let dirs = self.server.dirs();
        let (options, apps) = self.server.options(&dirs)?;
        // until here whoever started it hears what is wrong
        log::to_file(&dirs)?;
        let lock = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
        context.block_on(async {
            server::carry(options, apps, &self.id, self.settle, lock).await?;
            Ok(Exit::Done)
        })
    }
}
