//! Read-only trees and the result under construction.
//!
//! The rules that hold for every implementation, native or behind the sandbox:
//! pages are sorted by path bytes; a directory exists as soon as something lies below it; putting
//! a file where a directory is (or below a file) is `Failure::Invalid`; links are never followed by
//! `read`.

use crate::{digest::Digest, failure::Failure, path::TreePath};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::any::Any;
use serde::{Deserialize, Serialize};

/// The most entries that one page holds.
pub const MAX_PAGE: u32 = 4096;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory: implied by what lies below it, never stored.
    Directory,
    /// A relative link that stays inside the tree.
    Symlink,
}

/// One path of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where.
    pub path: TreePath,
    /// What.
    pub kind: EntryKind,
    /// Bytes of a file, of a link's target; 0 for a directory.
    pub size: u64,
    /// May it be executed? Only files.
    pub executable: bool,
    /// Digest of a file's content, of a link's target text; `None` for a directory.
    pub digest: Option<Digest>,
}

/// An immutable snapshot: backed by a zip, a directory captured at start, or an earlier result.
pub trait Tree {
    /// sha256 over the lines `f|x|l SP size SP sha256 SP path LF`, sorted by path bytes.
    fn digest(&self) -> Digest;
    /// The entry at `path`.
    fn stat(&self, path: &TreePath) -> Option<Entry>;
    /// Files and links below `under`, strictly after `after`, at most `limit` (capped at [`MAX_PAGE`]).
    fn list(&self, under: &TreePath, after: Option<&TreePath>, limit: u32) -> Result<Vec<Entry>, Failure>;
    /// As [`Tree::list`] from the root, filtered by globs such as `templates/**/*.html`.
    fn glob(&self, patterns: &[String], after: Option<&TreePath>, limit: u32) -> Result<Vec<Entry>, Failure>;
    /// The whole of a file; `Failure::Limit` above the host's cap.
    fn read(&self, path: &TreePath) -> Result<Vec<u8>, Failure>;
    /// At most `length` bytes from `offset`.
    fn read_range(&self, path: &TreePath, offset: u64, length: u32) -> Result<Vec<u8>, Failure>;
    /// The target text of a link.
    fn read_link(&self, path: &TreePath) -> Result<String, Failure>;

    /// The whole of a text file.
    fn read_text(&self, path: &TreePath) -> Result<String, Failure> {
        String::from_utf8(self.read(path)?)
            .map_err(|_| Failure::invalid("not-utf8", alloc::format!("`{path}` is not UTF-8 text"), None))
    }

    /// The implementation itself, for an overlay that can take content from trees of its own kind
    /// without reading it (the guest's handles, the host's snapshots). `None` hides it: bytes are
    /// then read and put.
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }
}

/// Why an operation was made; kept beside the merged tree so that `silver explain PATH` answers
/// without a re-run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The rule, in words an operator understands: `slot templates: override`.
    pub rule: String,
    /// What decided it, as `role:path`: `customization:templates/site_header.html`.
    pub inputs: Vec<String>,
}

impl Reason {
    /// A reason with its inputs.
    pub fn new(rule: impl Into<String>, inputs: impl IntoIterator<Item = String>) -> Self {
        Self { rule: rule.into(), inputs: inputs.into_iter().collect() }
    }
}

/// What to do when something is at the destination already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Collision {
    /// `Failure::Invalid`.
    Fail,
    /// The new one stands.
    Replace,
    /// The old one stands; the call succeeds.
    Keep,
}

/// The result under construction. It starts as the base tree, unchanged: what is not touched needs
/// no call, and none of its bytes are read.
pub trait Overlay {
    /// `dest` becomes a copy of `source` in `from`; no bytes are moved.
    fn link(&mut self, from: &dyn Tree, source: &TreePath, dest: &TreePath, on: Collision, why: Reason) -> Result<(), Failure>;
    /// The same for all below `source`; returns how many.
    fn link_all(
        &mut self,
        from: &dyn Tree,
        source: &TreePath,
        dest: &TreePath,
        on: Collision,
        why: Reason,
    ) -> Result<u32, Failure>;
    /// New bytes.
    fn put(&mut self, dest: &TreePath, content: &[u8], executable: bool, on: Collision, why: Reason) -> Result<(), Failure>;
    /// Removes a file or link.
    fn remove(&mut self, dest: &TreePath, why: Reason) -> Result<(), Failure>;
    /// Removes all below `dest`; returns how many.
    fn remove_all(&mut self, dest: &TreePath, why: Reason) -> Result<u32, Failure>;
    /// Sets or clears the executable bit of a file.
    fn set_executable(&mut self, dest: &TreePath, executable: bool, why: Reason) -> Result<(), Failure>;
    /// Makes a relative link that stays inside.
    fn symlink(&mut self, dest: &TreePath, target: &str, on: Collision, why: Reason) -> Result<(), Failure>;
    /// For content too big for one call.
    fn open(
        &mut self,
        dest: &TreePath,
        executable: bool,
        on: Collision,
        why: Reason,
    ) -> Result<Box<dyn FileWriter + '_>, Failure>;
    /// The entry at `path` in the state so far.
    fn stat(&self, path: &TreePath) -> Option<Entry>;
    /// A frozen view of the state so far, to read back or link from.
    fn snapshot(&self) -> Box<dyn Tree>;
}

/// Writes one file of an [`Overlay`]. Dropped unfinished, it leaves nothing.
pub trait FileWriter {
    /// Appends.
    fn write(&mut self, chunk: &[u8]) -> Result<(), Failure>;
    /// Publishes the file at its destination.
    fn finish(self: Box<Self>) -> Result<Digest, Failure>;
}
