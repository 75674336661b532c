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

/// No column gets narrower than this; rather each row becomes a block of lines.
const NARROWEST: usize = 8;
/// Between two columns.
const GAP: usize = 2;

/// Aligns the rows under their field names. In a terminal that is too narrow long cells wrap, and when that would
/// not be readable either, each row is a block with a line for each field.
pub fn render<T: Serialize>(rows: &[T]) -> Result<String> {
    let rows = rows
        .iter()
        .map(serde_json::to_value)
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|error| CommandError::new(Exit::Error, error))?;
    let width = tcgetwinsize(std::io::stdout()).ok().map(|size| usize::from(size.ws_col)).filter(|width| *width > 0);
    let rows: Vec<Vec<(String, String)>> = rows.iter().map(fields).collect();
    Ok(match width {
        Some(width) if !readable(&rows, width) => blocks(&rows),
        _ => table(&rows, width),
    })
}

fn fields(row: &Value) -> Vec<(String, String)> {
    let all = row.as_object().into_iter().flatten();
    all.map(|(name, value)| (name.replace('_', " "), cell(value))).collect()
}

/// Does every column get what it wants, or at least enough to be read?
fn readable(rows: &[Vec<(String, String)>], width: usize) -> bool {
    let columns = rows.first().map_or(0, Vec::len);
    let wanted = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|(name, text)| name.chars().count().max(text.chars().count())).max().unwrap_or(0)
    };
    let mut wanted: Vec<usize> = (0..columns).map(wanted).collect();
    wanted.sort_unstable();
    let mut left = width.saturating_sub(GAP * columns);
    for (done, want) in wanted.iter().enumerate() {
        let share = left / (columns - done);
        if *want > share {
            return share >= NARROWEST;
        }
        left -= want;
    }
    true
}

fn table(rows: &[Vec<(String, String)>], width: Option<usize>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if let Some(width) = width {
        let width = u16::try_from(width).unwrap_or(u16::MAX);
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    if let Some(first) = rows.first() {
        table.set_header(first.iter().map(|(name, _)| name.to_uppercase()));
    }
    for row in rows {
        table.add_row(row.iter().map(|(_, text)| text));
    }
    table
        .to_string()
        .lines()
        .map(|line| line.trim_end().strip_prefix(' ').unwrap_or(line.trim_end()))
        .collect::<Vec<_>>()
        .join("\n")
}

/// What is empty is left out.
fn blocks(rows: &[Vec<(String, String)>]) -> String {
    let mut blocks = Vec::new();
    for row in rows {
        let said: Vec<_> = row.iter().filter(|(_, text)| text != NOTHING).collect();
        let widest = said.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let lines: Vec<_> = said.iter().map(|(name, text)| format!("{:widest$}  {text}", name.to_uppercase())).collect();
        blocks.push(lines.join("\n"));
    }
    blocks.join("\n\n")
}

/// Stands for what is empty.
const NOTHING: &str = "-";

fn cell(value: &Value) -> String {
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::String(text) if text.is_empty() => NOTHING.to_owned(),
        Value::String(text) => plain(text).into_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(items) if items.is_empty() => NOTHING.to_owned(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(texts: &[&[&str]]) -> Vec<Vec<(String, String)>> {
        let name = |column: usize| format!("c{column}");
        let row = |texts: &&[&str]| texts.iter().enumerate().map(|(at, text)| (name(at), (*text).to_owned())).collect();
        texts.iter().map(row).collect()
    }

    #[test]
    fn a_table_becomes_blocks_only_when_its_columns_cannot_be_read() {
        let long = "a sentence that is much longer than the terminal is wide";
        for (texts, width, wanted) in [
            (vec!["a", "b"], 10, true),
            (vec!["trac", long], 40, true),
            (vec!["2026-11-22T19:13:41Z", "trac.20261122_1", "http://trac.localhost:8484/"], 26, false),
            (vec!["2026-11-22T19:13:41Z", "trac.20261122_1", "http://trac.localhost:8484/"], 68, true),
            (vec![long; 9], 80, false),
        ] {
            assert_eq!(readable(&rows(&[&texts]), width), wanted, "{texts:?} in {width}");
        }
    }

    #[test]
    fn a_block_has_no_empty_fields() {
        let rows = rows(&[&["x", "-", "y"], &["z", "-", "-"]]);
        assert_eq!(blocks(&rows), "C0  x\nC2  y\n\nC0  z");
    }
}
