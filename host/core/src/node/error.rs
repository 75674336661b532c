//! What goes wrong between a command and a node.

/// Why a node did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// It cannot be reached.
    #[error("node `{node}` cannot be reached: {reason}")]
    Unreachable {
        /// Which node.
        node: String,
        /// Why, in words.
        reason: String,
    },
    /// It is there and lets nobody in, or nobody becomes root there.
    #[error("node `{node}` cannot be reached: {reason}")]
    Closed {
        /// Which node.
        node: String,
        /// Why, in words.
        reason: String,
        /// The way out.
        hint: String,
    },
    /// The host does not show the key that it is known by.
    #[error("node `{node}` is not who it has to be: {reason}")]
    HostKey {
        /// Which node.
        node: String,
        /// Which key it shows.
        reason: String,
        /// The way out.
        hint: String,
    },
    /// No silver has prepared it yet.
    #[error("node `{node}` is not set up")]
    NotSetUp {
        /// Which node.
        node: String,
    },
    /// It was set up, and has no agent of this build.
    #[error("node `{node}` has no agent of this silver yet")]
    NoAgent {
        /// Which node.
        node: String,
        /// The version of the silver that is there instead, as the node says.
        theirs: Option<String>,
    },
    /// The agent does not run there.
    #[error("silver's agent does not run on node `{node}`: {reason}")]
    Unsuitable {
        /// Which node.
        node: String,
        /// Why, in words.
        reason: String,
        /// The way out.
        hint: String,
    },
    /// The connection broke in the middle.
    #[error("the connection to node `{node}` broke: {reason}")]
    Broken {
        /// Which node.
        node: String,
        /// Why, in words.
        reason: String,
    },
    /// Another command changes the application.
    #[error("`{app}` is locked by {by}")]
    Busy {
        /// Which application.
        app: String,
        /// Who holds the lock, as the node says.
        by: String,
    },
    /// Another version of silver, which must not be restarted now.
    #[error("the agent of node `{node}` is silver {theirs}, this is {ours}")]
    Version {
        /// Which node.
        node: String,
        /// The agent's version.
        theirs: String,
        /// This command's version.
        ours: String,
    },
    /// The application, release or log does not exist there.
    #[error("{0}")]
    NotFound(String),
    /// What the node has or got does not have the digest it should have.
    #[error("{0}")]
    Integrity(String),
    /// What the plan was made from has changed on the node.
    #[error("{0}")]
    Stale(String),
    /// The node's disk is full.
    #[error("{0}")]
    Full(String),
    /// The node refused or failed; its words.
    #[error("{message}")]
    Failed {
        /// What it said.
        message: String,
        /// Why.
        #[source]
        cause: Option<Box<Cause>>,
        /// The way out, if it knows one.
        hint: Option<String>,
        /// What the application said last, line by line.
        log: Vec<String>,
    },
    /// It answered something that is not an answer to the question.
    #[error("node `{node}` answered {answer} where {expected} was expected")]
    Unexpected {
        /// Which node.
        node: String,
        /// What it answered.
        answer: String,
        /// What should have come.
        expected: &'static str,
    },
    /// Reading what was to be sent failed.
    #[error("reading {what} to send it failed")]
    Read {
        /// What was read.
        what: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// What a node says was the cause of something, and what was the cause of that.
#[derive(Debug, thiserror::Error)]
#[error("{said}")]
pub struct Cause {
    said: String,
    source: Option<Box<Cause>>,
}

impl Cause {
    /// So many are told.
    const MOST: usize = 16;

    /// Of these, the outermost first; `None` when there are none.
    pub fn chain(mut causes: Vec<String>) -> Option<Box<Self>> {
        causes.truncate(Self::MOST);
        causes.into_iter().rev().fold(None, |source, said| Some(Box::new(Self { said, source })))
    }
}

impl NodeError {
    /// What a program said last before it failed, line by line: data.
    pub fn log(&self) -> &[String] {
        if let Self::Failed { log, .. } = self { log } else { &[] }
    }

    /// The way out, if there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Busy { app, .. } => Some(format!("wait until it is done, or look at `silver status {app}`")),
            Self::Version { .. } => {
                Some("wait until the running update is done and try again: the agent is then restarted".into())
            }
            Self::Broken { .. } => {
                Some("a change that was submitted goes on without this command; `silver status` tells how it ended".into())
            }
            Self::Closed { hint, .. } | Self::HostKey { hint, .. } | Self::Unsuitable { hint, .. } => Some(hint.clone()),
            Self::NotSetUp { node } => {
                Some(format!("`silver setup-node {node}` prepares it; `--dry-run` shows what it would do"))
            }
            Self::NoAgent { .. } => Some("the next command that uses the node copies it".into()),
            Self::Stale(_) => Some("look at the new plan and decide again: run the same command once more".into()),
            Self::Full(_) => Some("make room on the node; nothing was changed".into()),
            Self::Failed { hint, .. } => hint.clone(),
            _ => None,
        }
    }
}
