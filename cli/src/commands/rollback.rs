use crate::{
    app_name,
    carry::{How, carry, flags},
    context::Context,
    deployment,
    error::Result,
    node,
};
use silver_builtin::backup::BuiltinBackup;
use silver_core::deploy::{Choice, plan_rollback};

/// Go back to the release before: code and customization always, data only after a breaking migration
///
/// Before it asks, it shows which writes would be lost, if any; a copy of the data as they are is kept.
#[derive(Debug, clap::Args)]
pub struct Rollback {
    /// Name of the application, or a location
    app: String,
    /// To this release, one of those that the current one replaced; `silver releases APP` lists them
    #[arg(long, value_name = "RELEASE")]
    to: Option<String>,
    /// Show the plan and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Why, for the registry
    #[arg(long)]
    reason: Option<String>,
}

impl Rollback {
    pub fn run(self, context: &Context) -> Result {
        context.interrupt.ends_at_once(&context.ui)?;
        context.block_on(async {
            let node = node::connect(context)?;
            let app = app_name::find(&node, &self.app).await?.app;
            let deployment = deployment::claimed(self.reason);
            let planned = plan_rollback(&node, &app, self.to.as_deref(), &deployment, &BuiltinBackup, &flags()?).await?;
            let how = How { dry_run: self.dry_run, ..How::default() };
            Box::pin(carry(context, &node, Choice::Planned(Box::new(planned)), how)).await
        })
    }
}
