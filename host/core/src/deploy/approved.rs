//! Carrying out what was approved: the plan is made again from what is there now, and has to be the
//! same. What was altered in between - the pack, the customization, the node, or the approved plan
//! itself - is thereby found, whatever it is.

use super::{DeployError, Planned, Resolved};
use crate::{
    node::Node,
    plan::{self, Decision, Flags, Plan},
};
use silver_plugin_api::backup::Backup;

impl Resolved {
    /// As [`Resolved::plan`], if that gives what was `approved`. The release has the label that the
    /// node gives it now, which is all that may be another.
    pub async fn plan_approved(
        self,
        node: &dyn Node,
        backup: &dyn Backup,
        approved: &Plan,
        flags: &Flags,
    ) -> Result<Planned, DeployError> {
        let app = self.wanted.release.app.clone();
        // what build steps had not made then is not taken now either
        let known = approved.summary.assemble.iter().take_while(|step| !step.run).count();
        let looked = self.look_for(node, known).await?;
        if looked.observed.current != approved.transition.parent {
            let word = |label: &Option<String>| label.clone().unwrap_or_else(|| "none".into());
            let (then, now) = (word(&approved.transition.parent), word(&looked.observed.current));
            let parts = vec![format!("the release that is current ({then} then, {now} now)")];
            return Err(DeployError::NotApproved { app, parts });
        }
        let label = approved.transition.release.as_ref().map(|(label, _)| label.clone());
        let then = Flags { label, ..flags.clone() };
        let same = match looked.decide(backup, &then)? {
            Decision::Nothing { why } => return Err(DeployError::Superfluous { app, why }),
            Decision::Do(plan) => plan,
        };
        let parts = plan::differences(approved, &same);
        if !parts.is_empty() {
            return Err(DeployError::NotApproved { app, parts });
        }
        match looked.decide(backup, flags)? {
            Decision::Nothing { why } => Err(DeployError::Superfluous { app, why }),
            Decision::Do(plan) => Ok(looked.planned(*plan, Some(approved.digest()))),
        }
    }
}
