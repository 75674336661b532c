use super::{
    open,
    signed::{Signed, operator},
};
use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    nodes::NodesFile,
};
use serde::Serialize;
use serde_json::Value;
use silver_core::nodes::{Nodes, PublicKey};
use silver_registry::Record;

/// Show everything that is known about an event
///
/// The operator's signature is checked, and named by the keys in nodes.toml; the exit code is 8 when it does not hold.
/// With `--json` the signed statement as it is (in-toto Statement v1).
#[derive(Debug, clap::Args)]
pub struct Show {
    /// Number of the event, as `silver registry log` shows it
    event: u64,
}

#[derive(Serialize)]
struct Row {
    field: String,
    value: String,
}

impl Show {
    pub fn run(self, context: &Context) -> Result {
        let event = open(context)?.event(self.event)?;
        if context.ui.json() {
            context.ui.report_json(&event.statement)?;
            return Ok(Exit::Done);
        }
        let nodes = NodesFile::read(context)?.nodes;
        let record = event.statement.record();
        let value = serde_json::to_value(record).map_err(|error| CommandError::new(Exit::Error, error))?;
        let mut rows = Vec::new();
        flatten("", &value, &mut rows);
        for row in &mut rows {
            if row.field == "by key" {
                row.value = whose(&row.value, &nodes);
            }
        }
        let signed = signed(record, &nodes)?;
        if let (Some(signed), Some(row)) = (&signed, rows.iter_mut().find(|row| row.field == "by signature")) {
            row.value = words(signed);
        }
        context.ui.list(&rows, "the event says nothing")?;
        match signed {
            Some(Signed::Forged(why)) => Err(CommandError::new(Exit::Integrity, why)
                .hint("whoever has the node's key can record such a thing: `silver registry verify` looks at all events")),
            _ => Ok(Exit::Done),
        }
    }
}

/// What is to be said of the operator's signature, if there is one.
fn signed(record: &Record, nodes: &Nodes) -> Result<Option<Signed>> {
    let plan = record.event.change().and_then(|change| change.plan);
    let Some((signature, plan)) = record.by.signature.as_deref().zip(plan) else { return Ok(None) };
    Signed::judge(signature, &plan, nodes).map(Some)
}

fn words(signed: &Signed) -> String {
    match signed {
        Signed::By { operator, key } => format!("holds: {operator}, {}", key.fingerprint()),
        Signed::Stranger(key) => format!("holds: {}, which no operator of nodes.toml has", key.fingerprint()),
        Signed::Forged(_) => "does not hold".into(),
    }
}

/// A key as people know it.
fn whose(key: &str, nodes: &Nodes) -> String {
    let Ok(key) = key.parse::<PublicKey>() else { return key.to_owned() };
    let name = operator(nodes, &key).map(|name| format!(" ({name})")).unwrap_or_default();
    format!("{}{name}", key.fingerprint())
}

/// One row for each text in the record, under the names of the fields that lead to it.
fn flatten(name: &str, value: &Value, rows: &mut Vec<Row>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                // the kind of event is a field like any other, what it holds needs no word before it
                let below = if name.is_empty() || name == "event" { field.clone() } else { format!("{name} {field}") };
                flatten(&below, value, rows);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for item in items {
                flatten(name, item, rows);
            }
        }
        Value::Array(items) => {
            for item in items {
                let words =
                    item.as_array().map_or_else(|| text(item), |words| words.iter().map(text).collect::<Vec<_>>().join(" "));
                rows.push(Row { field: name.into(), value: words });
            }
        }
        value => rows.push(Row { field: name.into(), value: text(value) }),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
