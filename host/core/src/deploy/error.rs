//! What can go wrong between a release that is wanted and its outcome.

use crate::{
    node::{LOCAL, NodeError},
    plan::Refusal,
};
use silver_pack::listing::ListingError;
use silver_plugin_api::Digest;

/// Why an update did not come to an outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    /// The planner refuses.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The application changed between plan and lock.
    #[error("`{app}` was changed by somebody else after the plan was made")]
    Stale {
        /// Application.
        app: String,
    },
    /// A plan that was approved is not what would be done now.
    #[error("`{app}`: what would be done now is not what was approved; it differs in {}", .parts.join(", "))]
    NotApproved {
        /// Application.
        app: String,
        /// In what, for people.
        parts: Vec<String>,
    },
    /// A plan that was approved, and everything is as it says already.
    #[error("`{app}`: there is nothing left to do of what was approved: {why}")]
    Superfluous {
        /// Application.
        app: String,
        /// Why.
        why: String,
    },
    /// The connection broke during the transition, and the node does not remember its end.
    #[error("the connection broke during the change of `{app}`, and the node does not tell how it ended")]
    Unwatched {
        /// Application.
        app: String,
        /// What was noticed here.
        #[source]
        source: NodeError,
    },
    /// The connection broke during the transition, and the node cannot be reached any more.
    #[error("the connection broke during the change of `{app}`, which goes on, and the node cannot be reached any more")]
    OutOfSight {
        /// Application.
        app: String,
        /// What was noticed here.
        #[source]
        source: NodeError,
    },
    /// What should be sent cannot be read.
    #[error("{what} cannot be read")]
    Read {
        /// What.
        what: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A tree of the node is not one.
    #[error("the node sent the lines of a tree that cannot be read")]
    Listing(#[from] ListingError),
    /// What a node says that a build step made is not what one can make.
    #[error("the node says that the build step `{command}` made `{path}`, which is not its to make")]
    Assembled {
        /// Program and arguments.
        command: String,
        /// Where.
        path: String,
    },
    /// A tree of the node has another digest.
    #[error("the node sent another tree than {digest}")]
    Tree {
        /// What was asked for.
        digest: Digest,
    },
}

impl DeployError {
    /// What a program said last before it failed, line by line: data.
    pub fn log(&self) -> &[String] {
        if let Self::Node(error) = self { error.log() } else { &[] }
    }

    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(refusal) => refusal.hint(),
            Self::Node(error) => error.hint(),
            Self::Stale { .. } => Some("look at the new plan and decide again: run the same command once more".into()),
            Self::NotApproved { .. } | Self::Superfluous { .. } => {
                Some("nothing was changed; make a new plan with `silver plan` and have that approved".into())
            }
            Self::OutOfSight { app, source } => {
                let on = server(source).map(|node| format!(" --node {node}")).unwrap_or_default();
                Some(format!("when the node can be reached again, `silver status {app}{on}` tells how it goes, or how it ended"))
            }
            Self::Unwatched { app, source } => Some(match server(source) {
                None => format!("`silver status {app}` and `silver registry log` tell how it ended"),
                // its log is read in a copy
                Some(node) => format!(
                    "`silver status {app} --node {node}` tells how it ended; or `silver registry pull {node}`, and then `silver registry log --node {node}`"
                ),
            }),
            Self::Listing(_) | Self::Tree { .. } | Self::Assembled { .. } => {
                Some("`silver registry verify` looks for what was altered".into())
            }
            Self::Read { .. } => None,
        }
    }
}

/// The server whose connection broke; `None` for this machine.
fn server(error: &NodeError) -> Option<&str> {
    match error {
        NodeError::Broken { node, .. } if node != LOCAL => Some(node),
        _ => None,
    }
}
