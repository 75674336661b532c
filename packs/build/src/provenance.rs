//! Where the pieces of a pack came from. No machine's paths, no time: the same input gives the same
//! text.

use serde::Serialize;
use silver_plugin_api::Digest;

/// `.silver/provenance.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// 1.
    pub format: u32,
    /// Version of the silver that made the pack.
    pub silver: &'static str,
    /// What version control knows of the pack's directory; absent when it is not under any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The zip that the pack was made of, if it was not made of a directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zip: Option<Input>,
    /// Packages that were fetched.
    pub packages: Vec<Package>,
    /// Commands that made files, in a sandbox without network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Ran>,
    /// Compiled plugins, which are pinned inputs.
    pub plugins: Vec<Input>,
}

/// The state of a directory under version control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// `git` or `hg`.
    pub vcs: &'static str,
    /// The last revision that changed the directory.
    pub revision: String,
    /// The directory inside the repository; empty for its root.
    pub directory: String,
    /// Were there changes that no revision holds?
    pub dirty: bool,
}

/// A fetched package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Package {
    /// `pypi`, `npm`, `deb`.
    pub kind: &'static str,
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// File or directory in the pack; empty when its files are in several places.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// The digest of what was fetched, with the name of the function: `sha256:…`.
    pub digest: String,
}

/// A command that made files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ran {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Files and directories of the pack that it made.
    pub outputs: Vec<String>,
}

/// A file that was given, not made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Input {
    /// File in the pack, or the name of the zip.
    pub file: String,
    /// Its digest.
    pub digest: Digest,
}

impl Provenance {
    /// The document's text.
    pub fn to_json(&self) -> String {
        pretty(self)
    }
}

/// JSON for people and tools, ending with a line feed.
pub(crate) fn pretty(value: &impl Serialize) -> String {
    // plain structs of text and numbers have no way to fail
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
