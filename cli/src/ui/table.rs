//! Tables for people, from the same flat rows that programs get as JSON.

use crate::{
    error::{CommandError, Result},
    exit::Exit,
};
use comfy_table::{ContentArrangement, Table, presets};
use rustix::termios::tcgetwinsize;
use serde::Serialize;
use serde_json::Value;
use silver_plugin_api::path::plain;

/// Aligns the rows under their field names; long cells wrap in a narrow terminal.
pub fn render<T: Serialize>(rows: &[T]) -> Result<String> {
    let rows = rows
        .iter()
        .map(serde_json::to_value)
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|error| CommandError::new(Exit::Error, error))?;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if let Ok(size) = tcgetwinsize(std::io::stdout()) {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(size.ws_col);
    }
    if let Some(Value::Object(first)) = rows.first() {
        table.set_header(first.keys().map(|name| name.replace('_', " ").to_uppercase()));
    }
    for row in &rows {
        if let Value::Object(fields) = row {
            table.add_row(fields.values().map(cell));
        }
    }
    Ok(table
        .to_string()
        .lines()
        .map(|line| line.trim_end().strip_prefix(' ').unwrap_or(line.trim_end()))
        .collect::<Vec<_>>()
        .join("\n"))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => plain(text).into_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
