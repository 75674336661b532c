//! Why a resource could not be looked at or put right.

use crate::disk::DiskError;
use silver_plugin_api::Digest;

/// Why a resource could not be looked at or put right.
#[derive(Debug, thiserror::Error)]
pub enum ResourceError {
    /// A file cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A program failed.
    #[error("`{program}` {ended}")]
    Program {
        /// Its command line.
        program: String,
        /// How it ended, in words.
        ended: String,
        /// What it said last: data, to be escaped.
        log: Vec<String>,
    },
    /// Nobody of this name.
    #[error("there is no {kind} `{name}` on the node")]
    NoAccount {
        /// `user` or `group`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// Something of another kind is there, and nothing is thrown away.
    #[error("a {is} is at {path}")]
    InTheWay {
        /// Where.
        path: String,
        /// What lies there.
        is: &'static str,
    },
    /// Somebody else than root could lead silver elsewhere.
    #[error("{path} is a link of somebody else than root, which is not followed")]
    ForeignLink {
        /// The link.
        path: String,
    },
    /// Keys of a file cannot be read or set.
    #[error("the keys of {path} cannot be read")]
    Keys {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        source: silver_pack::render::RenderError,
    },
    /// The node does not have these bytes.
    #[error("the node does not have the content {0}")]
    NoBlob(Digest),
    /// apt would remove what one gets in by.
    #[error("apt would also remove {}, by which one gets in", .0.join(", "))]
    WayIn(Vec<String>),
    /// In words.
    #[error("{0}")]
    Other(String),
}

impl ResourceError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Disk(error) => error.hint(),
            Self::InTheWay { path, .. } => Some(format!("look at {path} and move it away")),
            Self::WayIn(_) => Some("a set-up cannot undo that; where it is meant, do it by hand".into()),
            _ => None,
        }
    }

    /// What a program said last.
    pub fn log(&self) -> Vec<String> {
        if let Self::Program { log, .. } = self { log.clone() } else { Vec::new() }
    }
}
