//! Why a pack could not be built.

use crate::{
    CommandError, DebianError, NpmError, origin::OriginError, requirements::RequirementsError, sources::SourceError,
    wheels::WheelError,
};
use silver_pack::{archive::WriteError, manifest::ManifestError, pack::PackError, snapshot::ReadError};
use silver_plugin_api::{Digest, TreePath};
use std::{io, path::PathBuf};

/// Why a pack could not be built. Nothing was written in any of these cases.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// What the pack is made of cannot be used.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// The manifest is wrong.
    #[error("the manifest is wrong")]
    Manifest(#[from] ManifestError),
    /// The files could not be gathered.
    #[error("cannot gather the files of the pack")]
    Sources(#[from] SourceError),
    /// A gathered file could not be read.
    #[error("cannot read a file of the pack")]
    File(#[from] ReadError),
    /// The requirements are not exact.
    #[error("the requirements are not exact")]
    Requirements(#[from] RequirementsError),
    /// The wheels could not be had.
    #[error("cannot get the wheels of the pack")]
    Wheels(#[from] WheelError),
    /// The recipe `npm`.
    #[error("cannot get the packages of `build.npm`")]
    Npm(#[from] NpmError),
    /// The recipe `debian`.
    #[error("cannot get the packages of `build.debian`")]
    Debian(#[from] DebianError),
    /// The recipe `command`.
    #[error("cannot make the files of `build.command`")]
    Command(#[from] CommandError),
    /// A plugin other than the one that the manifest names.
    #[error("the plugin `{file}` is {found}, but `pack.toml` names {named}")]
    OtherPlugin {
        /// The file.
        file: TreePath,
        /// What the manifest says.
        named: Digest,
        /// What it is.
        found: Digest,
    },
    /// Reading from the disk.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Writing to the disk.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Making the archive.
    #[error("cannot make `{}`", path.display())]
    Archive {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: WriteError,
    },
    /// What was made does not open.
    #[error("the pack that was made is not valid")]
    Made(#[source] Box<PackError>),
}

impl From<PackError> for BuildError {
    fn from(error: PackError) -> Self {
        Self::Made(Box::new(error))
    }
}

impl BuildError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Origin(error) => error.hint(),
            Self::Manifest(error) => error.hint(),
            Self::Sources(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Requirements(error) => Some(error.hint.to_owned()),
            Self::Wheels(error) => error.hint(),
            Self::Npm(error) => error.hint(),
            Self::Debian(error) => error.hint(),
            Self::Command(error) => error.hint(),
            Self::OtherPlugin { .. } => {
                Some("compile the plugins again, or take `sha256` out of `pack.toml`: it is filled in by itself".to_owned())
            }
            Self::Archive { source, .. } => source.hint(),
            Self::Made(error) => error.hint(),
            Self::Read { .. } | Self::Write { .. } => None,
        }
    }
}
