//! JSON files. They have no comments; the order of the keys stays.

use super::{RenderError, covers, parts};
use serde_json::{Map, Value};

fn parse(text: &str) -> Result<Map<String, Value>, RenderError> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(RenderError::Parse { format: "JSON with keys", why: "its root is not an object".into() }),
        Err(error) => Err(RenderError::Parse { format: "JSON", why: error.to_string() }),
    }
}

fn write(map: Map<String, Value>) -> String {
    // an object of strings, numbers and the like always has a text
    let mut text = serde_json::to_string_pretty(&Value::Object(map)).unwrap_or_default();
    text.push('\n');
    text
}

/// The value in the type of the one that is there, else a string.
fn typed(old: Option<&Value>, text: &str) -> Value {
    let kept = match old {
        Some(Value::Number(_)) => serde_json::from_str(text).ok().filter(Value::is_number),
        Some(Value::Bool(_)) => text.parse().ok().map(Value::Bool),
        _ => None,
    };
    kept.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn set(map: &mut Map<String, Value>, key: &str, text: &str) -> Result<(), RenderError> {
    let parts = parts(key)?;
    let (last, above) = parts.split_last().unwrap_or((&key, &[]));
    let mut at = map;
    for part in above {
        let next = at.entry(*part).or_insert_with(|| Value::Object(Map::new()));
        at = next.as_object_mut().ok_or_else(|| RenderError::Key {
            key: key.into(),
            why: format!("`{part}` is a value, so nothing can be below it"),
        })?;
    }
    let old = at.get(*last);
    if old.is_some_and(|old| old.is_object() || old.is_array()) {
        return Err(RenderError::Key { key: key.into(), why: "more than a single value is there".into() });
    }
    let value = typed(old, text);
    at.insert((*last).to_owned(), value);
    Ok(())
}

fn remove(map: &mut Map<String, Value>, path: &str, keep: &dyn Fn(&str) -> bool, owned: &[String]) {
    map.retain(|name, value| {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if let Value::Object(below) = value {
            let whole = owned.iter().any(|pattern| pattern == &key);
            remove(below, &key, keep, owned);
            return !(whole && below.is_empty());
        }
        !owned.iter().any(|pattern| covers(pattern, &key)) || keep(&key)
    });
}

pub(super) fn set_keys(base: &str, owned: &[String], values: &[(String, String)]) -> Result<String, RenderError> {
    let mut map = parse(base)?;
    remove(&mut map, "", &|key| values.iter().any(|(other, _)| other == key), owned);
    for (key, text) in values {
        set(&mut map, key, text)?;
    }
    Ok(write(map))
}

fn read(map: &Map<String, Value>, path: &str, owned: &[String], found: &mut Vec<(String, String)>) {
    for (name, value) in map {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            Value::Object(below) => read(below, &key, owned, found),
            _ if !owned.iter().any(|pattern| covers(pattern, &key)) => {}
            Value::String(text) => found.push((key, text.clone())),
            other => found.push((key, other.to_string())),
        }
    }
}

pub(super) fn read_keys(text: &str, owned: &[String]) -> Result<Vec<(String, String)>, RenderError> {
    let mut found = Vec::new();
    read(&parse(text)?, "", owned, &mut found);
    Ok(found)
}

pub(super) fn merge(base: &str, over: &str) -> Result<String, RenderError> {
    let mut map = parse(base)?;
    lay_over(&mut map, parse(over)?);
    Ok(write(map))
}

fn lay_over(base: &mut Map<String, Value>, over: Map<String, Value>) {
    for (name, value) in over {
        match (base.get_mut(&name), value) {
            (Some(Value::Object(old)), Value::Object(new)) => lay_over(old, new),
            (_, value) => {
                base.insert(name, value);
            }
        }
    }
}
