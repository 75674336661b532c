//! `[state."PATH"]`: what the application writes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use silver_plugin_api::{
    TreePath,
    plan::{FileFormat, StateNature},
};

/// `[state."PATH"]`; the path is below the instance directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StateDef {
    /// What kind of thing is written: `data` is kept and in every checkpoint, `cache` may vanish,
    /// `log` is read by `silver logs`, `config` is a file that the administrator edits through the
    /// application, `public` is data that visitors are shown, such as uploads.
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
    /// In checkpoints and backups? Default: `data`, `config` and `public` are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<bool>,
    /// For `public`: the address it is served at, `/uploads/`. The front serves its files before
    /// the application is asked, and never a link: one could lead out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serve: Option<String>,
    /// For `public`: `false`, which it always is. What is there is shown, never run: no request
    /// for such a file, or for something below one, reaches the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execute: Option<bool>,
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

fn natures(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "enum": ["data", "cache", "log", "config", "public"] })
}
