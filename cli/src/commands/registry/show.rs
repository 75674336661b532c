use super::open;
use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
};
use serde::Serialize;
use serde_json::Value;

/// Show everything that is known about an event
///
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
        let record = serde_json::to_value(event.statement.record()).map_err(|error| CommandError::new(Exit::Error, error))?;
        let mut rows = Vec::new();
        flatten("", &record, &mut rows);
        context.ui.list(&rows, "the event says nothing")?;
        Ok(Exit::Done)
    }
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
