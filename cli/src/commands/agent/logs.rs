use super::options::Server;
use crate::{context::Context, error::Result, exit::Exit};
use silver_agent::{dirs::PROGRAMS, systemd};
use std::{fs, path::Path};

/// Copies what applications say from the journal into files, in a unit of its own
#[derive(Debug, clap::Args)]
pub struct Logs {
    #[command(flatten)]
    server: Server,
}

impl Logs {
    pub fn run(self, context: &Context) -> Result {
        super::log::to_stderr(); // which is the journal
        let dirs = self.server.dirs();
        let program = std::env::current_exe()?;
        // another build was copied here: systemd starts that one
        let stale = || fs::canonicalize(Path::new(PROGRAMS).join("current")).is_ok_and(|newest| newest != program);
        context.block_on(async {
            systemd::copy_logs(&dirs, stale).await?;
            Ok(Exit::Done)
        })
    }
}
