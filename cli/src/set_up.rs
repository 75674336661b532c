//! The set-up of a server, as `nodes.toml` and silver's own node-setup plugin want it.

mod plugins;

use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    findings,
    nodes::NodesFile,
    ui::Ui,
};
use plugins::Plugins;
use serde::Serialize;
use silver_builtin::node_setup::{BuiltinNodeSetup, LOGIN, OPERATORS};
use silver_core::{
    node::Node,
    nodes::{NodeEntry, Nodes},
    setup::{Change, Proposal, propose},
};
use silver_plugin_api::{
    Diagnostic, Settings,
    node_setup::NodeSetup,
    plan::NodeFacts,
    setup::{Applied, Difference, Fate, ItemResult, Plan},
};
use similar::TextDiff;
use std::collections::BTreeMap;

/// A change, as `--json` reports it.
#[derive(Debug, Serialize)]
pub struct ChangeRow {
    node: String,
    id: String,
    kind: &'static str,
    name: String,
    action: &'static str,
    differences: String,
    poked: Option<&'static str>,
    guarded: bool,
    why: String,
    diff: Option<String>,
}

/// What became of an item, as `--json` reports it.
#[derive(Debug, Serialize)]
pub struct ResultRow {
    node: String,
    id: String,
    kind: &'static str,
    name: String,
    outcome: &'static str,
    poked: Option<&'static str>,
    message: Option<String>,
    hint: Option<String>,
    log: Vec<String>,
}

/// Says what shall be so on servers: what silver itself wants, and the plugins of nodes.toml.
pub struct Planner {
    file: NodesFile,
    plugins: Plugins,
}

impl Planner {
    /// For the servers of this file.
    pub fn new(context: &Context, file: NodesFile) -> Result<Self> {
        Ok(Self { plugins: Plugins::load(context, &file)?, file })
    }

    /// What shall be so on the server with these facts, and what was found on the way.
    pub fn plan(&self, facts: &NodeFacts) -> Result<(Plan, Vec<Diagnostic>)> {
        let Some(entry) = self.file.nodes.nodes.get(facts.name.as_str()) else {
            return Err(CommandError::usage(format!("{} has no node `{}`", self.file.path.display(), facts.name)));
        };
        let settings = settings(&self.file.nodes, &facts.name, entry)?;
        let own = BuiltinNodeSetup.make_plan(facts, &settings).map_err(findings::failed)?;
        let mut found = BuiltinNodeSetup.check(facts, &settings);
        let (more, also) = self.plugins.plan(facts)?;
        found.extend(also);
        Ok((own.join(more), found))
    }
}

/// What a plan would change on a node.
pub async fn compare(node: &dyn Node, plan: &Plan) -> Result<Proposal> {
    let state = node.resources(Some(plan)).await?;
    propose(plan, &state).map_err(|flaws| {
        let said = flaws.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        CommandError::new(Exit::Error, format!("the plan makes no sense:\n{said}"))
    })
}

/// Those of the organisation, under those of the node; and who logs in with which keys.
fn settings(nodes: &Nodes, node: &str, entry: &NodeEntry) -> Result<Settings> {
    let mut settings = nodes.settings(node);
    if let Some(user) = &entry.address.user {
        settings.insert(LOGIN.into(), user.clone());
    }
    let keys = |keys: &[silver_core::nodes::PublicKey]| keys.iter().map(ToString::to_string).collect::<Vec<_>>();
    let operators: BTreeMap<String, Vec<String>> =
        nodes.operators.iter().map(|(name, operator)| (name.to_string(), keys(&operator.ssh_keys))).collect();
    if !operators.is_empty() {
        let json = serde_json::to_string(&operators).map_err(|error| CommandError::new(Exit::Error, error))?;
        settings.insert(OPERATORS.into(), json);
    }
    Ok(settings)
}

/// What would be changed.
pub fn change_rows(node: &str, proposal: &Proposal) -> Vec<ChangeRow> {
    let said = |it: &Difference| format!("{} {} → {}", it.what, it.is, it.shall);
    let changes = proposal.changes.iter().map(|change| ChangeRow {
        node: node.into(),
        id: change.id.clone(),
        kind: change.kind,
        name: change.name.clone(),
        action: change.verb(),
        differences: change.differences.iter().map(said).collect::<Vec<_>>().join(", "),
        poked: change.poked.map(silver_plugin_api::setup::OnChange::as_str),
        guarded: change.guarded,
        why: change.why.clone(),
        diff: diff(change),
    });
    let unknown = proposal.unknown.iter().map(|unknown| ChangeRow {
        node: node.into(),
        id: unknown.id.clone(),
        kind: unknown.kind,
        name: unknown.name.clone(),
        action: "unknown",
        differences: unknown.why.clone(),
        poked: None,
        guarded: false,
        why: String::new(),
        diff: None,
    });
    changes.chain(unknown).collect()
}

/// What changes in the text of a file, line by line.
pub fn diff(change: &Change) -> Option<String> {
    let (is, shall) = change.text.as_ref()?;
    let (from, to) = (format!("{} (is)", change.name), format!("{} (shall be)", change.name));
    Some(TextDiff::from_lines(is, shall).unified_diff().context_radius(2).header(&from, &to).to_string())
}

/// What was not simply in place.
pub fn result_rows(node: &str, plan: &Plan, applied: &Applied) -> Vec<ResultRow> {
    let touched = applied.items.iter().filter(|item| item.fate != Fate::InPlace || item.poked.is_some());
    touched.filter_map(|result| Some(result_row(node, plan.item(&result.id)?, result))).collect()
}

fn result_row(node: &str, item: &silver_plugin_api::setup::Item, result: &ItemResult) -> ResultRow {
    let (outcome, message, hint, log) = match &result.fate {
        Fate::InPlace => ("in place", None, None, Vec::new()),
        Fate::Changed => ("changed", None, None, Vec::new()),
        Fate::Undone => {
            let why = "no fresh connection came through in time, or another change that goes with it failed";
            ("undone", Some(why.into()), None, Vec::new())
        }
        Fate::Skipped { after } => ("skipped", Some(format!("{after} is not in place")), None, Vec::new()),
        Fate::Failed { causes, hint, log } => ("failed", Some(causes.join(": ")), hint.clone(), log.clone()),
    };
    ResultRow {
        node: node.into(),
        id: result.id.clone(),
        kind: item.resource.kind(),
        name: item.resource.name(),
        outcome,
        poked: result.poked.map(silver_plugin_api::setup::OnChange::as_str),
        message,
        hint,
        log,
    }
}

impl ResultRow {
    /// Shows one that did not get in place.
    pub fn show(&self, ui: &Ui) {
        let Some(message) = &self.message else { return };
        ui.warning(&format!("{} {} {}: {message}", self.kind, self.name, self.outcome));
        for line in &self.log {
            ui.note(&format!("  | {line}"));
        }
        if let Some(hint) = &self.hint {
            ui.hint(hint);
        }
    }
}
