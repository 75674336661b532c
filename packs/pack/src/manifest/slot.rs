//! `[[slot]]`: where a customization may go.

use super::scalar::{Glob, Name, text_type};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use silver_plugin_api::{
    TreePath,
    slot::{Slot, SlotMode, SlotNature},
};
use std::fmt;

/// `[[slot]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SlotDef {
    /// Unique in the pack.
    pub name: Name,
    /// What of the customization directory goes here.
    pub from: Glob,
    /// Where it goes.
    pub into: SlotTarget,
    /// How files meet.
    #[schemars(schema_with = "modes")]
    pub mode: SlotMode,
    /// For `override`: must the pack have the file? Default: it must.
    #[serde(default = "yes")]
    pub must_exist: bool,
    /// `code`, or `content`: big data that a new edition replaces, such as a database that is
    /// published. Its digests are recorded for ever, its bytes kept as long as a release on the node
    /// has them.
    #[serde(default)]
    #[schemars(schema_with = "natures")]
    pub nature: SlotNature,
    /// One line, shown by `silver inspect` and in hints.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
}

impl SlotDef {
    /// As customizers get it.
    pub(super) fn resolve(&self, layout_root: &TreePath) -> Slot {
        Slot {
            name: self.name.to_string(),
            from: self.from.to_string(),
            into: self.into.in_tree(layout_root).to_string(),
            mode: self.mode,
            must_exist: self.must_exist,
            nature: self.nature,
            summary: self.summary.clone(),
        }
    }
}

fn yes() -> bool {
    true
}

fn modes(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "enum": ["add", "override", "merge-ini", "merge-toml", "merge-json", "append"] })
}

fn natures(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "enum": ["code", "content"], "default": "code" })
}

/// `into`: `tree:PATH` in the release, `instance:PATH` in its instance view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotTarget {
    /// Below the root of the release.
    Tree(TreePath),
    /// Below the instance directory.
    Instance(TreePath),
}

impl SlotTarget {
    /// The path in the release tree.
    pub fn in_tree(&self, layout_root: &TreePath) -> TreePath {
        match self {
            Self::Tree(path) => path.clone(),
            // `validate` has seen that the joined path is one.
            Self::Instance(path) => layout_root.join(path).unwrap_or_else(|_| path.clone()),
        }
    }
}

impl std::str::FromStr for SlotTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shown = text.escape_debug();
        let Some((kind, path)) = text.split_once(':') else {
            return Err(format!("`{shown}` is not a place: write `instance:PATH` or `tree:PATH`"));
        };
        let path = TreePath::new(path).map_err(|error| format!("`{shown}` is not a place: {error}"))?;
        match kind {
            "tree" => Ok(Self::Tree(path)),
            "instance" => Ok(Self::Instance(path)),
            _ => Err(format!("`{shown}` is not a place: write `instance:PATH` or `tree:PATH`")),
        }
    }
}

impl fmt::Display for SlotTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree(path) => write!(f, "tree:{path}"),
            Self::Instance(path) => write!(f, "instance:{path}"),
        }
    }
}

text_type!(SlotTarget, "^(tree|instance):.*$", ["instance:templates"]);
