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
use silver_core::{
    deploy::{Choice, plan_rollback},
    node::Node,
};
use silver_plugin_api::plan::AppReport;

/// Go back to the release before: code and customization always, data only after a breaking migration
///
/// Before it asks, it shows which writes would be lost, if any; a copy of the data as they are is kept. A change that is
/// under way is looked on at first; there is something to go back from when it has brought a new release.
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
            let found = app_name::find(&node, &self.app);
            let (AppReport { app, running, .. }, ()) = tokio::try_join!(found, log_heads::check(context, &node))?;
            let how = How { dry_run: self.dry_run, ..How::default() };
            if running.is_some() {
                let left = look_on(context, &node, &app).await?;
                if let Some(current) = left.filter(|_| self.to.is_none()) {
                    let why =
                        format!("{current} was there before that change; once more, and `silver rollback` goes back from it");
                    return Box::pin(carry(context, &node, Choice::Nothing { why }, how)).await;
                }
            }
            let deployment = deployment::claimed(self.reason);
            let planned = plan_rollback(&node, &app, self.to.as_deref(), &deployment, &BuiltinBackup, &flags()?).await?;
            Box::pin(carry(context, &node, Choice::Planned(Box::new(planned)), how)).await
        })
    }
}

/// Looks on at the change that is under way; the release that is current then, if it is one that was there before. Whoever
/// wants to go back while an update runs does not want to go back twice when it fails and is reverted.
async fn look_on(context: &Context, node: &dyn Node, app: &str) -> Result<Option<String>> {
    let before = node.observe(app).await?.releases;
    attach(context, node, app).await?;
    let current = node.observe(app).await?.current;
    Ok(current.filter(|current| before.iter().any(|release| release.label == *current)))
}
