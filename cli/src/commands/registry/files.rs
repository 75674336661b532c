use super::open;
use crate::{context::Context, error::Result, exit::Exit};

/// List the files of the release that an event is about: size, digest, and why each is what it is
#[derive(Debug, clap::Args)]
pub struct Files {
    /// Number of the event, as `silver registry log` shows it
    event: u64,
}

impl Files {
    pub fn run(self, context: &Context) -> Result {
        let files = silver_registry::files::of_event(&open(context)?, self.event)?;
        context.ui.list(&files, "the release has no files")?;
        Ok(Exit::Done)
    }
}
