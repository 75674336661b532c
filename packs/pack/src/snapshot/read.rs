//! Reading files of a snapshot; every byte that is given has been checked against its digest.

use super::{Altered, Snapshot, Verified};
use crate::listing::{Kind, Node};
use silver_plugin_api::{Digest, Failure, TreePath};
use std::io::{self, Read};

/// The most bytes that are read into memory at once.
pub const MAX_READ: u64 = 256 << 20;

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Nothing there.
    #[error("`{path}` does not exist")]
    Missing {
        /// Where.
        path: TreePath,
    },
    /// A link or a directory where a file is wanted, or a file where a link is.
    #[error("`{path}` is not a {wanted}")]
    Kind {
        /// Where.
        path: TreePath,
        /// `file` or `link`.
        wanted: &'static str,
    },
    /// Too big to be read at once.
    #[error("`{path}` is {size} bytes; at most {MAX_READ} are read at once")]
    TooBig {
        /// Where.
        path: TreePath,
        /// Its size.
        size: u64,
    },
    /// Not text.
    #[error("`{path}` is not UTF-8 text")]
    NotText {
        /// Where.
        path: TreePath,
    },
    /// The bytes are not those that the listing names.
    #[error("`{path}` has been altered")]
    Altered {
        /// Where.
        path: TreePath,
        /// What was found.
        #[source]
        source: Altered,
    },
    /// The store could not give the bytes.
    #[error("cannot read `{path}`")]
    Io {
        /// Where.
        path: TreePath,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl ReadError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Altered { .. } => Some("get a fresh copy of the pack, or run `silver registry verify`".to_owned()),
            Self::TooBig { .. } => Some("read it in pieces".to_owned()),
            _ => None,
        }
    }

    pub(crate) fn io(path: &TreePath, error: io::Error) -> Self {
        let path = path.clone();
        match error.downcast::<Altered>() {
            Ok(source) => Self::Altered { path, source },
            Err(source) => Self::Io { path, source },
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match &error {
            ReadError::Missing { path } => Self::NotFound(path.to_string()),
            ReadError::Kind { .. } => Self::invalid("wrong-kind", error.to_string(), None),
            ReadError::NotText { .. } => Self::invalid("not-utf8", error.to_string(), None),
            ReadError::TooBig { .. } => Self::Limit(error.to_string()),
            ReadError::Altered { source, .. } => Self::Unavailable(format!("{error}: {source}")),
            ReadError::Io { source, .. } => Self::Unavailable(format!("{error}: {source}")),
        }
    }
}

impl Snapshot {
    /// A reader of the file at `path` that fails at the end when the content is not the listed one.
    pub fn open(&self, path: &TreePath) -> Result<Verified<Box<dyn Read + Send + '_>>, ReadError> {
        self.open_node(path, self.file(path)?)
    }

    /// The whole of a file.
    pub fn bytes(&self, path: &TreePath) -> Result<Vec<u8>, ReadError> {
        self.bytes_of(path, self.file(path)?)
    }

    /// The whole of a file with its digest, which was compared with the content.
    pub fn content(&self, path: &TreePath) -> Result<(Vec<u8>, Digest), ReadError> {
        let node = self.file(path)?;
        Ok((self.bytes_of(path, node)?, node.digest))
    }

    /// The whole of a text file.
    pub fn text(&self, path: &TreePath) -> Result<String, ReadError> {
        String::from_utf8(self.bytes(path)?).map_err(|_| ReadError::NotText { path: path.clone() })
    }

    /// The target text of a link.
    pub fn link_target(&self, path: &TreePath) -> Result<String, ReadError> {
        let node = self.listing.get(path).ok_or_else(|| ReadError::Missing { path: path.clone() })?;
        if node.kind != Kind::Link {
            return Err(ReadError::Kind { path: path.clone(), wanted: "link" });
        }
        String::from_utf8(self.bytes_of(path, node)?).map_err(|_| ReadError::NotText { path: path.clone() })
    }

    fn file(&self, path: &TreePath) -> Result<&Node, ReadError> {
        match self.listing.get(path) {
            Some(node) if node.kind == Kind::Link => Err(ReadError::Kind { path: path.clone(), wanted: "file" }),
            Some(node) => Ok(node),
            None if self.listing.is_dir(path) => Err(ReadError::Kind { path: path.clone(), wanted: "file" }),
            None => Err(ReadError::Missing { path: path.clone() }),
        }
    }

    fn open_node(&self, path: &TreePath, node: &Node) -> Result<Verified<Box<dyn Read + Send + '_>>, ReadError> {
        let content = self.blobs.open(&node.digest).map_err(|error| ReadError::io(path, error))?;
        Ok(Verified::new(content, node.digest, node.size))
    }

    fn bytes_of(&self, path: &TreePath, node: &Node) -> Result<Vec<u8>, ReadError> {
        if node.size > MAX_READ {
            return Err(ReadError::TooBig { path: path.clone(), size: node.size });
        }
        let mut content = Vec::new();
        self.open_node(path, node)?.read_to_end(&mut content).map_err(|error| ReadError::io(path, error))?;
        Ok(content)
    }
}
