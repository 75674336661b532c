use crate::{
    context::Context,
    deploying::{Beside, Deploying, Target},
    error::Result,
    exit::Exit,
    log_heads,
    merging::Opened,
    node, operator,
    plan_file::PlanFile,
    setup_version::{Agreement, Outdated},
    together::{self, Together},
    trust,
};
use jiff::Timestamp;
use silver_builtin::backup::BuiltinBackup;
use silver_core::{
    deploy::{Choice, Glance},
    plan,
};
use std::{path::PathBuf, slice};

/// Show what `silver update` would do, and write it to a file for `silver apply`
///
/// Nothing is changed. A plan file can be read, kept under version control and approved; it is carried
/// out exactly, by whoever applies it, or refused when pack, customization or node have changed since.
/// It holds no value of a secret: those are taken when it is applied.
#[derive(Debug, clap::Args)]
pub struct Plan {
    #[command(flatten)]
    what: Deploying,
    /// Write the plan here
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// End with 3 when there is something to do
    #[arg(long)]
    exit_code: bool,
}

impl Plan {
    pub fn run(self, context: &Context) -> Result {
        context.interrupt.ends_at_once(&context.ui)?;
        let opened = self.what.open(context, trust::First::Tell)?;
        let mut plans: Vec<plan::Plan> = Vec::new();
        // who approves the plan knows then
        let mut agreement = Agreement::new(Outdated::default(), true);
        let ui = &context.ui;
        for target in self.what.targets(context, &opened)? {
            let (found, nothing) = self.plan(context, &opened, &target, &mut agreement)?;
            if !ui.json() {
                for why in &nothing {
                    ui.line(&format!("nothing to do: {why}"));
                }
                together::print(context, &found.iter().collect::<Vec<_>>());
            }
            plans.extend(found);
        }
        let exit = if self.exit_code && !plans.is_empty() { Exit::Differences } else { Exit::Done };
        if ui.json() {
            ui.report_json(&plans)?;
        }
        if let Some(path) = &self.output {
            let file = PlanFile {
                planned_by: operator::claimed(),
                planned_at: Timestamp::now().to_string(),
                silver: env!("CARGO_PKG_VERSION").into(),
                deploying: self.what,
                nodes: context.nodes.clone(),
                plans,
            };
            let digest = file.write(path)?;
            ui.note(&format!("written to {}, {digest}; carry it out with `silver apply {0}`", path.display()));
        }
        Ok(exit)
    }

    /// The plans for one target, and for nodes without one why not.
    fn plan(
        &self,
        context: &Context,
        opened: &Opened,
        target: &Target,
        agreement: &mut Agreement,
    ) -> Result<(Vec<plan::Plan>, Vec<String>)> {
        context.block_on(async {
            let [name] = target.nodes.as_slice() else {
                let together = Together { context, what: &self.what, opened, target };
                let planning = Box::pin(together.plan(agreement)).await?;
                let (plans, nothing) = planning.taken_apart();
                return Ok((plans.into_iter().cloned().collect(), nothing));
            };
            let node = node::connect_to(context, name)?;
            let glance = async { Ok(Glance::take(&node, &target.app).await?) };
            let (mut glance, ()) = tokio::try_join!(glance, log_heads::check(context, &node))?;
            agreement.settle(context, slice::from_ref(&node), slice::from_mut(&mut glance)).await?;
            let merged = target.merge(context, opened, &glance.facts)?;
            let resolved = self.what.resolve(&merged, &glance.facts, target, &Beside::of(merged.customization.as_ref())?)?;
            let choice = resolved.plan(&node, glance, &BuiltinBackup, &self.what.flags()?).await;
            Ok(match choice.map_err(|error| trust::naming(error, merged.pack.path()))? {
                Choice::Nothing { why } => (Vec::new(), vec![why]),
                Choice::Planned(planned) => (vec![planned.plan().clone()], Vec::new()),
            })
        })
    }
}
