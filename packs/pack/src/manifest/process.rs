//! `[runtime]` and `[processes.NAME]`: how the application is executed.

use super::scalar::{ByteSize, NotYet, Span, maybe_directory, not_yet};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use silver_plugin_api::{TreePath, plan::Listen};

/// `[runtime]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Runtime {
    /// How code is executed.
    pub kind: RuntimeKind,
    /// Version of the interpreter that the node has to have, for `python` and `nodejs`: `>=3.9`,
    /// `>=18,<23`. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The directory of the release that the front serves by itself, where no process `web`
    /// answers: for a site that `[[assemble]]` makes with `python`, say. Default for `static`: the
    /// instance directory.
    #[serde(default, deserialize_with = "maybe_directory", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub root: Option<TreePath>,
    /// What has to be on the node besides; looked at before anything is changed.
    #[serde(default, skip_serializing_if = "Requires::is_empty")]
    pub requires: Requires,
}

/// `[runtime] requires`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Requires {
    /// Packages of Debian, by name: `["graphviz"]`. A node without Debian's package database
    /// cannot be asked; there they are not looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// Extensions of PHP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    php_extensions: Option<NotYet>,
}

impl Requires {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// `[runtime] kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RuntimeKind {
    /// The front serves files.
    Static,
    /// Python, in an environment built from the pack's wheels.
    Python,
    /// Node.js of the node, with what the pack has in its `node_modules`; nothing is installed
    /// when it is deployed. Programs are `command`s: `["node", "server.js"]`. They run with
    /// `NODE_ENV=production`, and `web` listens as with `command`.
    #[serde(rename = "nodejs")]
    NodeJs,
    /// Programs of the pack or the node.
    Command,
}

impl RuntimeKind {
    /// As it is written in the manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Python => "python",
            Self::NodeJs => "nodejs",
            Self::Command => "command",
        }
    }
}

impl<'de> Deserialize<'de> for RuntimeKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "static" => Ok(Self::Static),
            "python" => Ok(Self::Python),
            "nodejs" => Ok(Self::NodeJs),
            "command" => Ok(Self::Command),
            word @ ("php" | "wasm") => Err(not_yet(word, "`static`, `python`, `nodejs`, `command`")),
            other => Err(de::Error::unknown_variant(other, &["static", "python", "nodejs", "command"])),
        }
    }
}

/// `[processes.NAME]`: exactly one of `callable` and `command`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProcessDef {
    /// `module:attribute` of a WSGI or ASGI application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callable: Option<String>,
    /// Program and arguments. `${NAME}` is replaced from the environment, nothing else; there is no
    /// shell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// How `web` is reached: `socket` or `port`. Default: a callable by its socket; a command by
    /// `PORT` if `${PORT}` is on its command line, else by its socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<ListenOn>,
    /// How many.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    pub count: u32,
    /// Memory limit of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<ByteSize>,
    /// The signal that asks it to stop, without `SIG`.
    #[serde(default = "term")]
    pub stop_signal: String,
    /// How long it may take to stop.
    #[serde(default = "stop_timeout")]
    pub stop_timeout: Span,
    /// Never two at once, also not during a switch.
    #[serde(default)]
    pub singleton: bool,
}

/// `listen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ListenOn {
    /// The Unix socket in `SILVER_SOCKET`.
    Socket,
    /// TCP on 127.0.0.1, the port in `PORT`.
    Port,
}

impl From<ListenOn> for Listen {
    fn from(listen: ListenOn) -> Self {
        match listen {
            ListenOn::Socket => Self::Socket,
            ListenOn::Port => Self::Port,
        }
    }
}

fn one() -> u32 {
    1
}

fn term() -> String {
    "TERM".into()
}

fn stop_timeout() -> Span {
    Span::seconds(30)
}
