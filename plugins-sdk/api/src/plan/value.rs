//! Values that are completed on the node when a process starts.

use alloc::{string::String, vec, vec::Vec};
use serde::{Deserialize, Serialize};

/// A piece of a [`Value`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// As it stands.
    Text(String),
    /// A fact of the node, by its environment name: `SILVER_DATA_DIR`, `SILVER_URL`, …
    Fact(String),
    /// The current generation of a secret, by name.
    Secret(String),
}

/// A value made of parts, so that no text of a person can be mistaken for a reference. Records and
/// plans hold the parts; the value itself exists on the node only.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Value(pub Vec<Part>);

impl Value {
    /// Plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self(vec![Part::Text(text.into())])
    }

    /// One fact.
    pub fn fact(name: &str) -> Self {
        Self(vec![Part::Fact(name.into())])
    }

    /// One secret.
    pub fn secret(name: &str) -> Self {
        Self(vec![Part::Secret(name.into())])
    }

    /// Does it hold a secret?
    pub fn is_secret(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Secret(_)))
    }

    /// For people: secrets as `***`, facts as `${NAME}`.
    pub fn masked(&self) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Fact(name) => text.extend(["${", name, "}"]),
                Part::Secret(_) => text.push_str("***"),
            }
        }
        text
    }
}
