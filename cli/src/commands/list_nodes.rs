use crate::{context::Context, error::Result, exit::Exit, node, nodes::NodesFile};
use serde::Serialize;
use silver_core::{
    node::{Node, NodeError},
    nodes::NodeEntry,
};
use silver_transport::ssh::Install;
use std::sync::Arc;
use tokio::{sync::Semaphore, task::JoinSet};

/// So many servers are asked at the same time.
const AT_ONCE: usize = 16;

#[derive(Serialize)]
struct Row {
    node: String,
    address: String,
    state: &'static str,
    silver: Option<String>,
    setup: Option<String>,
    apps: Option<usize>,
    free_bytes: Option<u64>,
    memory_mib: Option<u64>,
    message: Option<String>,
}

/// `silver list-nodes`.
pub fn run(context: &Context) -> Result {
    let file = NodesFile::read(context)?;
    let empty = format!("no servers are noted in {}: `silver add-node NAME USER@HOST`", file.path.display());
    let rows = context.block_on(async {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let mut asked = JoinSet::new();
        for (name, entry) in file.nodes.nodes {
            let node = node::connect_with(context, &name, Install::Never)?;
            let turns = Arc::clone(&turns);
            asked.spawn(async move {
                let _turn = turns.acquire().await;
                row(&node, &entry).await
            });
        }
        let mut rows = asked.join_all().await;
        rows.sort_by(|a, b| a.node.cmp(&b.node));
        Ok(rows)
    })?;
    context.ui.list(&rows, &empty)?;
    Ok(Exit::Done)
}

async fn row(node: &dyn Node, entry: &NodeEntry) -> Row {
    let mut row = Row {
        node: node.name().to_owned(),
        address: entry.address.to_string(),
        state: "reachable",
        silver: None,
        setup: None,
        apps: None,
        free_bytes: None,
        memory_mib: None,
        message: None,
    };
    match tokio::try_join!(node.facts(), node.apps()) {
        Ok((mut facts, apps)) => {
            row.setup = facts.extra.remove("setup.version");
            row.silver = Some(facts.silver);
            row.apps = Some(apps.len());
            row.free_bytes = Some(facts.free_bytes);
            row.memory_mib = Some(facts.memory_mib);
        }
        Err(error) => {
            row.state = match error {
                NodeError::NotSetUp { .. } => "bare",
                NodeError::NoAgent { .. } => "without agent",
                NodeError::HostKey { .. } => "another host key",
                NodeError::Unreachable { .. } | NodeError::Closed { .. } => "unreachable",
                _ => "failed",
            };
            row.message = Some(error.to_string());
        }
    }
    row
}
