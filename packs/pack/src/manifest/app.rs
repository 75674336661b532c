//! The small sections: health, services, layout, assets, update.

use super::scalar::{NotYet, Span, directory, not_yet};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use silver_plugin_api::{
    TreePath,
    plan::{Access, Overlap, Probe},
};

/// `[health]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Health {
    /// May a new release take over?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<ReadyProbe>,
    /// Does it still live?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveProbe>,
}

/// `health.ready`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReadyProbe {
    /// Path below the application's location.
    pub path: String,
    /// Expected status.
    #[serde(default = "ok")]
    #[schemars(range(min = 100, max = 599))]
    pub status: u16,
    /// Must be in the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_contains: Option<String>,
    /// Must not be in the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_lacks: Option<String>,
    /// Between two attempts.
    #[serde(default = "second")]
    pub interval: Span,
    /// For all attempts together.
    #[serde(default = "thirty")]
    pub timeout: Span,
}

/// `health.live`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LiveProbe {
    /// Path below the application's location.
    pub path: String,
    /// Expected status.
    #[serde(default = "ok")]
    #[schemars(range(min = 100, max = 599))]
    pub status: u16,
    /// Must be in the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_contains: Option<String>,
    /// Must not be in the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_lacks: Option<String>,
    /// How often.
    #[serde(default = "minute")]
    pub every: Span,
    /// How long an answer may take.
    #[serde(default = "thirty")]
    pub timeout: Span,
}

impl Health {
    /// `ready` as a probe with that id.
    pub fn ready_probe(&self) -> Option<Probe> {
        let ready = self.ready.as_ref()?;
        let access = access(&ready.path, ready.status, ready.body_contains.as_ref(), ready.body_lacks.as_ref());
        let (every_ms, timeout_ms) = (ready.interval.as_millis(), ready.timeout.as_millis());
        Some(Probe { id: "ready".into(), access, every_ms, timeout_ms })
    }

    /// `live` as a probe with that id.
    pub fn live_probe(&self) -> Option<Probe> {
        let live = self.live.as_ref()?;
        let access = access(&live.path, live.status, live.body_contains.as_ref(), live.body_lacks.as_ref());
        let (every_ms, timeout_ms) = (live.every.as_millis(), live.timeout.as_millis());
        Some(Probe { id: "live".into(), access, every_ms, timeout_ms })
    }
}

fn access(path: &str, status: u16, contains: Option<&String>, lacks: Option<&String>) -> Access {
    Access { path: path.into(), status, body_contains: contains.cloned(), body_lacks: lacks.cloned() }
}

fn ok() -> u16 {
    200
}

fn second() -> Span {
    Span::seconds(1)
}

fn thirty() -> Span {
    Span::seconds(30)
}

fn minute() -> Span {
    Span::seconds(60)
}

/// `[services.NAME]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ServiceDef {
    /// What kind.
    pub kind: ServiceKind,
    /// Version range of the service's program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<NotYet>,
}

/// `[services.NAME] kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceKind {
    /// Files in the data directory, SQLite databases among them.
    Files,
}

impl ServiceKind {
    /// As it is written in the manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
        }
    }
}

impl<'de> Deserialize<'de> for ServiceKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "files" => Ok(Self::Files),
            word @ ("postgresql" | "mariadb" | "redis" | "smtp") => Err(not_yet(word, "`files` (SQLite lies in files)")),
            other => Err(de::Error::unknown_variant(other, &["files"])),
        }
    }
}

/// `[layout]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Layout {
    /// Directory of the tree that becomes the instance view, `SILVER_INSTANCE_DIR`.
    #[serde(default = "instance", deserialize_with = "directory")]
    #[schemars(with = "String")]
    pub root: TreePath,
}

impl Default for Layout {
    fn default() -> Self {
        Self { root: instance() }
    }
}

fn instance() -> TreePath {
    TreePath::new("instance").unwrap_or_default()
}

/// `[assets]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Assets {
    /// Directories of the tree whose files get far-future addresses below `STATIC_URL`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub dirs: Vec<TreePath>,
}

/// `[update]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Update {
    /// May two releases share the data directory? `web`: the new one starts beside the old one;
    /// `none`: never.
    #[serde(default)]
    #[schemars(schema_with = "overlap")]
    pub overlap: Overlap,
}

fn overlap(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "enum": ["web", "none"], "default": "web" })
}
