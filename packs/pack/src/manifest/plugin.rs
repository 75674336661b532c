//! `[[plugin]]` and `[index.KIND]`: WASM components of the pack, and where app plugins come from.

use super::scalar::{maybe_directory, text_type};
use crate::signature::PublicKey;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use silver_plugin_api::{Digest, TreePath};
use std::fmt;

/// `[[plugin]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PluginDef {
    /// The component, a file of the pack.
    #[schemars(with = "String")]
    pub file: TreePath,
    /// What it exports.
    pub world: World,
    /// 64 hex digits: the component's digest, filled in by `silver pack`.
    #[serde(default, with = "hex_digest", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub sha256: Option<Digest>,
    /// What it asks for; each has to be granted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
}

/// A digest without `sha256:`, as the field's name says it already.
mod hex_digest {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use silver_plugin_api::Digest;

    #[expect(clippy::ref_option, reason = "serde gives it so")]
    pub(super) fn serialize<S: Serializer>(digest: &Option<Digest>, serializer: S) -> Result<S::Ok, S::Error> {
        match digest {
            Some(digest) => serializer.serialize_str(&digest.hex()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Digest>, D::Error> {
        let text = String::deserialize(deserializer)?;
        Digest::from_hex(&text).map(Some).map_err(|_| de::Error::custom("not a sha256: 64 lower-case hex digits"))
    }
}

/// `world`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum World {
    /// Lays a customization over the application.
    CustomizerPlugin,
    /// Offers `silver manage-app` commands.
    CommandPlugin,
}

impl World {
    /// As it is written in the manifest and in the WIT.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CustomizerPlugin => "customizer-plugin",
            Self::CommandPlugin => "command-plugin",
        }
    }
}

/// `needs`: what a plugin asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// `index:python`: asking and fetching from an index.
    Index(IndexKind),
    /// `edit-customization`: changing the customization directory.
    EditCustomization,
    /// `http:HOST`: HTTPS requests to one host.
    Http(String),
}

impl Need {
    /// One line for the person who is asked to grant it.
    pub fn explain(&self) -> String {
        match self {
            Self::Index(kind) => format!("look for packages in the {} index and fetch them", kind.as_str()),
            Self::EditCustomization => "change files in the customization directory (the changes are shown)".into(),
            Self::Http(host) => format!("read pages of {host} over HTTPS"),
        }
    }
}

impl std::str::FromStr for Need {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let host = |host: &str| {
            let label =
                |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            // a number is an address, not a name
            let name = host.rsplit('.').next().is_some_and(|last| last.bytes().any(|b| b.is_ascii_lowercase()));
            host.contains('.') && host.split('.').all(label) && name
        };
        let unknown = || {
            format!(
                "`{}` is nothing a plugin can ask for; allowed: `index:python`, `edit-customization`, `http:HOST`",
                text.escape_debug()
            )
        };
        match text.split_once(':') {
            None if text == "edit-customization" => Ok(Self::EditCustomization),
            Some(("index", kind)) => IndexKind::parse(kind).map(Self::Index).ok_or_else(unknown),
            Some(("http", name)) if host(name) => Ok(Self::Http(name.to_owned())),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(kind) => write!(f, "index:{}", kind.as_str()),
            Self::EditCustomization => f.write_str("edit-customization"),
            Self::Http(host) => write!(f, "http:{host}"),
        }
    }
}

text_type!(Need, "^(edit-customization|index:python|http:.+)$", ["index:python"]);

/// `KIND` of `[index.KIND]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IndexKind {
    /// A Python package index.
    Python,
    /// An npm registry.
    Npm,
    /// A directory of packages, here or on a web server.
    Directory,
}

impl IndexKind {
    /// As it is written in the manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Npm => "npm",
            Self::Directory => "directory",
        }
    }

    /// The kind of this name.
    fn parse(text: &str) -> Option<Self> {
        [Self::Python, Self::Npm, Self::Directory].into_iter().find(|kind| kind.as_str() == text)
    }

    /// A package's name as indexes of this kind compare it.
    pub fn normalized(self, name: &str) -> String {
        match self {
            Self::Python => crate::customization::normalized(name),
            Self::Npm | Self::Directory => name.to_owned(),
        }
    }
}

impl<'de> Deserialize<'de> for IndexKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::unknown_field(&text, &["python", "npm", "directory"]))
    }
}

/// What is said of a `key` where nothing is signed.
pub(crate) const UNSIGNED_KIND: &str = "only the list of the kind `directory` is signed";

/// `[index.KIND]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct IndexDef {
    /// A JSON file of the pack that `search` looks through: a list of `{name, summary}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub list: Option<TreePath>,
    /// A directory of the customization: where the packages lie that are wanted there below
    /// `[plugins]`. They are not there on disk; customizers find them there. Default: `plugins`, for
    /// npm `node_modules`.
    #[serde(default, deserialize_with = "maybe_directory", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub into: Option<TreePath>,
    /// Of `directory`: its address. The operator may have it elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^https?://"))]
    pub url: Option<String>,
    /// Of `directory`: the minisign key that its list has to be signed with, wherever the operator has
    /// it: `SHA256SUMS.minisig` beside `SHA256SUMS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PublicKey>,
    /// A file of the pack with the pins that app plugins have to agree with. Default:
    /// `build.python.requirements`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub constraints: Option<TreePath>,
}

impl IndexDef {
    /// Where packages lie in the customization.
    pub fn into(&self, kind: IndexKind) -> TreePath {
        let default = if kind == IndexKind::Npm { "node_modules" } else { "plugins" };
        self.into.clone().unwrap_or_else(|| TreePath::new(default).unwrap_or_default())
    }
}
