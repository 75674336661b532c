//! Is the plan that would be made now the one that was approved?

use super::Plan;
use silver_plugin_api::{Digest, plan::Transition};

/// What is put into [`silver_plugin_api::plan::Deployment::extra`] when another than the one who
/// submits a plan has made it.
pub const PLANNED_BY: &str = "planned-by";

/// In what the two plans differ, for people, most telling first; empty: what was approved is what
/// would be done.
///
/// Who submits it and when, the name of the attempt, and how much has to be sent or built on the
/// way are not what is approved. Both have to name the release by the same label.
pub fn differences(approved: &Plan, now: &Plan) -> Vec<String> {
    let (before, after) = (comparable(approved), comparable(now));
    let (old, new) = (&before.transition, &after.transition);
    let (was, is) = (old.release.as_ref().map(|(_, release)| release), new.release.as_ref().map(|(_, release)| release));
    let tree = (was.map(|release| release.tree), is.map(|release| release.tree));
    let named = [
        (before.node != after.node, "the node"),
        (old.parent != new.parent, "the release that is current"),
        (was.map(|release| &release.pack) != is.map(|release| &release.pack), "the pack"),
        (customization(old) != customization(new), "the customization"),
        (was.map(|release| &release.settings) != is.map(|release| &release.settings), "the settings"),
        (old.locations != new.locations, "the locations"),
    ];
    let told =
        |list: &[(bool, &str)]| list.iter().filter(|(differs, _)| *differs).map(|(_, words)| (*words).to_owned()).collect();
    let parts: Vec<String> = told(&named);
    if !parts.is_empty() {
        return parts;
    }
    // what else differs follows from what the node has, or from the version of silver
    let parts: Vec<String> = told(&[
        (tree.0 != tree.1, "the files of the release"),
        (old.steps != new.steps, "the steps"),
        (old.deployment != new.deployment, "what is recorded"),
        (before.summary != after.summary, "what it means for the application"),
    ]);
    if parts.is_empty() && before != after { vec!["the release".to_owned()] } else { parts }
}

fn customization(transition: &Transition) -> (Option<Digest>, &[(String, Digest)]) {
    (transition.deployment.customization, &transition.deployment.customization_layers)
}

/// A plan without what is not approved.
fn comparable(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    let told = &mut plan.transition.deployment;
    told.operator.clear();
    told.silver.clear();
    told.client_time.clear();
    told.plan = None;
    // the same bytes may have been checked in meanwhile
    told.customization_revision = None;
    told.extra.remove(PLANNED_BY);
    plan.transition.id.clear();
    plan.summary.send_bytes = 0;
    if let Some(environment) = &mut plan.summary.environment {
        environment.build = false;
    }
    plan
}
