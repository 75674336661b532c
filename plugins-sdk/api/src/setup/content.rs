//! The content of a file.

use super::Sha256;
use crate::{digest::Digest, path::TreePath};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// As it stands.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    Inline(Vec<u8>),
    /// A file of the plugin's own package. The host puts the bytes in before a plan is used.
    Asset(TreePath),
    /// Bytes that the node has by digest.
    Blob(Digest),
    /// Filled in on the node; only the name enters the plan's digest.
    Secret(String),
}

impl Content {
    /// Text as it stands.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Inline(text.into().into_bytes())
    }

    /// The digest of the bytes, where they are known.
    pub fn digest(&self, sha256: Sha256) -> Option<Digest> {
        match self {
            Self::Inline(bytes) => Some(sha256(bytes)),
            Self::Blob(digest) => Some(*digest),
            Self::Asset(_) | Self::Secret(_) => None,
        }
    }
}

/// How bytes are written: as text where they are text, since a list of numbers is four times as long.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Bytes(Vec<u8>),
}

fn write<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    match core::str::from_utf8(bytes) {
        Ok(text) => text.serialize(serializer),
        Err(_) => bytes.serialize(serializer),
    }
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    match Written::deserialize(deserializer).map_err(|_| D::Error::custom("content is text or a list of bytes"))? {
        Written::Text(text) => Ok(text.into_bytes()),
        Written::Bytes(bytes) => Ok(bytes),
    }
}
