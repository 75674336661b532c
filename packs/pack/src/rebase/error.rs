//! Why nothing is done.

use crate::{render::RenderError, snapshot::ReadError};
use silver_plugin_api::{Digest, Failure, TreePath};
use std::io;

/// Why nothing is done.
#[derive(Debug, thiserror::Error)]
pub enum RebaseError {
    /// A choice for a file that replaces nothing.
    #[error("`{path}` replaces no file of the pack")]
    NoSuchOverride {
        /// What was named.
        path: TreePath,
        /// What is probably meant.
        hint: Option<String>,
    },
    /// The operator's side of a file that the pack has no more, where only what the pack has can be replaced.
    #[error("`{file}` cannot stay as a file of its own: the pack has no `{path}` to be replaced")]
    CannotStay {
        /// The operator's file.
        file: TreePath,
        /// The pack's.
        path: TreePath,
    },
    /// A choice for a file of a base.
    #[error("`{file}` comes from the base `{base}`")]
    InBase {
        /// The file.
        file: TreePath,
        /// The base.
        base: String,
    },
    /// The bytes that a file was made from are not what they were.
    #[error("what `{file}` was made from has been altered: it is {found}, the lock says {expected}")]
    Altered {
        /// The operator's file.
        file: TreePath,
        /// What the lock says.
        expected: Digest,
        /// What was found.
        found: Digest,
    },
    /// They could not be read.
    #[error("cannot read what `{file}` was made from")]
    Base {
        /// The operator's file.
        file: TreePath,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// One of the two files could not be read.
    #[error("cannot read what is to be merged")]
    Read(#[from] ReadError),
    /// `customize.toml` could not be edited.
    #[error("cannot edit customize.toml")]
    Edit(#[from] RenderError),
    /// The result is no tree.
    #[error("the files do not go together: {0}")]
    Files(Failure),
}

impl RebaseError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoSuchOverride { hint, .. } => hint.clone(),
            Self::CannotStay { file, .. } => Some(format!(
                "`--theirs {file}` takes it out; what is to be kept of it goes into a file that replaces another one of the pack"
            )),
            Self::InBase { base, .. } => {
                Some(format!("settle it there, for all sites: `silver customize rebase PACK --customize={base}`"))
            }
            Self::Altered { .. } => {
                Some("`silver registry verify` tells what else was; or give the former pack with `--base`".into())
            }
            Self::Read(error) => error.hint(),
            Self::Base { .. } | Self::Edit(_) | Self::Files(_) => None,
        }
    }
}
