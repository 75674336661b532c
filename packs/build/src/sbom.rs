//! The bill of materials: CycloneDX 1.6, JSON (<https://cyclonedx.org/docs/1.6/json/>).
//!
//! Only what silver knows is written: the application, its packages with their digests, its
//! plugins. The types are our own, because the crates that write the format stop at 1.5 or bring
//! their own clock and random serial numbers.

use serde::Serialize;
use silver_plugin_api::Digest;

/// The document.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sbom {
    bom_format: &'static str,
    spec_version: &'static str,
    version: u32,
    metadata: Metadata,
    components: Vec<Component>,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Metadata {
    tools: Tools,
    component: Component,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Tools {
    components: Vec<Component>,
}

/// A piece of software.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Component {
    /// `application`, `library`, `file`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Unique in the document.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub bom_ref: String,
    /// Name.
    pub name: String,
    /// Version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// One line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Digests of its file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hashes: Vec<Hash>,
    /// Licences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<License>,
    /// Package URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purl: Option<String>,
    /// Anything else, e.g. the file inside the pack.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<Property>,
}

/// A digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hash {
    alg: &'static str,
    content: String,
}

impl Hash {
    /// A SHA-512 in hex digits.
    pub fn sha512(hex: &str) -> Self {
        Self { alg: "SHA-512", content: hex.to_owned() }
    }
}

impl From<Digest> for Hash {
    fn from(digest: Digest) -> Self {
        Self { alg: "SHA-256", content: digest.hex() }
    }
}

/// A licence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum License {
    /// An SPDX expression.
    Expression(String),
    /// A name in words.
    License {
        /// The words.
        name: String,
    },
}

/// A named value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Property {
    /// `silver:file`, …
    pub name: &'static str,
    /// The value.
    pub value: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    #[serde(rename = "ref")]
    from: String,
    depends_on: Vec<String>,
}

impl Sbom {
    /// The bill of an application that consists of `components`.
    pub fn new(application: Component, components: Vec<Component>) -> Self {
        let silver = Component {
            kind: "application",
            name: "silver".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            ..Component::default()
        };
        let depends_on = components.iter().map(|component| component.bom_ref.clone()).collect();
        Self {
            bom_format: "CycloneDX",
            spec_version: "1.6",
            version: 1,
            dependencies: vec![Dependency { from: application.bom_ref.clone(), depends_on }],
            metadata: Metadata { tools: Tools { components: vec![silver] }, component: application },
            components,
        }
    }

    /// The document's text.
    pub fn to_json(&self) -> String {
        crate::provenance::pretty(self)
    }
}
