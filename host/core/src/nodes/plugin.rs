//! `[plugins.NAME]`: plugins that set nodes up, besides silver itself.

use super::settings;
use serde::{Deserialize, Serialize};
use silver_plugin_api::{Digest, Settings, setup::Grant};
use std::path::PathBuf;

/// A plugin that sets nodes up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NodePlugin {
    /// The component; relative to the directory of the file.
    pub file: PathBuf,
    /// The only component that it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// What its plans may hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Grant>,
    /// Its settings.
    #[serde(default, skip_serializing_if = "Settings::is_empty", deserialize_with = "settings")]
    pub settings: Settings,
}
