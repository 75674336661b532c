//! `[settings.NAME]` and `[secrets.NAME]`: what an operator gives.

use super::scalar::{Name, text_type};
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
    /// It has a meaning only when another setting says so: `"smtp"` (that one is neither empty, `0`
    /// nor `false`) or `"backend = smtp"`. Otherwise it need not be given, and is empty without a
    /// default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible_if: Option<VisibleIf>,
    /// `init`: used only when the first data are made. A plan that changes it later says that
    /// nothing will come of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<SettingWhen>,
}

/// `when`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SettingWhen {
    /// By `init` alone.
    Init,
}

/// `visible-if`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisibleIf {
    /// The other setting.
    pub name: Name,
    /// The value that it has to have; `None`: any but empty, `0` and `false`.
    pub value: Option<String>,
}

impl VisibleIf {
    /// Does the other setting say so with this value?
    pub fn holds(&self, value: &str) -> bool {
        match &self.value {
            Some(wanted) => value == wanted,
            None => !matches!(value, "" | "0" | "false"),
        }
    }
}

impl std::str::FromStr for VisibleIf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().to_owned())),
            None => (text.trim(), None),
        };
        Ok(Self { name: name.parse()?, value })
    }
}

impl fmt::Display for VisibleIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} = {value}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

text_type!(VisibleIf, "^[a-z][a-z0-9-]*( *=.*)?$", ["smtp", "backend = smtp"]);

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
    /// It is the bcrypt hash of another secret, for an application that wants the hash of its
    /// administrator's password in a file. Made on the node, and anew when that secret changes. Of
    /// that one, the first 72 bytes count, as bcrypt has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bcrypt_of: Option<Name>,
    /// What becomes of it in a clone of the application. Default: a generated one is made anew, a
    /// given one is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_clone: Option<OnClone>,
}

/// `on-clone`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnClone {
    /// The clone has the same.
    Keep,
    /// The clone makes its own.
    Regenerate,
    /// It is asked for.
    Ask,
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
