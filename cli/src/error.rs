//! The one error that commands return: what failed, why, and the way out.

use crate::exit::Exit;
use silver_agent::{
    front::BindError,
    server::{CarryError, ServeError},
};
use silver_build::{DebianError, NpmError, build::BuildError, index::IndexError, keys::KeyFileError};
use silver_core::{
    deploy::DeployError,
    node::NodeError,
    nodes::{EditError, UnknownNode},
    plan::Refusal,
    resolve::ResolveError,
};
use silver_extensions::ExtensionError;
use silver_pack::{
    commit::CommitError, customization::CustomizationError, document::DocumentError, export::ExportError, merge::MergeError,
    pack::PackError, rebase::RebaseError, render::RenderError, signature::SecretError, snapshot::ReadError,
};
use silver_providers::ProviderError;
use silver_registry::{MirrorError, RegistryError};
use std::error::Error;

/// The result of a command.
pub type Result<T = Exit> = std::result::Result<T, CommandError>;

/// An error on its way to the terminal: printed as `error:`, `caused by:` and `hint:` lines.
#[derive(Debug)]
pub struct CommandError {
    /// The exit code.
    pub exit: Exit,
    /// What failed; the chain of sources says why.
    pub error: Box<dyn Error + Send + Sync>,
    /// Ways out.
    pub hints: Vec<String>,
    /// What a program on the node said last.
    pub log: Vec<String>,
}

impl CommandError {
    /// An error with an exit code.
    pub fn new(exit: Exit, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { exit, error: error.into(), hints: Vec::new(), log: Vec::new() }
    }

    /// Wrong command line or input.
    pub fn usage(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Exit::Usage, error)
    }

    /// The same error with a way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same error with a way out, if there is one.
    #[must_use]
    pub fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hints.extend(hint);
        self
    }

    /// The causes below the error, outermost first.
    pub fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut next = self.error.source();
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        causes
    }
}

/// Conversions from library errors decide the exit code and collect the hint; they stand here and
/// nowhere else.
macro_rules! from_library {
    ($($error:ty => $exit:expr),* $(,)?) => {$(
        impl From<$error> for CommandError {
            fn from(error: $error) -> Self {
                let hint = error.hint();
                Self::new($exit, error).maybe_hint(hint)
            }
        }
    )*};
}

from_library! {
    ResolveError => Exit::Error,
    CustomizationError => Exit::Usage,
    DocumentError => Exit::Usage,
    RenderError => Exit::Usage,
    MergeError => Exit::Usage,
    ExportError => Exit::Error,
    ReadError => Exit::Integrity,
    ExtensionError => Exit::Error,
    ServeError => Exit::Error,
    IndexError => Exit::Error,
    ProviderError => Exit::Error,
    EditError => Exit::Usage,
}

impl From<UnknownNode> for CommandError {
    fn from(error: UnknownNode) -> Self {
        let hint = error.hint();
        Self::usage(error).hint(hint)
    }
}

impl From<RebaseError> for CommandError {
    fn from(error: RebaseError) -> Self {
        let exit = match &error {
            RebaseError::Altered { .. } | RebaseError::Read(_) => Exit::Integrity,
            RebaseError::NoSuchOverride { .. }
            | RebaseError::CannotStay { .. }
            | RebaseError::InBase { .. }
            | RebaseError::Edit(_) => Exit::Usage,
            RebaseError::Base { .. } | RebaseError::Files(_) => Exit::Error,
        };
        let hint = error.hint();
        Self::new(exit, error).maybe_hint(hint)
    }
}

impl From<CommitError> for CommandError {
    fn from(error: CommitError) -> Self {
        let exit = if matches!(error, CommitError::Busy { .. }) { Exit::Locked } else { Exit::Error };
        let hint = error.hint();
        Self::new(exit, error).maybe_hint(hint)
    }
}

impl From<CarryError> for CommandError {
    fn from(error: CarryError) -> Self {
        let exit = if matches!(error, CarryError::Lock(_)) { Exit::Locked } else { Exit::Error };
        Self::new(exit, error)
    }
}

impl From<NodeError> for CommandError {
    fn from(error: NodeError) -> Self {
        let (hint, log) = (error.hint(), error.log().to_vec());
        Self { log, ..Self::new(node_exit(&error), error).maybe_hint(hint) }
    }
}

impl From<BindError> for CommandError {
    fn from(error: BindError) -> Self {
        let hint = error.hint().map(|hint| format!("{hint} (SILVER_PORT)"));
        Self::new(Exit::Unreachable, error).maybe_hint(hint)
    }
}

impl From<DeployError> for CommandError {
    fn from(error: DeployError) -> Self {
        let exit = match &error {
            DeployError::Node(error) | DeployError::Unwatched { source: error, .. } => node_exit(error),
            DeployError::OutOfSight { .. } => Exit::Unreachable,
            DeployError::Listing(_) | DeployError::Tree { .. } => Exit::Integrity,
            DeployError::Refused(Refusal::BadLocation { .. }) => Exit::Usage,
            DeployError::Refused(Refusal::Running { .. }) => Exit::Locked,
            DeployError::Refused(Refusal::OtherPack { .. } | Refusal::OtherKey { .. } | Refusal::Unsigned { .. }) => {
                Exit::Integrity
            }
            _ => Exit::Error,
        };
        let (hint, log) = (error.hint(), error.log().to_vec());
        Self { log, ..Self::new(exit, error).maybe_hint(hint) }
    }
}

fn node_exit(error: &NodeError) -> Exit {
    match error {
        NodeError::Unreachable { .. }
        | NodeError::Closed { .. }
        | NodeError::NotSetUp { .. }
        | NodeError::NoAgent { .. }
        | NodeError::Unsuitable { .. }
        | NodeError::Broken { .. }
        | NodeError::Version { .. } => Exit::Unreachable,
        NodeError::Busy { .. } => Exit::Locked,
        NodeError::Integrity(_) | NodeError::HostKey { .. } => Exit::Integrity,
        _ => Exit::Error,
    }
}

impl From<RegistryError> for CommandError {
    fn from(error: RegistryError) -> Self {
        let exit = match error {
            RegistryError::Digest { .. } | RegistryError::Damaged { .. } | RegistryError::ForeignHead { .. } => Exit::Integrity,
            RegistryError::Unusable { .. } => Exit::Usage,
            _ => Exit::Error,
        };
        let hint = error.hint();
        Self::new(exit, error).maybe_hint(hint)
    }
}

impl From<MirrorError> for CommandError {
    fn from(error: MirrorError) -> Self {
        match error {
            MirrorError::Registry(error) => error.into(),
            error => {
                let hint = error.hint();
                Self::new(Exit::Integrity, error).maybe_hint(hint)
            }
        }
    }
}

impl From<PackError> for CommandError {
    fn from(error: PackError) -> Self {
        let exit = if error.is_integrity() { Exit::Integrity } else { Exit::Usage };
        let hint = error.hint();
        Self::new(exit, error).maybe_hint(hint)
    }
}

impl From<silver_plugin_build::BuildError> for CommandError {
    fn from(error: silver_plugin_build::BuildError) -> Self {
        use silver_plugin_build::BuildError;
        let exit = match error {
            BuildError::NotEmpty(_) | BuildError::Name(_) | BuildError::NoProject(_) | BuildError::Project { .. } => Exit::Usage,
            _ => Exit::Error,
        };
        let hint = error.hint();
        Self::new(exit, error).maybe_hint(hint)
    }
}

impl From<KeyFileError> for CommandError {
    fn from(error: KeyFileError) -> Self {
        let exit = match &error {
            KeyFileError::Exists { .. }
            | KeyFileError::Secret { source: SecretError::Encrypted | SecretError::Passphrase, .. } => Exit::Usage,
            KeyFileError::Io { .. } => Exit::Error,
            KeyFileError::Secret { .. } | KeyFileError::Public { .. } | KeyFileError::Rotations { .. } => Exit::Integrity,
        };
        let hint = error.hint();
        Self::new(exit, error).maybe_hint(hint)
    }
}

impl From<BuildError> for CommandError {
    fn from(error: BuildError) -> Self {
        let exit = match &error {
            BuildError::Origin(error) if error.is_integrity() => Exit::Integrity,
            BuildError::Origin(_)
            | BuildError::Manifest(_)
            | BuildError::Sources(_)
            | BuildError::Requirements(_)
            | BuildError::OtherPlugin { .. }
            | BuildError::Npm(NpmError::Lock(_))
            | BuildError::Debian(DebianError::Pins(_) | DebianError::Links(_) | DebianError::Missing { .. }) => Exit::Usage,
            BuildError::Wheels(error) if error.is_integrity() => Exit::Integrity,
            BuildError::Npm(error) if error.is_integrity() => Exit::Integrity,
            BuildError::Debian(error) if error.is_integrity() => Exit::Integrity,
            _ => Exit::Error,
        };
        let hint = error.hint();
        Self::new(exit, error).maybe_hint(hint)
    }
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Error, error)
    }
}
