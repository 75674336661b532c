use crate::{
    context::Context,
    error::Result,
    exit::Exit,
    node,
    nodes::NodesFile,
    set_up::{self, Planner},
};
use serde::Serialize;
use silver_core::{
    node::{Node, NodeError},
    nodes::NodeEntry,
    setup::{Proposal, SetupStanding, standing_of},
};
use silver_pack::hash;
use silver_plugin_api::{Digest, plan::NodeFacts, setup::SETUP_VERSION};
use silver_transport::ssh::Install;
use std::sync::Arc;
use tokio::{sync::Semaphore, task::JoinSet};

/// So many servers are asked at the same time.
const AT_ONCE: usize = 16;
/// So many resources that have drifted are named.
const NAMED: usize = 3;

/// A server, as `--json` reports it.
#[derive(Serialize)]
struct Row {
    node: String,
    address: String,
    state: &'static str,
    silver: Option<String>,
    setup: Option<&'static str>,
    setup_version: Option<String>,
    apps: Option<usize>,
    free_bytes: Option<u64>,
    memory_mib: Option<u64>,
    message: Option<String>,
}

/// The same for people.
#[derive(Serialize)]
struct Line<'a> {
    node: &'a str,
    address: &'a str,
    state: &'static str,
    silver: Option<&'a str>,
    setup: Option<&'static str>,
    apps: Option<usize>,
    free: Option<String>,
    memory: Option<String>,
    message: Option<&'a str>,
}

/// `silver list-nodes`.
pub fn run(context: &Context) -> Result {
    let file = NodesFile::read(context)?;
    let empty = format!("no servers are noted in {}: `silver add-node NAME USER@HOST`", file.path.display());
    // a plugin that is not there is no reason to say nothing about servers
    let planner = match Planner::new(context, file.clone()) {
        Ok(planner) => Some(Arc::new(planner)),
        Err(error) => {
            context.ui.warning(&format!("how servers shall be set up cannot be told: {}", error.error));
            error.hints.iter().for_each(|hint| context.ui.hint(hint));
            None
        }
    };
    let rows = context.block_on(async {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let mut asked = JoinSet::new();
        for (name, entry) in file.nodes.nodes {
            let node = node::connect_with(context, &name, Install::Never)?;
            let (turns, planner) = (Arc::clone(&turns), planner.clone());
            asked.spawn(async move {
                let _turn = turns.acquire().await;
                row(&node, &entry, planner.as_deref()).await
            });
        }
        let mut rows = asked.join_all().await;
        rows.sort_by(|a, b| a.node.cmp(&b.node));
        Ok(rows)
    })?;
    if context.ui.json() {
        context.ui.report_json(&rows)?;
    } else {
        context.ui.list(&rows.iter().map(Row::line).collect::<Vec<_>>(), &empty)?;
    }
    Ok(Exit::Done)
}

async fn row(node: &dyn Node, entry: &NodeEntry, planner: Option<&Planner>) -> Row {
    let mut row = Row {
        node: node.name().to_owned(),
        address: entry.address.to_string(),
        state: "reachable",
        silver: None,
        setup: None,
        setup_version: None,
        apps: None,
        free_bytes: None,
        memory_mib: None,
        message: None,
    };
    match tokio::try_join!(node.facts(), node.apps()) {
        Ok((facts, apps)) => {
            let version = facts.extra.get(SETUP_VERSION).and_then(|hex| Digest::from_hex(hex).ok());
            row.setup_version = version.map(|version| version.to_string());
            let (setup, message) = standing(node, &facts, planner).await.unwrap_or_else(|error| {
                let message = format!("how it shall be set up cannot be told: {}", error.error);
                (SetupStanding::Unknown, Some(message))
            });
            row.setup = Some(setup.as_str());
            row.message = message;
            row.silver = Some(facts.silver);
            row.apps = Some(apps.len());
            row.free_bytes = Some(facts.free_bytes);
            row.memory_mib = Some(facts.memory_mib);
        }
        Err(error) => {
            row.state = match &error {
                NodeError::NotSetUp { .. } => "bare",
                NodeError::NoAgent { .. } => "without agent",
                NodeError::HostKey { .. } => "another host key",
                NodeError::Unreachable { .. } | NodeError::Closed { .. } => "unreachable",
                _ => "failed",
            };
            row.message = Some(error.to_string());
            if let NodeError::NoAgent { theirs, .. } = error {
                row.silver = theirs;
            }
        }
    }
    row
}

/// How a server stands to what it would be set up as today, and what has drifted. It is looked at only when its version
/// is the right one.
async fn standing(node: &dyn Node, facts: &NodeFacts, planner: Option<&Planner>) -> Result<(SetupStanding, Option<String>)> {
    let Some(planner) = planner else { return Ok((SetupStanding::Unknown, None)) };
    let (plan, _) = planner.plan(facts)?;
    let standing = standing_of(facts, &plan.version(hash::sha256));
    if standing != SetupStanding::Current {
        return Ok((standing, None));
    }
    let proposal = set_up::compare(node, &plan).await?;
    Ok((proposal.standing(), drifted(&proposal)))
}

/// What is not as it was set up, or cannot be looked at, in a few words.
fn drifted(proposal: &Proposal) -> Option<String> {
    let changes = proposal.changes.iter().map(|change| format!("{} {}", change.kind, change.name));
    let unknown = proposal.unknown.iter().map(|unknown| format!("{} {} (cannot be looked at)", unknown.kind, unknown.name));
    let mut named: Vec<String> = changes.chain(unknown).collect();
    let more = named.len().saturating_sub(NAMED);
    named.truncate(NAMED);
    if more > 0 {
        named.push(format!("{more} more"));
    }
    (!named.is_empty()).then(|| format!("not as it was set up: {}", named.join(", ")))
}

impl Row {
    fn line(&self) -> Line<'_> {
        Line {
            node: &self.node,
            address: &self.address,
            state: self.state,
            silver: self.silver.as_deref(),
            setup: self.setup,
            apps: self.apps,
            free: self.free_bytes.map(|bytes| size(bytes >> 20)),
            memory: self.memory_mib.map(size),
            message: self.message.as_deref(),
        }
    }
}

/// MiB, as people say them: from 10 GiB on nobody asks for less.
fn size(mib: u64) -> String {
    if mib < 10 << 10 { format!("{mib} MiB") } else { format!("{} GiB", mib >> 10) }
}
