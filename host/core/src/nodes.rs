//! `nodes.toml`: which nodes there are, how they are reached, and by which keys they are known.
//!
//! The file belongs under version control: nothing about a node exists on one laptop only, but for
//! private keys. Reading and editing are pure; who calls reads and writes the file.

mod address;
mod edit;
mod keys;
mod plugin;

pub use address::Address;
pub use edit::{EditError, add_node, remove_node, set_host_key, set_log_key};
pub use keys::PublicKey;
pub use plugin::NodePlugin;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use silver_pack::{
    document::{Document, DocumentError, Problem, ProblemKind, nearest},
    manifest::Name,
};
use silver_plugin_api::Settings;
use std::collections::BTreeMap;

/// The name of the file.
pub const FILE: &str = "nodes.toml";
/// The name of this machine's node, which stands in no file.
pub const LOCAL: &str = "local";

/// `nodes.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Nodes {
    /// Nodes by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub nodes: BTreeMap<Name, NodeEntry>,
    /// Several nodes that serve as one, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<Name, Group>,
    /// People who may log in, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub operators: BTreeMap<Name, Operator>,
    /// Settings that node setup is given for every node.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "settings")]
    pub organisation: Settings,
    /// Plugins that set nodes up, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub plugins: BTreeMap<Name, NodePlugin>,
    /// Who creates nodes, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub providers: BTreeMap<Name, Provider>,
}

/// `[nodes.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NodeEntry {
    /// `user@host[:port]`, or a `Host` of the operator's ssh configuration.
    pub address: Address,
    /// The only key that this host may have; without it the operator's `known_hosts` decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<PublicKey>,
    /// Verifies the log that the node writes; `setup-node` notes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_key: Option<String>,
    /// Who created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Name>,
    /// Settings of this node's setup, before those of the organisation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "settings")]
    pub settings: Settings,
}

impl NodeEntry {
    /// A node that is reached at this address.
    pub fn at(address: Address) -> Self {
        Self { address, host_key: None, log_key: None, provider: None, settings: Settings::new() }
    }
}

/// `[groups.NAME]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Group {
    /// Its nodes; the first one goes ahead.
    pub nodes: Vec<Name>,
}

/// `[operators.NAME]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Operator {
    /// Keys to log in with.
    pub ssh_keys: Vec<PublicKey>,
}

/// `[providers.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Provider {
    /// `nspawn`.
    pub kind: String,
    /// What this kind wants to know.
    #[serde(flatten, deserialize_with = "settings")]
    pub settings: Settings,
}

/// A name that the file does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no node or group `{name}`")]
pub struct UnknownNode {
    /// What was asked for.
    pub name: String,
    /// What there is.
    pub known: Vec<String>,
}

impl UnknownNode {
    /// The way out.
    pub fn hint(&self) -> String {
        match nearest(&self.name, self.known.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None if self.known.is_empty() => format!("`silver add-node {} USER@HOST` notes where it is", self.name),
            None => format!("there are: {}", self.known.join(", ")),
        }
    }
}

impl Nodes {
    /// Reads the file; `file` is only named in errors.
    pub fn parse(text: &str, file: &str) -> Result<Self, DocumentError> {
        let document = Document::parse(text, file)?;
        let nodes: Self = document.decode()?;
        let problems = nodes.problems(&document);
        if problems.is_empty() { Ok(nodes) } else { Err(document.error(problems)) }
    }

    fn problems(&self, document: &Document<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |path: &[&str], message: String| {
            problems.push(document.problem(path, ProblemKind::Invalid { message, hint: None }));
        };
        for (table, name) in self.nodes.keys().map(|name| ("nodes", name)).chain(self.groups.keys().map(|name| ("groups", name)))
        {
            if **name == *LOCAL {
                wrong(&[table, name], "`local` is always this machine".into());
            }
        }
        for (name, group) in &self.groups {
            if self.nodes.contains_key(name) {
                wrong(&["groups", name], "a node has this name already".into());
            }
            if group.nodes.is_empty() {
                wrong(&["groups", name, "nodes"], "a group has at least one node".into());
            }
            for (at, node) in group.nodes.iter().enumerate() {
                let at_text = at.to_string();
                if !self.nodes.contains_key(node) {
                    wrong(&["groups", name, "nodes", &at_text], format!("there is no node `{node}`"));
                } else if group.nodes[..at].contains(node) {
                    wrong(&["groups", name, "nodes", &at_text], format!("`{node}` is there twice"));
                }
            }
        }
        for (name, node) in &self.nodes {
            if let Some(provider) = node.provider.as_ref().filter(|provider| !self.providers.contains_key(*provider)) {
                wrong(&["nodes", name, "provider"], format!("there is no provider `{provider}`"));
            }
        }
        problems
    }

    /// The nodes that `NAME[,NAME|group]…` means, each once, in this order.
    pub fn select(&self, names: &[String]) -> Result<Vec<String>, UnknownNode> {
        let mut selected: Vec<String> = Vec::new();
        for name in names {
            let members: Vec<&str> = match self.groups.get(name.as_str()) {
                Some(group) => group.nodes.iter().map(|node| &**node).collect(),
                None if name == LOCAL || self.nodes.contains_key(name.as_str()) => vec![name],
                None => return Err(UnknownNode { name: name.clone(), known: self.names() }),
            };
            for member in members {
                if !selected.iter().any(|there| there == member) {
                    selected.push(member.to_owned());
                }
            }
        }
        Ok(selected)
    }

    /// What node setup is given for a node: its own settings before the organisation's.
    pub fn settings(&self, node: &str) -> Settings {
        let mut settings = self.organisation.clone();
        settings.extend(self.nodes.get(node).map(|entry| entry.settings.clone()).unwrap_or_default());
        settings
    }

    fn names(&self) -> Vec<String> {
        self.nodes.keys().chain(self.groups.keys()).map(ToString::to_string).collect()
    }
}

/// Settings are texts; numbers and truth values may be written without quotes.
fn settings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Settings, D::Error> {
    let values = BTreeMap::<String, serde_json::Value>::deserialize(deserializer)?;
    let text = |(name, value): (String, serde_json::Value)| match value {
        serde_json::Value::String(text) => Ok((name, text)),
        value @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_)) => Ok((name, value.to_string())),
        _ => Err(D::Error::custom(format!("the setting `{name}` has to be a text, a number, true or false"))),
    };
    values.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests;
