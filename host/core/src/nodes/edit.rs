//! Changing `nodes.toml` and keeping its comments and layout.

use super::{FILE, NodeEntry, PublicKey};
use silver_pack::manifest::Name;
use toml_edit::{DocumentMut, Item, Table, TableLike, value};

/// Why the file was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It is not TOML.
    #[error("{FILE} cannot be read: {0}")]
    Parse(String),
    /// Something else stands where a table has to be.
    #[error("`{0}` in {FILE} is not a table")]
    NoTable(String),
    /// The node is there.
    #[error("there is a node or group `{0}` already")]
    Exists(String),
    /// The node is not there.
    #[error("there is no node `{0}`")]
    Absent(String),
}

impl EditError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Exists(name) => Some(format!("give it another name, or take `[nodes.{name}]` out of {FILE} first")),
            _ => None,
        }
    }
}

/// The text with a node at its end.
pub fn add_node(text: &str, name: &Name, node: &NodeEntry) -> Result<String, EditError> {
    let mut document = parse(text)?;
    let is_group = document.get("groups").and_then(Item::as_table_like).is_some_and(|groups| groups.contains_key(name));
    let nodes = nodes(&mut document)?;
    if is_group || nodes.contains_key(name) {
        return Err(EditError::Exists(name.to_string()));
    }
    let mut table = Table::new();
    table.insert("address", value(node.address.to_string()));
    if let Some(key) = &node.host_key {
        table.insert("host-key", value(key.bare()));
    }
    if let Some(key) = &node.log_key {
        table.insert("log-key", value(key));
    }
    if let Some(provider) = &node.provider {
        table.insert("provider", value(&**provider));
    }
    if !node.settings.is_empty() {
        let mut settings = toml_edit::InlineTable::new();
        settings.extend(node.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        table.insert("settings", value(settings));
    }
    nodes.insert(name, Item::Table(table));
    Ok(document.to_string())
}

/// The text without a node, and without it in any group; a group without nodes goes, too.
pub fn remove_node(text: &str, name: &str) -> Result<String, EditError> {
    let mut document = parse(text)?;
    nodes(&mut document)?.remove(name).ok_or_else(|| EditError::Absent(name.to_owned()))?;
    if let Some(groups) = document.get_mut("groups").and_then(Item::as_table_like_mut) {
        let mut empty = Vec::new();
        for (group, item) in groups.iter_mut() {
            let members = item.as_table_like_mut().and_then(|table| table.get_mut("nodes")).and_then(Item::as_array_mut);
            let Some(members) = members else { continue };
            members.retain(|member| member.as_str() != Some(name));
            if members.is_empty() {
                empty.push(group.get().to_owned());
            }
        }
        for group in empty {
            groups.remove(&group);
        }
    }
    Ok(document.to_string())
}

/// The text with the key that the node's host has.
pub fn set_host_key(text: &str, name: &str, key: &PublicKey) -> Result<String, EditError> {
    set(text, name, "host-key", &key.bare())
}

/// The text with the key that verifies the node's log.
pub fn set_log_key(text: &str, name: &str, key: &str) -> Result<String, EditError> {
    set(text, name, "log-key", key)
}

fn set(text: &str, name: &str, field: &str, to: &str) -> Result<String, EditError> {
    let mut document = parse(text)?;
    let node = nodes(&mut document)?.get_mut(name).ok_or_else(|| EditError::Absent(name.to_owned()))?;
    let node = node.as_table_like_mut().ok_or_else(|| EditError::NoTable(format!("nodes.{name}")))?;
    let mut new = toml_edit::Value::from(to);
    match node.get_mut(field) {
        Some(item) => {
            if let Some(old) = item.as_value() {
                *new.decor_mut() = old.decor().clone();
            }
            *item = Item::Value(new);
        }
        None => drop(node.insert(field, Item::Value(new))),
    }
    Ok(document.to_string())
}

fn parse(text: &str) -> Result<DocumentMut, EditError> {
    text.parse().map_err(|error: toml_edit::TomlError| EditError::Parse(error.message().to_owned()))
}

fn nodes(document: &mut DocumentMut) -> Result<&mut dyn TableLike, EditError> {
    let item = document.entry("nodes").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true); // `[nodes.web1]` says it all
        Item::Table(table)
    });
    item.as_table_like_mut().ok_or_else(|| EditError::NoTable("nodes".into()))
}
