//! `[[check]]`: test before activate.

use super::scalar::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use silver_plugin_api::{
    TreePath,
    plan::{Access, Check, CheckTarget, Probe},
};

/// `[[check]]`: exactly one of `url`, `command` and `log-lacks`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CheckDef {
    /// Unique; shown in the plan.
    pub name: String,
    /// When it is looked at.
    #[serde(default)]
    pub when: When,
    /// A path below the application's location that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// For `url`: expected status. Default: 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u16>,
    /// For `url`: must be in the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_contains: Option<String>,
    /// For `url`: must not be in the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_lacks: Option<String>,
    /// Program and arguments; it has to exit with 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// What the application must not have logged since it was started for the check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_lacks: Option<LogLacks>,
    /// Then it counts as failed.
    #[serde(default = "half_minute")]
    pub timeout: Span,
    /// How often a periodic check is made. Default: every 5 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
}

/// `log-lacks`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LogLacks {
    /// File below the instance directory.
    #[schemars(with = "String")]
    pub file: TreePath,
    /// Text that no line may hold.
    pub pattern: String,
}

/// `when`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Before the switch: a failure reverts the update.
    #[default]
    Staged,
    /// Again and again while the release serves, for a `url`: a failure makes the application
    /// «degraded» in `silver status`.
    Periodic,
}

fn half_minute() -> Span {
    Span::seconds(30)
}

impl CheckDef {
    /// A periodic check as a release has it: one more page that is looked at while it serves.
    pub fn probe(&self) -> Option<Probe> {
        let periodic = self.when == When::Periodic;
        let every = self.every.unwrap_or(Span::seconds(300)).as_millis();
        match self.resolve().target {
            CheckTarget::Http(access) if periodic => {
                Some(Probe { id: self.name.clone(), access, every_ms: every, timeout_ms: self.timeout.as_millis() })
            }
            _ => None,
        }
    }

    /// As a release has it.
    pub fn resolve(&self) -> Check {
        let target = match (&self.url, &self.log_lacks) {
            (Some(path), _) => CheckTarget::Http(Access {
                path: path.clone(),
                status: self.status.unwrap_or(200),
                body_contains: self.body_contains.clone(),
                body_lacks: self.body_lacks.clone(),
            }),
            (None, Some(log)) => CheckTarget::LogLacks { file: log.file.clone(), pattern: log.pattern.clone() },
            (None, None) => CheckTarget::Command(self.command.clone()),
        };
        Check { name: self.name.clone(), target, timeout_ms: self.timeout.as_millis() }
    }
}
