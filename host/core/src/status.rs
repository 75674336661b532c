//! What is deployed on a node, and how it is.

use crate::node::{Node, NodeError};
use silver_plugin_api::{
    monitor::{Health, Monitor, Verdict},
    plan::{AppReport, AppState},
};

/// An application with what its samples mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppStatus {
    /// As the node tells it.
    pub report: AppReport,
    /// What the monitor makes of it.
    pub verdict: Verdict,
    /// Files of the current release that are altered, missing or extra.
    pub drift: Vec<String>,
}

/// All applications of the node, or `only` one.
pub async fn status(node: &dyn Node, monitor: &(dyn Monitor + Sync), only: Option<&str>) -> Result<Vec<AppStatus>, NodeError> {
    let mut list = Vec::new();
    for report in node.apps().await? {
        if only.is_some_and(|only| only != report.app) {
            continue;
        }
        let drift = node.observe(&report.app).await?.drift;
        list.push(AppStatus { verdict: judge(&report, monitor), report, drift });
    }
    Ok(list)
}

fn judge(report: &AppReport, monitor: &dyn Monitor) -> Verdict {
    let unknown = |message: &str| Verdict { subject: report.app.clone(), health: Health::Unknown, message: message.into() };
    match (report.state, &report.release) {
        (AppState::Active, Some(release)) => monitor.judge(release, &report.samples),
        (AppState::Disabled, _) => unknown("disabled: answers 503"),
        (AppState::Deactivated, _) => unknown("deactivated: has no routes"),
        _ => unknown("no release is current"),
    }
}
