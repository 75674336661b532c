//! Why a pack cannot be resolved to a release.

use silver_pack::render::RenderError;
use silver_plugin_api::{Failure, TreePath};

/// The pack, the customization and the node do not fit together; nothing has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// Not a name for an application.
    #[error("`{}` cannot be the name of an application", name.escape_debug())]
    Name {
        /// As given.
        name: String,
    },
    /// Another version of silver is needed.
    #[error("the pack needs silver {version}, this is {ours}: {reason}")]
    Silver {
        /// What it needs.
        version: String,
        /// Why.
        reason: String,
        /// This version.
        ours: String,
    },
    /// Native code for another platform.
    #[error("the pack has native code for {pack}, the node is {node}")]
    Platform {
        /// Platform of the pack.
        pack: String,
        /// Platform of the node.
        node: String,
    },
    /// The node lacks packages of its distribution.
    #[error("the application needs packages that node `{node}` does not have: {}", missing.join(", "))]
    Packages {
        /// The node.
        node: String,
        /// Those it lacks.
        missing: Vec<String>,
    },
    /// Nothing runs this kind of code.
    #[error("no plugin offers the runtime `{kind}`")]
    NoRuntime {
        /// `[runtime] kind`.
        kind: String,
    },
    /// Nothing keeps this kind of data.
    #[error("no plugin offers the service `{kind}`")]
    NoService {
        /// `[services.NAME] kind`.
        kind: String,
    },
    /// A plugin refused.
    #[error("{what} refuses")]
    Plugin {
        /// Which.
        what: String,
        /// Why.
        #[source]
        source: Failure,
    },
    /// A bind takes from something that is not there.
    #[error("`[[bind]] from = \"{from}\"`: {why}")]
    BindSource {
        /// The source as written.
        from: String,
        /// What is wrong.
        why: String,
    },
    /// A bind leads to where silver does not write.
    #[error("`[[bind]] to` a key of `{file}`, which lies in the application's data")]
    BindIntoData {
        /// File below the instance directory.
        file: TreePath,
    },
    /// A secret would lie in data.
    #[error("secret `{secret}` would lie in the data, in `{file}`")]
    SecretInState {
        /// The secret.
        secret: String,
        /// File below the instance directory.
        file: TreePath,
    },
    /// A secret would be seen in the list of processes.
    #[error("`${{{name}}}` in {place} would show a secret in the list of processes")]
    SecretArgument {
        /// The variable.
        name: String,
        /// Where it is used.
        place: String,
    },
    /// A key that is bound is not owned.
    #[error("`{key}` of `{file}` is bound, but not among its `owned-keys`")]
    NotOwned {
        /// File below the instance directory.
        file: TreePath,
        /// The key.
        key: String,
    },
    /// A file of the merged tree cannot be read.
    #[error("`{file}` cannot be read")]
    Read {
        /// Path in the release tree.
        file: TreePath,
        /// Why.
        #[source]
        source: Failure,
    },
    /// The owned keys of a config cannot be read.
    #[error("the owned keys of `{file}` cannot be read")]
    Keys {
        /// Path in the release tree.
        file: TreePath,
        /// Why.
        #[source]
        source: RenderError,
    },
    /// A variable that is silver's own.
    #[error("`{name}` cannot be set: it is silver's")]
    Reserved {
        /// The variable.
        name: String,
    },
    /// An override of a process that the pack does not have.
    #[error("`[processes.{name}]` of customize.toml: the pack has no such process")]
    NoProcess {
        /// The process.
        name: String,
        /// Those it has.
        known: Vec<String>,
    },
    /// Periodic commands, and nothing that runs them.
    #[error("the pack has periodic commands (`[[cron]]`), which node `{node}` has no timers for")]
    NoTimers {
        /// The node.
        node: String,
    },
    /// A build step makes a directory in which the merged tree has files.
    #[error("a build step makes `{outputs}`, where the merged tree has files already: `{path}`")]
    OutputTaken {
        /// What it makes.
        outputs: TreePath,
        /// One of the files.
        path: TreePath,
    },
    /// A build step takes nothing.
    #[error("the merged tree has nothing for the build step `{command}`: {inputs}")]
    NoInput {
        /// Program and arguments.
        command: String,
        /// Its globs.
        inputs: String,
    },
    /// A path that the manifest joins is none.
    #[error("`{path}` is not a path of the release")]
    Path {
        /// As joined.
        path: String,
    },
}

impl ResolveError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Name { .. } => "use lower-case letters, digits and `-`, at most 63: `--name=NAME`".into(),
            Self::Silver { .. } => "use another version of silver, or of the pack".into(),
            Self::Platform { .. } => "build the pack for this platform: `silver pack DIR` on such a machine".into(),
            Self::Packages { missing, .. } => format!("install them: `apt-get install {}`", missing.join(" ")),
            Self::NoRuntime { .. } | Self::NoService { .. } => "a newer silver may know it".into(),
            Self::Plugin { source: Failure::Invalid(diagnostics), .. } => {
                return diagnostics.first().and_then(|diagnostic| diagnostic.help.clone());
            }
            Self::SecretInState { .. } | Self::BindIntoData { .. } => {
                "the pack's author should bind it to the environment, to a template or to a file outside `[state]`".into()
            }
            Self::SecretArgument { .. } => "the program should take it from its environment or from a rendered file".into(),
            Self::NotOwned { key, .. } => format!("the pack's author should add \"{key}\" to `owned-keys`"),
            Self::NoProcess { known, .. } if !known.is_empty() => format!("there are: {}", known.join(", ")),
            Self::NoTimers { .. } => "deploy it to a server (`--node=NAME`), where systemd has them".into(),
            Self::OutputTaken { .. } => "put them where the step takes its inputs from, or let it write elsewhere".into(),
            Self::NoInput { .. } => "the pack's author should look at `inputs` of the step".into(),
            Self::Keys { source, .. } => return source.hint(),
            _ => return None,
        })
    }
}
