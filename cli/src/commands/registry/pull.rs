use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    mirroring::{self, Pulled},
    node,
    nodes::NodesFile,
};
use serde::Serialize;
use silver_core::{
    node::Node,
    nodes::{LOCAL, set_log_key},
};
use silver_registry::{VerifierKey, mirror};
use std::{path::PathBuf, sync::Arc};
use tokio::{sync::Semaphore, task::JoinSet};

/// So many nodes are asked at the same time.
const AT_ONCE: usize = 8;

/// Copy the registries of nodes to this machine
///
/// Each node writes a log of its own. The copy lies below this machine's registry, `registry/nodes/NAME`: `silver
/// registry log --node NAME` and the other commands read it. A log that is shorter than it was when it was last
/// seen, or begins with other events, is refused with exit code 8, and the copy stays as it was.
#[derive(Debug, clap::Args)]
pub struct Pull {
    /// Names of nodes and groups in nodes.toml
    #[arg(required_unless_present = "all")]
    nodes: Vec<String>,
    /// Every node of nodes.toml
    #[arg(long, conflicts_with = "nodes")]
    all: bool,
}

/// One node.
#[derive(Serialize)]
struct Row {
    node: String,
    /// `copied`, `alarm` (the log contradicts what was seen of it), `failed`.
    outcome: &'static str,
    /// Events in its log.
    events: Option<u64>,
    /// Events that are new here.
    new: Option<usize>,
    /// Packs and contents that are new here.
    objects: Option<usize>,
    message: Option<String>,
}

impl Pull {
    pub fn run(self, context: &Context) -> Result {
        let file = NodesFile::read(context)?;
        let names =
            if self.all { file.nodes.nodes.keys().map(ToString::to_string).collect() } else { file.nodes.select(&self.nodes)? };
        if names.iter().any(|name| name == LOCAL) {
            return Err(CommandError::usage("the registry of this machine is here already"));
        }
        let ended = context.block_on(async {
            let turns = Arc::new(Semaphore::new(AT_ONCE));
            let mut work = JoinSet::new();
            for (at, name) in names.iter().enumerate() {
                let (node, turns) = (node::connect_to(context, name)?, Arc::clone(&turns));
                let known = file.nodes.nodes.get(name.as_str()).and_then(|entry| entry.log_key.clone());
                let dir = mirror::dir(&context.dirs()?.registry(), name);
                work.spawn(async move {
                    let _turn = turns.acquire().await;
                    (at, one(&node, known, dir).await)
                });
            }
            let mut ended = work.join_all().await;
            ended.sort_by_key(|(at, _)| *at);
            Ok(ended)
        })?;
        let (mut rows, mut worst) = (Vec::new(), None);
        // somebody may have changed it meanwhile
        let file = NodesFile::read(context)?;
        let mut text = file.text.clone();
        for (name, (_, end)) in names.iter().zip(ended) {
            let row = Row { node: name.clone(), outcome: "copied", events: None, new: None, objects: None, message: None };
            rows.push(match end {
                Ok((pulled, learnt)) => {
                    if let Some(key) = learnt {
                        context.ui.note(&format!("{name} signs its log with the key {key}, noted in {}", file.path.display()));
                        text = set_log_key(&text, name, &key).map_err(CommandError::usage)?;
                    }
                    Row { events: Some(pulled.events), new: Some(pulled.new), objects: Some(pulled.objects), ..row }
                }
                Err(error) => {
                    let outcome = if error.exit == Exit::Integrity { "alarm" } else { "failed" };
                    let causes: Vec<String> = std::iter::once(error.error.to_string()).chain(error.causes()).collect();
                    let message = Some(causes.join(": "));
                    if worst.as_ref().is_none_or(|worst: &CommandError| worst.exit != Exit::Integrity) {
                        worst = Some(error);
                    }
                    Row { outcome, message, ..row }
                }
            });
        }
        if text != file.text {
            file.write(&text)?;
        }
        context.ui.list(&rows, "nodes.toml names no nodes")?;
        match worst {
            None => Ok(Exit::Done),
            Some(error) => {
                let failed = rows.iter().filter(|row| row.outcome != "copied").map(|row| row.node.as_str());
                let failed: Vec<&str> = failed.collect();
                let message = format!("not copied: {}", failed.join(", "));
                Err(CommandError { error: message.into(), ..error })
            }
        }
    }
}

/// Copies one; with it the key, when it was not known before.
async fn one(node: &dyn Node, known: Option<String>, dir: PathBuf) -> Result<(Pulled, Option<String>)> {
    let learnt = match &known {
        Some(_) => None,
        // who is asked is proven by the host key
        None => Some(node.log_head(None).await?.key),
    };
    let text = known.or_else(|| learnt.clone()).unwrap_or_default();
    let key = VerifierKey::parse(&text)
        .ok_or_else(|| CommandError::usage(format!("the log key of `{}` is not a key: {text}", node.name())))?;
    Ok((mirroring::pull(node, &dir, key).await?, learnt))
}
