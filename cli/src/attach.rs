//! Looking on at a change that somebody else has begun, before an own one is planned.

use crate::{context::Context, error::Result};
use silver_core::node::{Node, Watched};
use silver_plugin_api::plan::{Finished, Outcome, OutcomeKind, Progress};

/// Follows the change of an application that is under way, if there is one, to its end: what is planned then is
/// planned on what it has left. Was there one?
pub async fn attach(context: &Context, node: &dyn Node, app: &str) -> Result<bool> {
    let mut view = None;
    let mut listener = |progress: Progress| {
        let view = view.get_or_insert_with(|| {
            context.ui.note(&format!("a change of {app} is under way: looking on"));
            context.ui.progress()
        });
        view.show(&progress);
    };
    let watched = node.watch(app, &mut listener).await?;
    if let Some(view) = &mut view {
        view.finish();
    }
    let Watched::Ended(Finished { outcome, .. }) = watched else { return Ok(false) };
    context.ui.note(&ended(app, &outcome));
    Ok(true)
}

fn ended(app: &str, outcome: &Outcome) -> String {
    let current = outcome.current.as_deref().unwrap_or("no release");
    let why = outcome.message.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
    match outcome.kind {
        OutcomeKind::Done => format!("the change of {app} is done: {current} is current"),
        OutcomeKind::Reverted => format!("the change of {app} failed and was reverted: {current} is current{why}"),
        OutcomeKind::RevertFailed => format!("the change of {app} failed, and so did reverting it{why}"),
    }
}
