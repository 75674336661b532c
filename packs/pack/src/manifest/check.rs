//! `[[check]]`: test before activate.

use super::scalar::{NotYet, Span, not_yet};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use silver_plugin_api::{
    TreePath,
    plan::{Access, Check, CheckTarget},
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
    /// How often a periodic check is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    every: Option<NotYet>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Before the switch.
    #[default]
    Staged,
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "staged" => Ok(Self::Staged),
            word @ "periodic" => Err(not_yet(word, "`staged`")),
            other => Err(de::Error::unknown_variant(other, &["staged"])),
        }
    }
}

fn half_minute() -> Span {
    Span::seconds(30)
}

impl CheckDef {
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
