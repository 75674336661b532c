//! TOML files; comments and layout stay.

use super::{RenderError, covers, parts};
use toml_edit::{DocumentMut, Item, Table, TableLike, Value, value};

fn parse(text: &str) -> Result<DocumentMut, RenderError> {
    text.parse().map_err(|error: toml_edit::TomlError| RenderError::Parse { format: "TOML", why: error.message().to_owned() })
}

/// The value in the type of the one that is there, else a string.
fn typed(old: Option<&Item>, text: &str) -> Value {
    let old = old.and_then(Item::as_value);
    let mut new = match old {
        Some(Value::Integer(_)) => text.parse::<i64>().ok().map(Value::from),
        Some(Value::Float(_)) => text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from),
        Some(Value::Boolean(_)) => text.parse::<bool>().ok().map(Value::from),
        _ => None,
    }
    .unwrap_or_else(|| Value::from(text));
    if let Some(old) = old {
        *new.decor_mut() = old.decor().clone();
    }
    new
}

fn set(root: &mut Table, key: &str, text: &str) -> Result<(), RenderError> {
    let parts = parts(key)?;
    let (last, above) = parts.split_last().unwrap_or((&key, &[]));
    let mut at: &mut dyn TableLike = root;
    for part in above {
        if at.get(part).is_none_or(Item::is_none) {
            let mut table = Table::new();
            table.set_implicit(true);
            at.insert(part, Item::Table(table));
        }
        at = at.get_mut(part).and_then(Item::as_table_like_mut).ok_or_else(|| RenderError::Key {
            key: key.into(),
            why: format!("`{part}` is a value, so nothing can be below it"),
        })?;
    }
    let old = at.get(last);
    if old.is_some_and(|old| old.is_table_like() || old.is_array() || old.is_array_of_tables()) {
        return Err(RenderError::Key { key: key.into(), why: "more than a single value is there".into() });
    }
    let new = typed(old, text);
    match at.get_mut(last) {
        Some(item) => *item = Item::Value(new),
        None => {
            at.insert(last, value(new));
        }
    }
    Ok(())
}

fn remove(table: &mut dyn TableLike, path: &str, keep: &dyn Fn(&str) -> bool, owned: &[String]) {
    let names: Vec<String> = table.iter().map(|(name, _)| name.to_owned()).collect();
    for name in names {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if let Some(below) = table.get_mut(&name).and_then(Item::as_table_like_mut) {
            remove(below, &key, keep, owned);
        } else if owned.iter().any(|pattern| covers(pattern, &key)) && !keep(&key) {
            table.remove(&name);
        }
    }
}

pub(super) fn set_keys(base: &str, owned: &[String], values: &[(String, String)]) -> Result<String, RenderError> {
    let mut document = parse(base)?;
    remove(document.as_table_mut(), "", &|key| values.iter().any(|(other, _)| other == key), owned);
    for (key, text) in values {
        set(document.as_table_mut(), key, text)?;
    }
    Ok(document.to_string())
}

fn read(table: &dyn TableLike, path: &str, owned: &[String], found: &mut Vec<(String, String)>) {
    for (name, item) in table.iter() {
        let key = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        if let Some(below) = item.as_table_like() {
            read(below, &key, owned, found);
        } else if owned.iter().any(|pattern| covers(pattern, &key)) {
            let text = item.as_str().map_or_else(|| item.to_string().trim().to_owned(), str::to_owned);
            found.push((key, text));
        }
    }
}

pub(super) fn read_keys(text: &str, owned: &[String]) -> Result<Vec<(String, String)>, RenderError> {
    let mut found = Vec::new();
    read(parse(text)?.as_table(), "", owned, &mut found);
    Ok(found)
}

pub(super) fn merge(base: &str, over: &str) -> Result<String, RenderError> {
    let mut document = parse(base)?;
    lay_over(document.as_table_mut(), parse(over)?.as_table());
    Ok(document.to_string())
}

fn lay_over(base: &mut dyn TableLike, over: &dyn TableLike) {
    for (name, item) in over.iter() {
        match (base.get_mut(name), item.as_table_like()) {
            (Some(old), Some(new)) if old.is_table_like() => {
                if let Some(old) = old.as_table_like_mut() {
                    lay_over(old, new);
                }
            }
            (Some(old), _) => {
                // the comment behind the value stays
                let decor = old.as_value().map(|value| value.decor().clone());
                *old = item.clone();
                if let (Some(decor), Some(value)) = (decor, old.as_value_mut()) {
                    *value.decor_mut() = decor;
                }
            }
            (None, _) => {
                base.insert(name, item.clone());
            }
        }
    }
}
