//! Desired state of a node: what node-setup plugins return. A draft, as `silver:node` is.

use crate::{digest::Digest, path::TreePath};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// As it stands.
    Inline(Vec<u8>),
    /// A file of the plugin's own package.
    Asset(TreePath),
    /// Bytes the host has.
    Blob(Digest),
    /// Filled in on the node; only the name enters the plan's digest.
    Secret(String),
}

/// Something that shall be so on the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// A package of the distribution.
    Package {
        /// Name.
        name: String,
        /// Exact version, if it matters.
        version: Option<String>,
    },
    /// A file.
    File {
        /// Absolute path on the node.
        path: String,
        /// Content.
        content: Content,
        /// Owner and group.
        owner: (String, String),
        /// Permission bits.
        mode: u32,
    },
    /// A directory.
    Directory {
        /// Absolute path on the node.
        path: String,
        /// Owner and group.
        owner: (String, String),
        /// Permission bits.
        mode: u32,
    },
}

/// A resource in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Item {
    /// Unique in the plan, stable over versions: the key of a diff.
    pub id: String,
    /// What.
    pub resource: Resource,
    /// Ids that have to be in place first.
    pub after: Vec<String>,
    /// Shown to the operator.
    pub why: String,
}
