//! `[settings.NAME]` and `[secrets.NAME]`: what an operator gives.

use super::scalar::{Name, NotYet, text_type};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// `[settings.NAME]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SettingDef {
    /// What kind of value.
    #[serde(rename = "type", default)]
    pub kind: SettingType,
    /// Used when the operator says nothing. Absent: has to be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
    /// The question that asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Regular expression that the whole value (of a list: each item) has to match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// For `choice`: the values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// A former name that customizations may still use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<Name>,
    /// Asked for only when another setting says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    visible_if: Option<NotYet>,
    /// Used only by `init`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    when: Option<NotYet>,
}

/// `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SettingType {
    /// One line of text.
    #[default]
    Text,
    /// A whole number of 64 bits.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// One of `choices`.
    Choice,
    /// `http://` or `https://` and more.
    Url,
    /// `name@host`.
    Email,
    /// A path: `/` separated, without `..`.
    Path,
    /// Several texts without commas; given to the application as `a,b,c`.
    List,
}

/// `[secrets.NAME]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SecretDef {
    /// Made once on the node. Absent: given by the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate: Option<Generate>,
    /// The question that asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The bcrypt hash of another secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bcrypt_of: Option<NotYet>,
    /// What becomes of it in a clone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on_clone: Option<NotYet>,
}

/// `generate = "hex:32"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generate {
    /// So many random bytes (16 to 1,024), written as hex digits.
    Hex(u32),
}

impl std::str::FromStr for Generate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = text.strip_prefix("hex:").and_then(|bytes| bytes.parse().ok());
        match bytes {
            Some(bytes @ 16..=1024) => Ok(Self::Hex(bytes)),
            Some(_) => Err("a generated secret has 16 to 1,024 bytes".into()),
            None => Err(format!("`{}` is not known: write \"hex:32\" for 32 random bytes", text.escape_debug())),
        }
    }
}

impl fmt::Display for Generate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hex(bytes) => write!(f, "hex:{bytes}"),
        }
    }
}

text_type!(Generate, "^hex:[0-9]+$", ["hex:32"]);
