//! Carrying out what was approved: the plan is made again from what is there now, and has to be the
//! same. What was altered in between - the pack, the customization, the node, or the approved plan
//! itself - is thereby found, whatever it is.

use super::{DeployError, Glance, Looked, Planned, Resolved};
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
        glance: Glance,
        backup: &dyn Backup,
        approved: &Plan,
        flags: &Flags,
    ) -> Result<Planned, DeployError> {
        self.look_approved(node, glance, approved).await?.plan_approved(backup, approved, flags)
    }

    /// As [`Resolved::look`], for [`Looked::plan_approved`].
    pub async fn look_approved(self, node: &dyn Node, glance: Glance, approved: &Plan) -> Result<Looked, DeployError> {
        // what build steps had not made then is not taken now either
        let known = approved.summary.assemble.iter().take_while(|step| !step.run).count();
        self.look_for(node, glance, known).await
    }
}

impl Looked {
    /// Plans, if that gives what was `approved`; with the label of `flags`, or of the node.
    pub fn plan_approved(self, backup: &dyn Backup, approved: &Plan, flags: &Flags) -> Result<Planned, DeployError> {
        let app = self.resolved.wanted.release.app.clone();
        if self.observed.current != approved.transition.parent {
            let word = |label: &Option<String>| label.clone().unwrap_or_else(|| "none".into());
            let (then, now) = (word(&approved.transition.parent), word(&self.observed.current));
            let parts = vec![format!("the release that is current ({then} then, {now} now)")];
            return Err(DeployError::NotApproved { app, parts });
        }
        let label = approved.transition.release.as_ref().map(|(label, _)| label.clone());
        let then = Flags { label, ..flags.clone() };
        let same = match self.decide(backup, &then)? {
            Decision::Nothing { why } => return Err(DeployError::Superfluous { app, why }),
            Decision::Do(plan) => plan,
        };
        let parts = plan::differences(approved, &same);
        if !parts.is_empty() {
            return Err(DeployError::NotApproved { app, parts });
        }
        match self.decide(backup, flags)? {
            Decision::Nothing { why } => Err(DeployError::Superfluous { app, why }),
            Decision::Do(plan) => Ok(self.planned(*plan, Some(approved.digest()))),
        }
    }
}
