//! What a node is asked before it is known what it shall have: it looks at the application while this side reads and
//! merges.

use crate::node::{Node, NodeError};
use silver_plugin_api::plan::{NodeFacts, Observed};
use tokio::task::JoinSet;

/// A node, and how an application on it is: the first is known, the second comes.
pub struct Glance {
    /// The node.
    pub facts: NodeFacts,
    app: String,
    observed: JoinSet<Result<Observed, NodeError>>,
}

impl Glance {
    /// Asks both at once, and returns with the facts.
    pub async fn take<N: Node + Clone + 'static>(node: &N, app: &str) -> Result<Self, NodeError> {
        let mut observed = JoinSet::new();
        let (asked, name) = (node.clone(), app.to_owned());
        observed.spawn(async move { asked.observe(&name).await });
        Ok(Self { facts: node.facts().await?, app: app.to_owned(), observed })
    }

    /// Asks once more: something was changed since.
    pub async fn again<N: Node + Clone + 'static>(&mut self, node: &N) -> Result<(), NodeError> {
        *self = Self::take(node, &self.app).await?;
        Ok(())
    }

    /// How the application is.
    pub(super) async fn observed(&mut self) -> Result<Observed, NodeError> {
        let bug = |reason: String| NodeError::Broken { node: self.facts.name.clone(), reason };
        match self.observed.join_next().await {
            Some(Ok(observed)) => observed,
            Some(Err(error)) => Err(bug(error.to_string())),
            None => Err(bug("it was looked at twice".into())),
        }
    }
}
