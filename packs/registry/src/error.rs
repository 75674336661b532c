//! The one error type of the registry.

use silver_plugin_api::Digest;
use std::{io, path::Path, path::PathBuf};

/// Why something could not be done with a registry. What `verify` finds is no error but a
/// [`Report`](crate::verify::Report).
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There is no registry in this directory.
    #[error("there is no registry at {}", .0.display())]
    Absent(PathBuf),
    /// The `format` file names another format.
    #[error("{} is of a format that this silver does not read: `{found}`", path.display())]
    Format {
        /// The `format` file.
        path: PathBuf,
        /// Its first line.
        found: String,
    },
    /// The system refused.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// `read`, `write`, `rename`, …
        doing: &'static str,
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Content is not what its name promises.
    #[error("{what} has another digest: expected {expected}, found {found}")]
    Digest {
        /// Which content.
        what: String,
        /// The digest it goes by.
        expected: Digest,
        /// The digest it has.
        found: Digest,
    },
    /// No loose object and no kept pack has this content.
    #[error("the registry has no blob {0}")]
    NoBlob(Digest),
    /// No such tree.
    #[error("the registry has no tree {0}")]
    NoTree(Digest),
    /// No such pack.
    #[error("the registry has no pack {0}")]
    NoArchive(Digest),
    /// What was to be kept as a pack is no sound archive.
    #[error("the pack {archive} cannot be kept")]
    Archive {
        /// Digest of its bytes.
        archive: Digest,
        /// Why.
        #[source]
        source: silver_pack::archive::ArchiveError,
    },
    /// The log ends before this event.
    #[error("there is no event {index}: the log has {size}")]
    NoEvent {
        /// Wanted, counted from 0.
        index: u64,
        /// Events in the log.
        size: u64,
    },
    /// The event is about no release whose deployment is in the log.
    #[error("event {index} is not about a release")]
    NoRelease {
        /// The event.
        index: u64,
    },
    /// A file of the registry cannot be what silver wrote.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// In what way.
        why: String,
    },
    /// A text that was given is not a key or a tree head.
    #[error("{what} cannot be used: {why}")]
    Unusable {
        /// Which text: a path, or «the older tree head».
        what: String,
        /// Why.
        why: String,
    },
    /// The tree head is not signed by the key that is asked to go on with the log.
    #[error("the tree head at {} is not signed by the key `{key}`", path.display())]
    ForeignHead {
        /// The tree head.
        path: PathBuf,
        /// Name of the key.
        key: String,
    },
    /// The derived index failed; it can be deleted at any time.
    #[cfg(feature = "index")]
    #[error("the index {} failed", path.display())]
    Index {
        /// The database.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
}

impl RegistryError {
    /// The way out, for the person who reads the error.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Absent(_) => "a registry is made by the first deployment: `silver update PACK.zip`".into(),
            Self::Format { .. } => "use the version of silver that wrote it, or a newer one".into(),
            Self::Digest { .. } | Self::Damaged { .. } => {
                "`silver registry verify` lists every file that is not as recorded".into()
            }
            Self::ForeignHead { .. } => "the registry was written with another key; put the key back that belongs to it, \
                 or move the registry away to begin a new log"
                .into(),
            Self::NoRelease { .. } => "`silver registry log --kind deploy` lists the events that made a release".into(),
            Self::NoEvent { .. } => "`silver registry log` lists the events".into(),
            #[cfg(feature = "index")]
            Self::Index { .. } => "the index is derived: delete `index.sqlite` and run the command again".into(),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "free some space; nothing that was recorded is lost".into()
            }
            _ => return None,
        })
    }

    /// Makes an [`io::Error`] one of ours: `.map_err(RegistryError::io("read", path))`.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    /// [`RegistryError::Damaged`].
    pub(crate) fn damaged(path: &Path, why: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), why: why.into() }
    }
}
