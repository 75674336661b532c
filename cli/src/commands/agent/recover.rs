use super::{log, options::Server};
use crate::{context::Context, error::Result, exit::Exit};
use silver_agent::server;

/// Settles what was left under way, and routes and starts the applications that shall serve
#[derive(Debug, clap::Args)]
pub struct Recover {
    #[command(flatten)]
    server: Server,
}

impl Recover {
    pub fn run(self, context: &Context) -> Result {
        let dirs = self.server.dirs();
        log::to_file(&dirs)?;
        context.block_on(async {
            server::undo_left(&dirs).await;
            let (options, apps) = self.server.options(&dirs)?;
            server::recover(options, apps).await?;
            Ok(Exit::Done)
        })
    }
}
