//! Why a pack cannot be used.

use crate::{
    archive::ArchiveError, listing::ListingError, manifest::ManifestError, signature::SignatureError, snapshot::ReadError,
};
use silver_plugin_api::{Digest, TreePath};
use std::path::PathBuf;

/// Why a pack cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The archive is not valid.
    #[error("cannot use `{}`", pack.display())]
    Archive {
        /// Which pack.
        pack: PathBuf,
        /// What is wrong.
        #[source]
        source: ArchiveError,
    },
    /// An archive, but not a pack.
    #[error("`{}` is a zip archive, but not a pack: it has no `.silver/tree`", pack.display())]
    NoTree {
        /// Which.
        pack: PathBuf,
    },
    /// `.silver/tree` is not a list of files.
    #[error("`{}`: `.silver/tree` cannot be read", pack.display())]
    Tree {
        /// Which pack.
        pack: PathBuf,
        /// What is wrong.
        #[source]
        source: ListingError,
    },
    /// A file that `.silver/tree` does not list.
    #[error("`{}`: `{path}` is in the archive, but not in `.silver/tree`", pack.display())]
    NotListed {
        /// Which pack.
        pack: PathBuf,
        /// Which file.
        path: TreePath,
    },
    /// A line of `.silver/tree` without its file.
    #[error("`{}`: `{path}` is in `.silver/tree`, but not in the archive", pack.display())]
    NotThere {
        /// Which pack.
        pack: PathBuf,
        /// Which file.
        path: TreePath,
    },
    /// A file that is not what `.silver/tree` says.
    #[error("`{}`: `{path}` is not the file that `.silver/tree` lists", pack.display())]
    Differs {
        /// Which pack.
        pack: PathBuf,
        /// Which file.
        path: TreePath,
    },
    /// Something that is not silver's in silver's directory.
    #[error("`{}`: `{path}` is in the directory `.silver`, which is silver's own", pack.display())]
    Reserved {
        /// Which pack.
        pack: PathBuf,
        /// Which file.
        path: TreePath,
    },
    /// What should be a signature is no small file.
    #[error("`{}`: `{path}` is not a small file of text", pack.display())]
    NoSignatureFile {
        /// Which pack.
        pack: PathBuf,
        /// Which file.
        path: TreePath,
    },
    /// The signature proves nothing.
    #[error("the signature of `{}` is not valid", pack.display())]
    Signature {
        /// Which pack.
        pack: PathBuf,
        /// What is wrong.
        #[source]
        source: SignatureError,
    },
    /// No `pack.toml`.
    #[error("`{}` has no `pack.toml`", pack.display())]
    NoManifest {
        /// Which pack.
        pack: PathBuf,
    },
    /// The manifest is wrong.
    #[error("the manifest of `{}` is wrong", pack.display())]
    Manifest {
        /// Which pack.
        pack: PathBuf,
        /// What is wrong.
        #[source]
        source: ManifestError,
    },
    /// A plugin that the manifest names is not there.
    #[error("`{}`: the manifest names the plugin `{file}`, which is not in the pack", pack.display())]
    NoPlugin {
        /// Which pack.
        pack: PathBuf,
        /// The plugin.
        file: TreePath,
    },
    /// A file that the pack shows about itself is not there.
    #[error("`{}`: `[pack] {field} = \"{file}\"`, which is not in the pack", pack.display())]
    NoFile {
        /// Which pack.
        pack: PathBuf,
        /// `icon`, `notes`.
        field: &'static str,
        /// The file.
        file: TreePath,
    },
    /// A plugin that is not the one that the manifest names.
    #[error("`{}`: the plugin `{file}` is {found}, but the manifest names {}", pack.display(), shown(named.as_ref()))]
    OtherPlugin {
        /// Which pack.
        pack: PathBuf,
        /// The plugin.
        file: TreePath,
        /// What the manifest says.
        named: Option<Digest>,
        /// What it is.
        found: Digest,
    },
    /// A file could not be read.
    #[error("cannot read `{}`", pack.display())]
    Read {
        /// Which pack.
        pack: PathBuf,
        /// What is wrong.
        #[source]
        source: ReadError,
    },
}

fn shown(digest: Option<&Digest>) -> String {
    digest.map_or_else(|| "no digest".to_owned(), Digest::to_string)
}

impl PackError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Archive { source, .. } => return source.hint(),
            Self::Manifest { source, .. } => return source.hint(),
            Self::Read { source, .. } => return source.hint(),
            Self::NoTree { .. } | Self::NoManifest { .. } => {
                "make a pack from a directory with `silver pack DIR`, or from this zip with `silver pack --from ZIP`"
            }
            Self::Signature { source: SignatureError::Legacy, .. } => {
                "sign it with `silver pack --sign`, or minisign 0.10 or later"
            }
            Self::Signature { .. } | Self::NoSignatureFile { .. } => {
                "the pack was changed after it was signed, or signed by somebody else: get a fresh copy from the publisher"
            }
            Self::Tree { .. }
            | Self::NotListed { .. }
            | Self::NotThere { .. }
            | Self::Differs { .. }
            | Self::Reserved { .. }
            | Self::NoPlugin { .. }
            | Self::NoFile { .. }
            | Self::OtherPlugin { .. } => {
                "the pack was changed after it was made: get a fresh copy, or make it again with `silver pack DIR`"
            }
        };
        Some(hint.to_owned())
    }

    /// Are the bytes other than they should be (as opposed to a file that is not a pack)?
    pub fn is_integrity(&self) -> bool {
        match self {
            Self::Archive { source, .. } => source.is_integrity(),
            Self::NoTree { .. } | Self::NoManifest { .. } | Self::Manifest { .. } => false,
            _ => true,
        }
    }
}
