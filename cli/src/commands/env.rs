use crate::{app_name, context::Context, error::Result, exit::Exit, node};
use silver_core::node::Node;

/// Show the environment of an application's processes, secrets masked
#[derive(Debug, clap::Args)]
pub struct Env {
    /// Name of the application, or a location
    app: String,
}

impl Env {
    pub fn run(self, context: &Context) -> Result {
        context.block_on(async {
            let node = node::connect(context)?;
            let app = app_name::find(&node, &self.app).await?.app;
            let entries = node.environment(&app).await?;
            context.ui.list(&entries, "the environment is empty")?;
            Ok(Exit::Done)
        })
    }
}
