use crate::{
    attach::attach,
    carry::{How, carry},
    context::Context,
    deploying::{Beside, Deploying, Target},
    error::Result,
    exit::Exit,
    log_heads,
    merging::Opened,
    node, secrets,
    setup_version::{Agreement, Outdated},
    together::Together,
    trust,
};
use silver_builtin::backup::BuiltinBackup;
use silver_core::deploy::Glance;
use std::{path::Path, slice};

/// Deploy a pack, or bring an application to another version, customization or setting
///
/// The pack is merged with the customization, the plan is shown, and nothing changes before it is
/// agreed to. If anything fails, everything is as it was before. `deploy` is another name for it.
#[derive(Debug, clap::Args)]
pub struct Update {
    #[command(flatten)]
    what: Deploying,
    /// Show the plan and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    outdated: Outdated,
}

impl Update {
    /// For [`super::serve`]: versions go up and down while a pack is written.
    pub fn for_development(app: &str, pack: &Path, customize: Option<&Path>) -> Self {
        let what = Deploying {
            name: Some(app.to_owned()),
            reason: Some("silver serve".to_owned()),
            allow_downgrade: true,
            development: true,
            ..Deploying::of(pack, customize)
        };
        Self { what, dry_run: false, outdated: Outdated::default() }
    }

    pub fn run(self, context: &Context) -> Result {
        if !self.what.development {
            context.interrupt.ends_at_once(&context.ui)?;
        }
        let opened = self.what.open(context, trust::First::unless(self.dry_run))?;
        let mut exit = Exit::Done;
        let mut agreement = Agreement::new(self.outdated, self.dry_run);
        for target in self.what.targets(context, &opened)? {
            exit = match target.nodes.as_slice() {
                [one] => self.deploy(context, &opened, &target, one, &mut agreement)?,
                _ => self.deploy_together(context, &opened, &target, &mut agreement)?,
            };
        }
        Ok(exit)
    }

    fn deploy_together(&self, context: &Context, opened: &Opened, target: &Target, agreement: &mut Agreement) -> Result {
        let together = Together { context, what: &self.what, opened, target };
        context.block_on(async {
            let planning = Box::pin(together.plan(agreement)).await?;
            Box::pin(together.carry(planning, self.dry_run)).await
        })
    }

    fn deploy(&self, context: &Context, opened: &Opened, target: &Target, name: &str, agreement: &mut Agreement) -> Result {
        context.block_on(async {
            let node = node::connect_to(context, name)?;
            let glance = async { Ok(Glance::take(&node, &target.app).await?) };
            let attached = attach(context, &node, &target.app);
            let (mut glance, was_changed, ()) = tokio::try_join!(glance, attached, log_heads::check(context, &node))?;
            if was_changed {
                glance.again(&node).await?;
            }
            agreement.settle(context, slice::from_ref(&node), slice::from_mut(&mut glance)).await?;
            let merged = target.merge(context, opened, &glance.facts)?;
            let resolved = self.what.resolve(&merged, &glance.facts, target, &Beside::of(merged.customization.as_ref())?)?;
            let choice = resolved.plan(&node, glance, &BuiltinBackup, &self.what.flags()?).await;
            let choice = choice.map_err(|error| trust::naming(error, merged.pack.path()))?;
            let ask_secrets = |names: &[&str]| secrets::asked(context, merged.pack.manifest(), names);
            // who edits wants the page, not the plan and the notes each time
            let unasked = self.what.development;
            let notes = if unasked { None } else { merged.notes() };
            let how = How { dry_run: self.dry_run, ask_secrets: Some(&ask_secrets), notes, unasked, unsigned: unasked };
            let exit = Box::pin(carry(context, &node, choice, how)).await?;
            if exit == Exit::Done && !self.dry_run && !self.what.development {
                merged.save_lock()?;
            }
            Ok(exit)
        })
    }
}
