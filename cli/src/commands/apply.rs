use crate::{
    carry::{How, carry},
    context::Context,
    deploying::{Beside, Deploying, Target},
    error::{CommandError, Result},
    exit::Exit,
    log_heads,
    merging::Opened,
    node,
    plan_file::PlanFile,
    secrets,
    setup_version::{Agreement, Outdated},
    together::Together,
    trust,
};
use silver_builtin::backup::BuiltinBackup;
use silver_core::{
    deploy::{Choice, Glance},
    plan::{PLANNED_BY, Plan},
};
use std::{path::PathBuf, slice};

/// Carry out what `silver plan -o FILE` planned: exactly that, or nothing
///
/// Pack and customization are read again from where the plan was made with them, and what would be done
/// with them now has to be what the file says. It is refused when a byte of either differs, when another
/// release is current meanwhile, or when the file was altered.
#[derive(Debug, clap::Args)]
pub struct Apply {
    /// The plan file
    file: PathBuf,
    /// The pack lies here now
    #[arg(long, value_name = "FILE")]
    pack: Option<PathBuf>,
    /// The customization lies here now
    #[arg(long, value_name = "DIR")]
    customize: Option<PathBuf>,
    /// Show what would be done, and whether it is still what was planned; change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    outdated: Outdated,
}

impl Apply {
    pub fn run(self, context: &Context) -> Result {
        context.interrupt.ends_at_once(&context.ui)?;
        let file = PlanFile::read(&self.file)?;
        if file.plans.is_empty() {
            context.ui.line("nothing to do: that is what was planned");
            return Ok(Exit::Done);
        }
        let context = &context.on(&file.nodes);
        let mut what = file.deploying.clone();
        what.pack = self.pack.clone().or(what.pack);
        what.customize = self.customize.clone().or(what.customize);
        let opened = what.open(context, trust::First::unless(self.dry_run))?;
        let targets = what.targets(context, &opened)?;
        let mut exit = Exit::Done;
        let mut agreement = Agreement::new(self.outdated, self.dry_run);
        for (target, plans) in by_target(&targets, &file.plans)? {
            exit = if let ([_], [plan]) = (target.nodes.as_slice(), plans.as_slice()) {
                self.apply(context, Approved { what: &what, opened: &opened, target, plan, file: &file }, &mut agreement)?
            } else {
                let together = Together { context, what: &what, opened: &opened, target };
                context.block_on(async {
                    let planning = Box::pin(together.plan_approved(&plans, file.another_planner(), &mut agreement)).await?;
                    Box::pin(together.carry(planning, self.dry_run)).await
                })?
            };
        }
        Ok(exit)
    }

    fn apply(&self, context: &Context, approved: Approved<'_>, agreement: &mut Agreement) -> Result {
        let Approved { what, opened, target, plan, file } = approved;
        context.block_on(async {
            let node = node::connect_to(context, &plan.node)?;
            let glance = async { Ok(Glance::take(&node, &target.app).await?) };
            let (mut glance, ()) = tokio::try_join!(glance, log_heads::check(context, &node))?;
            agreement.settle(context, slice::from_ref(&node), slice::from_mut(&mut glance)).await?;
            let merged = target.merge(context, opened, &glance.facts)?;
            let mut resolved = what.resolve(&merged, &glance.facts, target, &Beside::of(merged.customization.as_ref())?)?;
            let planned_by = file.another_planner().map(|who| (PLANNED_BY.to_owned(), who.to_owned()));
            resolved.wanted.deployment.extra.extend(planned_by);
            let planned = resolved.plan_approved(&node, glance, &BuiltinBackup, plan, &what.flags()?).await;
            let planned = planned.map_err(|error| trust::naming(error, merged.pack.path()))?;
            let ask_secrets = |names: &[&str]| secrets::asked(context, merged.pack.manifest(), names);
            let how = How { dry_run: self.dry_run, ask_secrets: Some(&ask_secrets), notes: merged.notes(), ..How::default() };
            let exit = Box::pin(carry(context, &node, Choice::Planned(Box::new(planned)), how)).await?;
            if exit == Exit::Done && !self.dry_run {
                merged.save_lock()?;
            }
            Ok(exit)
        })
    }
}

/// What was approved for one node, and what it was made from.
#[derive(Clone, Copy)]
struct Approved<'a> {
    what: &'a Deploying,
    opened: &'a Opened,
    target: &'a Target,
    plan: &'a Plan,
    file: &'a PlanFile,
}

/// The plans of each target, in the order in which they were made.
fn by_target<'a>(targets: &'a [Target], plans: &'a [Plan]) -> Result<Vec<(&'a Target, Vec<&'a Plan>)>> {
    let mut found: Vec<(usize, Vec<&Plan>)> = Vec::new();
    for plan in plans {
        let is_for = |target: &Target| target.app == plan.transition.app && target.nodes.contains(&plan.node);
        let at = targets.iter().position(is_for).ok_or_else(|| {
            let (app, node) = (&plan.transition.app, &plan.node);
            let message = format!("`{app}` is planned for node `{node}`, but nothing says any more that it is deployed there");
            CommandError::new(Exit::Error, message).hint("make a new plan with `silver plan`, and have that approved")
        })?;
        match found.iter_mut().find(|(target, _)| *target == at) {
            Some((_, its)) => its.push(plan),
            None => found.push((at, vec![plan])),
        }
    }
    Ok(found.into_iter().map(|(at, plans)| (&targets[at], plans)).collect())
}
