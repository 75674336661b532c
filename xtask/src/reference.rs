//! `cargo xtask reference`: the references in docs/reference, made of the JSON Schemas (which are made of
//! the types and their documentation) and of the WIT files. CI fails when they are not current.

use crate::{Failure, root};
use serde_json::{Map, Value};
use std::{fmt::Write as _, fs, path::Path};

/// What is made: file, and how.
fn pages() -> Result<Vec<(&'static str, String)>, Failure> {
    Ok(vec![
        ("pack.md", schema_page("pack", "pack.toml")?),
        ("customize.md", schema_page("customize", "customize.toml")?),
        ("wit.md", wit_page()?),
    ])
}

/// Writes the pages.
pub(crate) fn write() -> Result<(), Failure> {
    let dir = root().join("docs/reference");
    fs::create_dir_all(&dir)?;
    for (name, text) in pages()? {
        fs::write(dir.join(name), text)?;
    }
    Ok(())
}

/// Are the pages those that would be written?
pub(crate) fn check() -> Result<(), Failure> {
    for (name, text) in pages()? {
        if fs::read_to_string(root().join("docs/reference").join(name)).ok() != Some(text) {
            return Err(format!("docs/reference/{name} is not current: `cargo xtask reference` writes it").into());
        }
    }
    Ok(())
}

fn schema_page(schema: &str, file: &str) -> Result<String, Failure> {
    let schema: Value = serde_json::from_str(&fs::read_to_string(root().join(format!("docs/schema/{schema}.json")))?)?;
    let mut page = format!(
        "# `{file}`, field by field\n\nMade of the sources by `cargo xtask reference`: edit the types' documentation instead.\n"
    );
    if let Some(text) = schema["description"].as_str() {
        let _ = write!(page, "\n{text}\n");
    }
    fields(&mut page, "", &schema);
    let Some(definitions) = schema["$defs"].as_object() else { return Ok(page) };
    for (name, definition) in definitions {
        let _ = write!(page, "\n## {name}\n");
        if let Some(text) = definition["description"].as_str() {
            let _ = write!(page, "\n{text}\n");
        }
        if definition["properties"].is_object() {
            fields(&mut page, name, definition);
        } else {
            let _ = write!(page, "\n{}\n", what(definition));
        }
    }
    Ok(page)
}

/// A table of what an object may have; what is reserved comes last, in one line.
fn fields(page: &mut String, of: &str, object: &Value) {
    let nothing = Map::new();
    let all = object["properties"].as_object().unwrap_or(&nothing);
    let required: Vec<&str> = object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let reserved = |field: &Value| field["not"].is_object() && field["$comment"].is_string();
    if all.values().any(|field| !reserved(field)) {
        let _ = write!(page, "\n| field | what it is | what it may be | default |\n|---|---|---|---|\n");
    }
    for (name, field) in all.iter().filter(|(_, field)| !reserved(field)) {
        let default = match &field["default"] {
            Value::Null if required.contains(&name.as_str()) => "required".to_owned(),
            Value::Null => String::new(),
            value => format!("`{value}`"),
        };
        let text = field["description"].as_str().unwrap_or_default();
        let _ = writeln!(page, "| `{name}` | {} | {} | {default} |", cell(text), cell(&what(field)));
    }
    let later: Vec<String> = all.iter().filter(|(_, field)| reserved(field)).map(|(name, _)| format!("`{name}`")).collect();
    if !later.is_empty() {
        let of = if of.is_empty() { String::new() } else { format!(" of {of}") };
        let _ = write!(page, "\nReserved{of}, and refused as not supported yet: {}.\n", later.join(", "));
    }
}

/// What a value may be, in a few words.
fn what(field: &Value) -> String {
    if let Some(name) = field["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(one) = field["const"].as_str() {
        return format!("`{one}`");
    }
    if let Some(words) = field["enum"].as_array() {
        return words.iter().map(|word| format!("`{word}`").replace('"', "")).collect::<Vec<_>>().join(", ");
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(choices) = field[key].as_array() {
            let some = choices.iter().filter(|choice| choice["type"] != "null" && !choice["$comment"].is_string());
            let words: Vec<String> = some.map(described).collect();
            return words.join(if key == "anyOf" { " or " } else { "; " });
        }
    }
    let kind = match &field["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect::<Vec<_>>().join(" or ")
        }
        _ => return "any".to_owned(),
    };
    match kind.as_str() {
        "array" => format!("list of {}", what(&field["items"])),
        "object" => {
            let named = field["patternProperties"].as_object().and_then(|named| named.values().next());
            match named.or(Some(&field["additionalProperties"])).filter(|value| value.is_object()) {
                Some(value) => format!("table: name → {}", what(value)),
                None => "table".to_owned(),
            }
        }
        "string" => match field["pattern"].as_str() {
            Some(pattern) => format!("text like `{pattern}`"),
            None => "text".to_owned(),
        },
        "integer" => match (field["minimum"].as_i64(), field["maximum"].as_i64()) {
            (Some(least), Some(most)) => format!("{least} to {most}"),
            (Some(least), None) => format!("number, at least {least}"),
            _ => "number".to_owned(),
        },
        "boolean" => "`true` or `false`".to_owned(),
        other => other.to_owned(),
    }
}

/// A choice with its own description.
fn described(choice: &Value) -> String {
    match choice["description"].as_str() {
        Some(text) => format!("{}: {text}", what(choice)),
        None => what(choice),
    }
}

/// Text that stays within its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn wit_page() -> Result<String, Failure> {
    let mut page = "# The interface of plugins\n\nMade of the sources by `cargo xtask reference`. `silver plugin wit` writes the same files. \
        How to write a plugin: [plugins](../plugins.md).\n"
        .to_owned();
    for name in ["worlds", "types", "trees", "app"] {
        let path = Path::new("plugins-sdk/wit").join(name).with_extension("wit");
        let text = fs::read_to_string(root().join(&path))?;
        let _ = write!(page, "\n## `{name}.wit`\n\n```wit\n{}\n```\n", text.trim_end());
    }
    Ok(page)
}
