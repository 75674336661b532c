use super::{log, options::Server};
use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
};
use silver_agent::resources;

/// Puts back what a set-up changed and nobody confirmed; started by the timer that was set before
#[derive(Debug, clap::Args)]
pub struct UndoSetup {
    /// What waits
    id: String,
    #[command(flatten)]
    server: Server,
}

impl UndoSetup {
    pub fn run(self, context: &Context) -> Result {
        let dirs = self.server.dirs();
        log::to_file(&dirs)?;
        context.block_on(async {
            let errors = resources::undo(&dirs, &self.id).await.map_err(|error| CommandError::new(Exit::Error, error))?;
            if errors.is_empty() {
                return Ok(Exit::Done);
            }
            Err(CommandError::new(Exit::RevertFailed, errors.join("; ")))
        })
    }
}
