use super::{log, options::Server};
use crate::{context::Context, error::Result};
use silver_agent::{agent::Options, launch::TransientUnit, login, server};
use std::sync::Arc;

/// The agent of one client, on a server: it is asked over its standard streams, and ends with them
#[derive(Debug, clap::Args)]
pub struct Stdio {
    #[command(flatten)]
    server: Server,
}

impl Stdio {
    pub fn run(self, context: &Context) -> Result {
        let dirs = self.server.dirs();
        log::to_file(&dirs)?;
        let launch = TransientUnit { silver: std::env::current_exe()?, options: self.server.words() };
        let (options, apps) = self.server.options(&dirs)?;
        let options = Options { launch: Some(Arc::new(launch)), key: login::key(), ..options };
        context.block_on(async {
            server::visit(options, apps, tokio::io::stdin(), tokio::io::stdout()).await?;
            // nothing is waited for any more, a read of standard input least of all
            std::process::exit(0)
        })
    }
}
