use crate::{context::Context, error::Result, program};

/// Open the application's shell, or a plain one in its environment
#[derive(Debug, clap::Args)]
pub struct Shell {
    /// Name of the application, or a location
    app: String,
    /// Why, for the registry
    #[arg(long)]
    reason: Option<String>,
}

impl Shell {
    pub fn run(self, context: &Context) -> Result {
        program::run(context, program::Request { app: self.app, argv: Vec::new(), reason: self.reason, phase: "shell" })
    }
}
