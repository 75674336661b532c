//! `[[assemble]]`: build steps between merge and release.

use super::scalar::{Glob, Span, directory, not_yet};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use silver_plugin_api::{TreePath, plan::Assembly};

/// `[[assemble]]`: a build step after the merge and before the tree is final, for a site generator,
/// `collectstatic`, a theme compiler. Steps run in order while a release is staged, on the node; a
/// later one may take what an earlier one made.
///
/// A step runs in a sandbox without network and sees copies of its inputs in `SILVER_TREE_DIR`,
/// which is its working directory, the system's programs and the interpreter's environment. It has
/// the application's environment: settings as they are; for secrets and for what contains the
/// release's label (`STATIC_URL`) stand-ins, since its result is recorded and kept for the next
/// release. `SOURCE_DATE_EPOCH` is set. It is run again only when inputs, environment or command
/// line change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AssembleDef {
    /// Program and arguments. `${NAME}` is replaced from the environment, nothing else; there is no
    /// shell.
    pub command: Vec<String>,
    /// Files of the merged tree that it sees, as globs: `["docs/**", "mkdocs.yml"]`.
    pub inputs: Vec<Glob>,
    /// Directory of the release's tree that it makes. What it leaves there becomes part of the
    /// release, with the origin `assembled`; nothing else may put files there.
    #[serde(deserialize_with = "directory")]
    #[schemars(with = "String")]
    pub outputs: TreePath,
    /// Then it is killed and counts as failed.
    #[serde(default = "five_minutes")]
    pub timeout: Span,
    /// `false`: it has no network.
    #[serde(default, deserialize_with = "no_network")]
    #[schemars(extend("const" = false))]
    pub network: bool,
}

impl AssembleDef {
    /// As a release has it.
    pub fn resolve(&self) -> Assembly {
        Assembly {
            command: self.command.clone(),
            inputs: self.inputs.iter().map(ToString::to_string).collect(),
            outputs: self.outputs.clone(),
            timeout_ms: self.timeout.as_millis(),
        }
    }
}

fn five_minutes() -> Span {
    Span::seconds(300)
}

fn no_network<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    if bool::deserialize(deserializer)? { Err(not_yet("true", "`false`: what a step needs is in the pack")) } else { Ok(false) }
}
