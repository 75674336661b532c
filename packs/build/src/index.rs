//! Package indexes, where app plugins come from.

mod directory;
mod failure;
mod known;
mod npm;
mod python;

pub use directory::{DirectoryIndex, Place};
pub use npm::NpmIndex;
pub use python::{Consent, PythonIndex};

use crate::{
    requirements::RequirementsError,
    store::Stored,
    unpack::{self, Package},
};
use silver_pack::{manifest::IndexKind, snapshot::ReadError};
use silver_plugin_api::{
    Digest, Failure, TreePath,
    index::{Index, PackageRef},
};

/// The digest of a package that is not known yet.
pub const UNKNOWN: Digest = Digest::from_bytes([0; 32]);

/// The key of [`PackageRef::extra`] with the digest of the source package that a package was built
/// from here.
pub const EXTRA_BUILT_FROM: &str = "built-from";

/// An index that silver itself reaches.
pub trait PackageIndex: Index {
    /// Its kind.
    fn kind(&self) -> IndexKind;

    /// The file of a package, verified, in the download cache.
    fn file(&self, what: &PackageRef) -> Result<Stored, Failure>;

    /// The package as a tree.
    fn package(&self, what: &PackageRef) -> Result<(Stored, Package), Failure> {
        let file = self.file(what)?;
        let package = unpack::open(self.kind(), &file).map_err(|error| failure::of_unpacking(&error))?;
        Ok((file, package))
    }
}

/// Why a pack's index cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A file of the pack that the index needs cannot be read.
    #[error("cannot read what the pack says about its package index")]
    Read(#[from] ReadError),
    /// The list is not what it should be.
    #[error("the pack's list of packages `{path}` cannot be read")]
    List {
        /// Which.
        path: TreePath,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// The pins are not exact.
    #[error("the pack's pins are not exact")]
    Pins(#[from] RequirementsError),
    /// Wheels that were built before cannot be laid out for pip.
    #[error("cannot lay out what was built here")]
    Cache(#[source] std::io::Error),
    /// Nobody says where the index is.
    #[error("neither the pack nor the customization says where the {} index is", .0.as_str())]
    NoPlace(IndexKind),
}

impl IndexError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Read(error) => error.hint(),
            Self::List { .. } => {
                Some("ask the publisher of the pack: it is a list of `{\"name\": …, \"summary\": …}`".to_owned())
            }
            Self::Pins(error) => Some(error.hint.to_owned()),
            Self::Cache(_) => None,
            Self::NoPlace(kind) => Some(format!("write `url` or `directory` below [index.{}] of customize.toml", kind.as_str())),
        }
    }
}
