//! Package indexes, reached by name: where app plugins come from.

use crate::{Settings, digest::Digest, failure::Failure, tree::Tree};
use alloc::{boxed::Box, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// One exact package of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PackageRef {
    /// Name, normalised as the index does.
    pub name: String,
    /// Exact version. Empty where `search` cannot tell it.
    pub version: String,
    /// Digest of the file that `fetch` gives. All zeros where `search` and `versions` cannot tell
    /// it; `resolve_all` always does.
    pub digest: Digest,
    /// One line; may be empty.
    pub summary: String,
    /// Bytes; 0 when the index does not tell.
    pub size: u64,
    /// Withdrawn by its publisher.
    pub yanked: bool,
    /// Room to grow; `fetch` wants it back as it was.
    pub extra: Settings,
}

/// A wanted package: name and the index's own version syntax (`==1.0`, `>=2,<3`, or empty for any).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Requirement {
    /// Name.
    pub name: String,
    /// Version specifier; empty for any.
    pub versions: String,
    /// Room to grow.
    #[serde(default)]
    pub extra: Settings,
}

impl Requirement {
    /// A name and its version specifier.
    pub fn new(name: impl Into<String>, versions: impl Into<String>) -> Self {
        Self { name: name.into(), versions: versions.into(), extra: Settings::new() }
    }
}

/// An index of one kind (`python`, `npm`, `directory`). Transport, digests and unpacking are done
/// here; plugins get verified trees.
pub trait Index {
    /// Packages whose name or summary holds `query`, from the list that the pack ships.
    fn search(&self, query: &str, limit: u32) -> Result<Vec<PackageRef>, Failure>;
    /// Every version of a package, newest first.
    fn versions(&self, name: &str) -> Result<Vec<PackageRef>, Failure>;
    /// The whole closure of `wanted` within `constraints` (the pack's pins) for one platform.
    /// Packages that the constraints pin are part of the pack and are not returned. A conflict
    /// names both pins.
    fn resolve_all(&self, wanted: &[Requirement], constraints: &[Requirement], target: &str) -> Result<Vec<PackageRef>, Failure>;
    /// The package's tree (kind `python`: one file, the wheel), its digest verified.
    fn fetch(&self, what: &PackageRef) -> Result<Box<dyn Tree>, Failure>;
}

impl<T: Index + ?Sized> Index for &T {
    fn search(&self, query: &str, limit: u32) -> Result<Vec<PackageRef>, Failure> {
        (**self).search(query, limit)
    }

    fn versions(&self, name: &str) -> Result<Vec<PackageRef>, Failure> {
        (**self).versions(name)
    }

    fn resolve_all(&self, wanted: &[Requirement], constraints: &[Requirement], target: &str) -> Result<Vec<PackageRef>, Failure> {
        (**self).resolve_all(wanted, constraints, target)
    }

    fn fetch(&self, what: &PackageRef) -> Result<Box<dyn Tree>, Failure> {
        (**self).fetch(what)
    }
}
