//! `[state."PATH"]`: what the application writes.

use super::scalar::{NotYet, not_yet};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use silver_plugin_api::{
    TreePath,
    plan::{FileFormat, StateNature},
};

/// `[state."PATH"]`; the path is below the instance directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StateDef {
    /// What kind of thing is written.
    #[serde(deserialize_with = "nature")]
    #[schemars(schema_with = "natures")]
    pub nature: StateNature,
    /// A file, or a directory? Default: a file for `config`, else a directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<StateKind>,
    /// File or directory of the tree, below the instance directory, that is copied when there is
    /// nothing yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub seed: Option<TreePath>,
    /// For `config`: the keys that are silver's, `section.key` or `section.*`; all else is the
    /// administrator's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owned_keys: Vec<String>,
    /// In checkpoints and backups? Default: `data` and `config` are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<bool>,
    /// For `public`: the address it is served at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    serve: Option<NotYet>,
    /// For `public`: may it be executed?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    execute: Option<NotYet>,
}

/// `kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StateKind {
    /// One file.
    File,
    /// A directory with all below it.
    Directory,
}

impl StateDef {
    /// Is it a directory?
    pub fn is_directory(&self) -> bool {
        self.kind.map_or(self.nature != StateNature::Config, |kind| kind == StateKind::Directory)
    }

    /// Is it in checkpoints and backups?
    pub fn in_backup(&self) -> bool {
        self.backup.unwrap_or(matches!(self.nature, StateNature::Data | StateNature::Config | StateNature::Public))
    }

    /// The format of a config, by its suffix: `.ini`, `.cfg`, `.conf`, `.json`, `.toml`.
    pub fn format(path: &TreePath) -> Option<FileFormat> {
        let (_, suffix) = path.name().rsplit_once('.')?;
        match suffix {
            "ini" | "cfg" | "conf" => Some(FileFormat::Ini),
            "json" => Some(FileFormat::Json),
            "toml" => Some(FileFormat::Toml),
            _ => None,
        }
    }
}

fn nature<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StateNature, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "data" => Ok(StateNature::Data),
        "cache" => Ok(StateNature::Cache),
        "log" => Ok(StateNature::Log),
        "config" => Ok(StateNature::Config),
        word @ "public" => Err(not_yet(word, "`data`, `cache`, `log`, `config`")),
        other => Err(de::Error::unknown_variant(other, &["data", "cache", "log", "config"])),
    }
}

fn natures(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "enum": ["data", "cache", "log", "config"] })
}
