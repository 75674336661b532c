//! Services keep an application's data. A draft, as `silver:node` is.

use crate::{
    Settings,
    failure::Failure,
    plan::{NodeFacts, Recipe, StatePath, Value},
    setup::Item,
};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// What a service plugin knows of the application.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AppInfo {
    /// Name on the node.
    pub name: String,
    /// Version of the pack.
    pub version: String,
    /// Paths that the application writes.
    pub state: Vec<StatePath>,
    /// Room to grow.
    pub extra: Settings,
}

/// Which node plays which part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Place {
    /// `apps`, `postgresql`, …
    pub role: String,
    /// The node.
    pub node: NodeFacts,
}

/// What a service needs on the node and gives to the application.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Provisioning {
    /// What shall be so on the node.
    pub items: Vec<Item>,
    /// Facts for `[[bind]] from = "service.<name>.<fact>"`: fact, value.
    pub facts: Vec<(String, Value)>,
}

/// Keeps an application's data.
pub trait Service {
    /// `files`, `postgresql`, …
    fn kind(&self) -> &'static str;
    /// What it needs and gives.
    fn provision(&self, app: &AppInfo, placement: &[Place], settings: &Settings) -> Result<Provisioning, Failure>;
    /// What a checkpoint of it consists of.
    fn parts(&self, app: &AppInfo, placement: &[Place], settings: &Settings) -> Result<Recipe, Failure>;
}
