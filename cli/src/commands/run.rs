use crate::{context::Context, error::Result, program};

/// Run a program in an application's environment
///
/// The event in the registry says who ran what. The exit code is the program's.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// Name of the application, or a location
    app: String,
    /// Why, for the registry
    #[arg(long)]
    reason: Option<String>,
    /// Program and arguments; `${NAME}` is replaced from the application's environment
    #[arg(required = true, last = true, value_name = "CMD")]
    argv: Vec<String>,
}

impl Run {
    pub fn run(self, context: &Context) -> Result {
        program::run(context, program::Request { app: self.app, argv: self.argv, reason: self.reason, phase: "run" })
    }
}
