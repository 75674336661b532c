//! `[[cron]]`: periodic commands.

use super::scalar::{Name, Span, not_yet};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use silver_plugin_api::plan::{Cron, CronOn, Schedule};

/// `[[cron]]`: a command that is run periodically while the application is enabled, in its environment with
/// `SILVER_PHASE=cron`. Only on nodes with timers: a server, not this machine's own node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CronDef {
    /// Unique; shown in logs. Default: the number among the periodic commands, from `1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Minute, hour, day of the month, month, day of the week, as in a crontab: `*/15 * * * *`; or `@hourly`,
    /// `@daily`, `@weekly`, `@monthly`, `@yearly`. In the node's time zone.
    #[schemars(with = "String")]
    pub schedule: Schedule,
    /// Program and arguments. `${NAME}` is replaced from the environment, nothing else; there is no
    /// shell.
    pub command: Vec<String>,
    /// On which nodes of a group: `one` or `all` of them.
    #[serde(default)]
    #[schemars(schema_with = "ones")]
    pub on: CronOn,
    /// `forbid`: when it is due while it still runs, that time is left out.
    #[serde(default)]
    pub overlap: CronOverlap,
    /// Then it is killed and counts as failed.
    #[serde(default = "ten_minutes")]
    pub timeout: Span,
}

/// `overlap` of a periodic command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum CronOverlap {
    /// Never twice at once.
    #[default]
    Forbid,
}

impl Serialize for CronOverlap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("forbid")
    }
}

impl<'de> Deserialize<'de> for CronOverlap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "forbid" => Ok(Self::Forbid),
            word @ "allow" => Err(not_yet(word, "`forbid`")),
            other => Err(serde::de::Error::unknown_variant(other, &["forbid"])),
        }
    }
}

fn ones(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "enum": ["one", "all"] })
}

fn ten_minutes() -> Span {
    Span::seconds(600)
}

impl CronDef {
    /// Its name, when it is the one at this place among them.
    pub fn name_at(&self, at: usize) -> String {
        self.name.as_ref().map_or_else(|| (at + 1).to_string(), ToString::to_string)
    }

    /// As a release has it.
    pub fn resolve(&self, at: usize) -> Cron {
        Cron {
            name: self.name_at(at),
            schedule: self.schedule.clone(),
            argv: self.command.clone(),
            on: self.on,
            timeout_ms: self.timeout.as_millis(),
        }
    }
}
