//! All or nothing: the way back of those that are through, when others are not.

use super::{
    Ended, GroupListener, Means,
    event::{Event, Reports},
};
use crate::{
    deploy::{DeployError, plan_rollback},
    node::Node,
    plan::Flags,
    progress::Listener,
};
use futures_util::future::join_all;
use silver_plugin_api::plan::{Outcome, OutcomeKind};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::mpsc;

/// When one member is not where the others are, those go back, side by side.
pub(super) async fn take_back(
    nodes: &[Arc<dyn Node>],
    apps: &[String],
    ended: Vec<Ended>,
    means: &Means<'_>,
    listener: &mut dyn GroupListener,
) -> Vec<Ended> {
    if ended.iter().all(Ended::is_live) || !ended.iter().any(Ended::is_live) {
        return ended;
    }
    let (events, mut heard) = mpsc::unbounded_channel();
    let rows = join_all(ended.into_iter().enumerate().map(|(index, end)| {
        let mut reports = Reports::of(index, events.clone());
        async move {
            match end {
                Ended::Outcome(outcome) if outcome.kind == OutcomeKind::Done => {
                    match roll_back(&*nodes[index], &apps[index], &outcome, index, means, &mut reports).await {
                        Ok(Ok(back)) => Ended::TakenBack(back),
                        Ok(Err(why)) => Ended::Ahead { outcome, why },
                        Err(error) => Ended::Ahead { outcome, why: error.to_string() },
                    }
                }
                other => other,
            }
        }
    }));
    drop(events);
    let telling = async {
        while let Some(event) = heard.recv().await {
            if let Event::Progress(index, progress) = event {
                listener.progress(index, progress);
            }
        }
    };
    tokio::join!(rows, telling).0
}

/// Takes one member back, unless that would lose writes, there is nothing to go back to, or somebody else has deployed
/// there since.
async fn roll_back(
    node: &dyn Node,
    app: &str,
    done: &Outcome,
    index: usize,
    means: &Means<'_>,
    listener: &mut dyn Listener,
) -> Result<Result<Outcome, String>, DeployError> {
    let flags = Flags { attempt: format!("{}-back-{index}", means.flags.attempt), barrier_ms: None, ..means.flags.clone() };
    let planned = plan_rollback(node, app, None, means.deployment, means.backup, &flags).await?;
    if planned.plan().transition.parent != done.current {
        return Ok(Err("somebody has changed it since: that is for a person to decide".into()));
    }
    if planned.plan().summary.lost.is_some() {
        return Ok(Err("going back would lose what was written since: that is for a person to decide".into()));
    }
    let staged = planned.stage(node, &BTreeMap::new(), listener).await?;
    let outcome = staged.submit(means.client_time, None).await?.outcome(node, listener).await?;
    Ok(match outcome.kind {
        OutcomeKind::Done => Ok(outcome),
        _ => Err(outcome.message.unwrap_or_else(|| "going back failed".into())),
    })
}
