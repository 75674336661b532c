//! `silver disable`, `enable`, `deactivate`, `activate`: they differ in one word.

use crate::{
    app_name,
    attach::attach,
    carry::{How, carry, flags},
    context::Context,
    deployment,
    error::Result,
    log_heads, node,
};
use silver_builtin::backup::BuiltinBackup;
use silver_core::{deploy::plan_state, plan::StateChange};
use silver_plugin_api::plan::AppReport;

/// What all four take.
#[derive(Debug, clap::Args)]
pub struct State {
    /// Name of the application, or a location
    app: String,
    /// Show the plan and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Why, for the registry
    #[arg(long)]
    reason: Option<String>,
}

impl State {
    /// A change of this application, for [`super::serve`].
    pub fn of(app: &str) -> Self {
        Self { app: app.to_owned(), dry_run: false, reason: None }
    }

    /// Carries the change out. It can be undone by its opposite, so nothing is asked.
    pub fn run(self, context: &Context, change: StateChange) -> Result {
        context.interrupt.ends_at_once(&context.ui)?;
        context.block_on(async {
            let node = node::connect(context)?;
            let found = app_name::find(&node, &self.app);
            let (AppReport { app, running, .. }, ()) = tokio::try_join!(found, log_heads::check(context, &node))?;
            if running.is_some() {
                attach(context, &node, &app).await?;
            }
            let deployment = deployment::claimed(self.reason);
            let choice = plan_state(&node, &app, change, &deployment, &BuiltinBackup, &flags()?).await?;
            let how = How { dry_run: self.dry_run, unasked: true, ..How::default() };
            Box::pin(carry(context, &node, choice, how)).await
        })
    }
}
