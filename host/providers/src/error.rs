//! What goes wrong while a node is made or moved.

use std::{io, path::PathBuf, process::ExitStatus};

/// Why a provider did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// This machine cannot make nodes.
    #[error("this machine cannot make nodes: {why}")]
    Unable {
        /// What it lacks.
        why: String,
        /// The way out.
        hint: Option<String>,
    },
    /// A program could not be started.
    #[error("`{program}` cannot be started")]
    Start {
        /// Its name.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A program failed.
    #[error("`{program}` failed ({status}): {said}")]
    Program {
        /// Its name.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it said.
        said: String,
    },
    /// A file or directory could not be made, read or removed.
    #[error("{path}: cannot {action}")]
    File {
        /// Which one.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A file of silver's own does not say what it should.
    #[error("{path} is damaged: {why}")]
    Damaged {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Not a name that a host can have.
    #[error("`{0}` is no name for a node")]
    Name(String),
    /// There is one of that name.
    #[error("there is a node `{0}` already")]
    Exists(String),
    /// There is none of that name.
    #[error("there is no node `{0}`")]
    NoSuchNode(String),
    /// There is no image of that name.
    #[error("there is no image `{0}`")]
    NoSuchImage(String),
    /// Every address is taken.
    #[error("all addresses of the network are taken")]
    Crowded,
    /// The node is not running, or ended while it was waited for.
    #[error("the node `{node}` does not run{said}")]
    NotRunning {
        /// Its name.
        node: String,
        /// The end of its console, if it said anything.
        said: String,
    },
    /// It did not get so far in time.
    #[error("the node `{node}` was not {what} within {seconds} s{said}")]
    Slow {
        /// Its name.
        node: String,
        /// What was waited for: `reachable over ssh`.
        what: &'static str,
        /// For how long.
        seconds: u64,
        /// The end of its console, if it said anything.
        said: String,
    },
}

impl ProviderError {
    /// The way out, if there is one to tell.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unable { hint, .. } => hint.clone(),
            Self::Start { source, program } if source.kind() == io::ErrorKind::NotFound => {
                Some(format!("install what has `{program}`"))
            }
            Self::Name(_) => Some("letters, digits and hyphens, at most 32: web1".into()),
            Self::Exists(name) => Some(format!("choose another name, or `silver destroy-node {name}`")),
            Self::NoSuchImage(_) => Some("`silver list-images` lists them".into()),
            Self::Crowded => Some("`silver destroy-node` those that nobody needs".into()),
            _ => None,
        }
    }

    /// For `map_err`: what was tried with which path.
    pub(crate) fn file(path: impl Into<PathBuf>, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, action, source }
    }
}
