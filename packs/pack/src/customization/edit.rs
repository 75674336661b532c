//! Changing `customize.toml` and keeping its comments and layout.

use super::config::AppPluginWanted;
use crate::{manifest::IndexKind, render::RenderError};
use toml_edit::{Array, DocumentMut, Item, Key, Table, TableLike, Value, value};

fn parse(text: &str) -> Result<DocumentMut, RenderError> {
    text.parse().map_err(|error: toml_edit::TomlError| RenderError::Parse { format: "TOML", why: error.message().to_owned() })
}

fn table<'d>(document: &'d mut DocumentMut, name: &str) -> Result<&'d mut dyn TableLike, RenderError> {
    let item = document.entry(name).or_insert_with(|| Item::Table(Table::new()));
    item.as_table_like_mut().ok_or_else(|| RenderError::Key { key: name.into(), why: "it is not a table".into() })
}

/// The text with `[settings] NAME = VALUE`.
pub fn set_setting(text: &str, name: &str, setting: &serde_json::Value) -> Result<String, RenderError> {
    let mut document = parse(text)?;
    let settings = table(&mut document, "settings")?;
    let mut new = written(setting);
    if let Some(old) = settings.get(name).and_then(Item::as_value) {
        *new.decor_mut() = old.decor().clone();
    }
    match settings.get_mut(name) {
        Some(item) => *item = Item::Value(new),
        None => drop(settings.insert(name, value(new))),
    }
    Ok(document.to_string())
}

/// The text with the setting `from` called `to`, at its place and with its comments.
pub fn rename_setting(text: &str, from: &str, to: &str) -> Result<String, RenderError> {
    let mut document = parse(text)?;
    let not_a_table = || RenderError::Key { key: "settings".into(), why: "it is not a table".into() };
    let renamed = |key: Key| if key.get() == from { renamed(&key, to) } else { key };
    // the only way to keep the order is to put all in again
    match document.get_mut("settings").ok_or_else(not_a_table)? {
        Item::Table(table) => {
            for name in keys(table) {
                if let Some((key, value)) = table.remove_entry(&name) {
                    table.insert_formatted(&renamed(key), value);
                }
            }
        }
        Item::Value(Value::InlineTable(table)) => {
            for name in keys(table) {
                if let Some((key, value)) = table.remove_entry(&name) {
                    table.insert_formatted(&renamed(key), value);
                }
            }
        }
        _ => return Err(not_a_table()),
    }
    Ok(document.to_string())
}

fn keys(table: &dyn TableLike) -> Vec<String> {
    table.iter().map(|(name, _)| name.to_owned()).collect()
}

fn renamed(key: &Key, to: &str) -> Key {
    Key::new(to).with_leaf_decor(key.leaf_decor().clone()).with_dotted_decor(key.dotted_decor().clone())
}

fn written(setting: &serde_json::Value) -> Value {
    match setting {
        serde_json::Value::Bool(value) => (*value).into(),
        serde_json::Value::Number(number) if number.is_i64() => number.as_i64().unwrap_or_default().into(),
        serde_json::Value::Number(number) => number.as_f64().unwrap_or_default().into(),
        serde_json::Value::String(text) => text.as_str().into(),
        serde_json::Value::Array(items) => Value::Array(items.iter().map(written).collect()),
        // no setting is one of these
        serde_json::Value::Null | serde_json::Value::Object(_) => "".into(),
    }
}

/// The text with an app plugin wanted: `[plugins] KIND = ["NAME==1.0"]`; another row of the same name
/// is replaced.
pub fn want_plugin(text: &str, kind: IndexKind, plugin: &AppPluginWanted) -> Result<String, RenderError> {
    let mut document = parse(text)?;
    let rows = plugins(&mut document, kind)?;
    let mut new = Value::from(plugin.to_string());
    match position(rows, kind, &plugin.name).and_then(|at| rows.get_mut(at)) {
        Some(old) => {
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        None => rows.push(new),
    }
    Ok(document.to_string())
}

/// The text without the app plugin of that name; unchanged when it is not wanted anyway.
pub fn unwant_plugin(text: &str, kind: IndexKind, name: &str) -> Result<String, RenderError> {
    let mut document = parse(text)?;
    let rows = plugins(&mut document, kind)?;
    let Some(at) = position(rows, kind, name) else { return Ok(text.to_owned()) };
    rows.remove(at);
    if rows.is_empty() {
        table(&mut document, "plugins")?.remove(kind.as_str());
        if document.get("plugins").and_then(Item::as_table_like).is_some_and(TableLike::is_empty) {
            document.remove("plugins");
        }
    }
    Ok(document.to_string())
}

fn plugins(document: &mut DocumentMut, kind: IndexKind) -> Result<&mut Array, RenderError> {
    let plugins = table(document, "plugins")?;
    let rows = plugins.entry(kind.as_str()).or_insert_with(|| value(Array::new()));
    let key = || format!("plugins.{}", kind.as_str());
    rows.as_array_mut().ok_or_else(|| RenderError::Key { key: key(), why: "it is not a list".into() })
}

fn position(rows: &Array, kind: IndexKind, name: &str) -> Option<usize> {
    let same = |row: &Value| {
        let wanted = row.as_str().and_then(|text| text.parse::<AppPluginWanted>().ok());
        wanted.is_some_and(|wanted| kind.normalized(&wanted.name) == kind.normalized(name))
    };
    rows.iter().position(same)
}
