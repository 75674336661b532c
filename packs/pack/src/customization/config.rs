//! `customize.toml`.

use super::{layers::BasePath, target::Target};
use crate::{
    document::{Document, DocumentError, HINT, ProblemKind},
    manifest::{ByteSize, IndexKind, Name, NotYet, UNSIGNED_KIND, is_variable},
    signature::PublicKey,
};
use schemars::JsonSchema;
use semver::VersionReq;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use silver_plugin_api::{TreePath, path::is_control};
use std::{collections::BTreeMap, fmt};

/// What an operator wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "customize.toml", description = "A customization of a silver pack")]
pub struct CustomizeToml {
    /// Which pack it is for.
    pub pack: PackWanted,
    /// Values of the pack's settings.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, Value>,
    /// Where the values of the pack's secrets come from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretRef>,
    /// App plugins that are wanted, by kind of index.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub plugins: BTreeMap<IndexKind, Vec<AppPluginWanted>>,
    /// Files of the pack that the release shall not have: paths of the release or of the instance
    /// directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub remove: Vec<TreePath>,
    /// Further variables for every process.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Other numbers for the pack's processes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub processes: BTreeMap<Name, ProcessOverride>,
    /// What the front does otherwise than the pack says.
    #[serde(default, skip_serializing_if = "FrontOverride::is_empty")]
    pub front: FrontOverride,
    /// Another place for an index of app plugins.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub index: BTreeMap<IndexKind, IndexOverride>,
    /// Platforms of the nodes it is deployed to, which app plugins are resolved for. Default: this
    /// machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
    /// Where it is deployed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deploy: Vec<DeployRow>,

    /// Directory of another customization that this one stands on, relative to this one. What is written here wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<BasePath>,
    /// Services that are there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    services: Option<NotYet>,
    /// Periodic commands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cron: Option<NotYet>,
}

/// `[pack]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PackWanted {
    /// The pack's id.
    pub id: String,
    /// Versions that this customization was made for, e.g. `>=1.6, <2`. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub version: Option<VersionReq>,
}

/// `[processes.NAME]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProcessOverride {
    /// How many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub count: Option<u32>,
    /// Memory limit of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<ByteSize>,
}

/// `[front]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FrontOverride {
    /// Are visitors of all locations but the first, the canonical one, sent to that one?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical: Option<bool>,
}

impl FrontOverride {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// `[index.KIND]`: an address or a directory; of the kind `directory` also, or only, a key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct IndexOverride {
    /// Address of an index, a mirror say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A directory with packages; relative to the customization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Of the kind `directory`: the minisign key that the list has to be signed with. Default: the
    /// pack's, so that a mirror has to carry the signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PublicKey>,
}

/// The node where nothing else is said: this machine.
const LOCAL: &str = "local";

/// `[[deploy]]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DeployRow {
    /// The application's name on the node. Default: the pack's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// The node. Default: `local`.
    #[serde(default = "local")]
    pub node: String,
    /// `host[/path]`, the canonical one first; all but that one may begin with `*.`, for one more label.
    /// Default: `NAME.localhost`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<String>,
    /// A group of nodes instead of one: all of them get it, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Name>,
}

fn local() -> String {
    LOCAL.into()
}

impl DeployRow {
    /// The node or the group, as `nodes.toml` has it.
    pub fn place(&self) -> &str {
        self.group.as_deref().unwrap_or(&self.node)
    }
}

/// Where the value of a secret comes from; read by the command, never written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `env:NAME`: a variable of the command's environment.
    Env(String),
    /// `file:PATH`: the content of a file, without a line feed at its end; relative to the
    /// customization.
    File(String),
    /// `cmd:PROGRAM ARG …`: what a program prints, without a line feed at its end; no shell.
    Command(Vec<String>),
}

impl std::str::FromStr for SecretRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // never repeat the text: it may be the secret itself
        let wrong = || {
            format!(
                "a secret is never written here{HINT}write where it comes from: \"env:NAME\", \"file:PATH\" or \"cmd:PROGRAM ARG\""
            )
        };
        match text.split_once(':') {
            Some(("env", name)) if is_variable(name) => Ok(Self::Env(name.into())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("cmd", line)) if !line.trim().is_empty() => {
                Ok(Self::Command(line.split_whitespace().map(str::to_owned).collect()))
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
            Self::Command(argv) => write!(f, "cmd:{}", argv.join(" ")),
        }
    }
}

crate::manifest::text_type!(SecretRef, "^(env|file|cmd):.+$", ["env:SMTP_PASSWORD"]);

/// An app plugin that is wanted: a name and, if it matters, versions in the syntax of its index:
/// `TracAccountManager`, `TracAccountManager==0.6.0`; of npm `@scope/name@^1.2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppPluginWanted {
    /// Name.
    pub name: String,
    /// Version specifier; empty for any.
    pub versions: String,
}

impl std::str::FromStr for AppPluginWanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let in_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        // `@scope/` of npm
        let scope = match text.strip_prefix('@').and_then(|rest| rest.split_once('/')) {
            Some((scope, _)) if !scope.is_empty() && scope.chars().all(in_name) => scope.len() + 2,
            _ => 0,
        };
        let end = text[scope..].find(|c: char| !in_name(c)).map_or(text.len(), |at| scope + at);
        let (name, versions) = (&text[..end], text[end..].trim());
        let starts = text[scope..end].starts_with(|c: char| c.is_ascii_alphanumeric());
        let specifier = versions.is_empty() || versions.starts_with(['=', '<', '>', '!', '~', '@']);
        if starts && specifier && !versions.contains(|c: char| is_control(c) || "/:".contains(c)) {
            return Ok(Self { name: name.into(), versions: versions.into() });
        }
        Err(format!(
            "`{}` is not a package: write \"NAME\", or with a version \"NAME==1.2\", of npm \"NAME@1.2.3\"",
            text.escape_debug()
        ))
    }
}

impl AppPluginWanted {
    /// The one version that will do, if there is but one.
    pub fn exact(&self) -> Option<&str> {
        let number = |text: &&str| text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(['*', ',', '=', ' ', '|']);
        match (self.versions.strip_prefix("=="), self.versions.strip_prefix('@')) {
            (Some(version), _) => Some(version.trim()).filter(number),
            // `@1` of npm is a range
            (_, Some(version)) => Some(version.trim()).filter(number).filter(|version| version.split('.').count() >= 3),
            _ => None,
        }
    }

    /// The versions as indexes take them: npm's without the `@` in front.
    pub fn specifier(&self) -> &str {
        self.versions.strip_prefix('@').unwrap_or(&self.versions)
    }
}

impl fmt::Display for AppPluginWanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, self.versions)
    }
}

crate::manifest::text_type!(AppPluginWanted, "^(@[A-Za-z0-9._-]+/)?[A-Za-z0-9][A-Za-z0-9._-]*.*$", ["TracAccountManager==0.6.0"]);

/// Reads `customize.toml` and checks what needs no pack.
pub(super) fn parse(text: &str, file: &str) -> Result<CustomizeToml, DocumentError> {
    let document = Document::parse(text, file)?;
    let config: CustomizeToml = document.decode().map_err(|mut error: DocumentError| {
        // somebody may have written the secret itself
        for problem in error.problems.iter_mut().filter(|problem| problem.field.starts_with("secrets.")) {
            problem.source_line.clear();
        }
        error
    })?;
    let mut problems = Vec::new();
    let mut wrong = |path: &[&str], message: String, hint: Option<&str>| {
        problems.push(document.problem(path, ProblemKind::Invalid { message, hint: hint.map(Into::into) }));
    };
    for (name, value) in &config.env {
        if !is_variable(name) {
            wrong(&["env", name], "not the name of a variable: letters, digits and `_`".into(), None);
        } else if name.starts_with("SILVER_") {
            wrong(&["env", name], "names with SILVER_ are silver's own".into(), None);
        }
        if value.contains('\0') {
            wrong(&["env", name], "a variable cannot have a NUL character".into(), None);
        }
    }
    for (kind, index) in &config.index {
        let is_somewhere = index.url.is_some() || index.directory.is_some();
        if index.url.is_some() && index.directory.is_some() || !is_somewhere && index.key.is_none() {
            wrong(&["index", kind.as_str()], "either `url` or `directory`".into(), None);
        }
        if index.key.is_some() && *kind != IndexKind::Directory {
            wrong(&["index", kind.as_str(), "key"], UNSIGNED_KIND.into(), None);
        }
    }
    for (name, process) in &config.processes {
        if process.count.is_some_and(|count| !(1..=1000).contains(&count)) {
            wrong(&["processes", name, "count"], "1 to 1,000".into(), Some("to stop an application: `silver disable`"));
        }
    }
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for (at, row) in config.deploy.iter().enumerate() {
        if row.group.is_some() && row.node != LOCAL {
            wrong(&["deploy", &at.to_string(), "group"], "either `node` or `group`".into(), None);
        }
        let place = (row.name.as_deref().unwrap_or_default(), row.place());
        if seen.contains(&place) {
            wrong(&["deploy", &at.to_string()], "the same application on the same node as in a row above".into(), None);
        }
        seen.push(place);
    }
    if problems.is_empty() { Ok(config) } else { Err(document.error(problems)) }
}

/// The JSON Schema of `customize.toml`.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(CustomizeToml).to_value()
}
