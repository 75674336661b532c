//! The result of a merge under construction: a tree that starts as its base and remembers why each
//! path was changed.
//!
//! This is the host's [`Overlay`], behind built-in customizers and WASM plugins alike; all rules
//! about paths, collisions and limits are here and nowhere else.

mod reasons;

pub use reasons::{Change, Reasons};

use crate::{
    hash,
    listing::{Kind, Listing, ListingError, Node},
    snapshot::{Blobs, Layers, MemoryBlobs, Snapshot},
};
use silver_plugin_api::{Collision, Digest, Entry, EntryKind, Failure, FileWriter, Overlay, Reason, Tree, TreePath, walk};
use std::sync::Arc;

/// How much one customizer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverlayLimits {
    /// Calls, and files that are linked or removed by one call.
    pub operations: u64,
    /// New bytes.
    pub bytes: u64,
}

impl Default for OverlayLimits {
    /// Far above what a real customization does.
    fn default() -> Self {
        Self { operations: 200_000, bytes: 256 << 20 }
    }
}

/// The longest rule or input of a reason, in bytes; longer ones are cut.
const MAX_REASON: usize = 1024;
/// The most inputs of a reason; the others are dropped.
const MAX_INPUTS: usize = 64;

/// A tree under construction.
pub struct Draft {
    listing: Listing,
    /// Where contents are found: the base's and every linked tree's blobs.
    stores: Vec<Arc<dyn Blobs>>,
    /// Contents that were put.
    made: MemoryBlobs,
    reasons: Reasons,
    /// Who makes the operations.
    by: String,
    protected: Vec<TreePath>,
    limits: OverlayLimits,
    operations: u64,
    bytes: u64,
}

impl Draft {
    /// Starts as `base`.
    pub fn new(base: &Snapshot) -> Self {
        Self {
            listing: Listing::clone(base.listing()),
            stores: vec![Arc::clone(base.blobs())],
            made: MemoryBlobs::new(),
            reasons: Reasons::default(),
            by: String::new(),
            protected: Vec::new(),
            limits: OverlayLimits::default(),
            operations: 0,
            bytes: 0,
        }
    }

    /// From here on `by` makes the operations, within fresh limits.
    pub fn enter(&mut self, by: &str, limits: OverlayLimits) {
        (self.by, self.limits, self.operations, self.bytes) = (by.to_owned(), limits, 0, 0);
    }

    /// Nobody may change `path` or what lies below it.
    pub fn protect(&mut self, path: TreePath) {
        self.protected.push(path);
    }

    /// The tree, and why it is as it is.
    pub fn finish(self) -> (Snapshot, Reasons) {
        let snapshot = self.freeze();
        (snapshot, self.reasons)
    }

    /// The contents that were put, by digest, each once.
    pub fn made(&self) -> &MemoryBlobs {
        &self.made
    }

    fn freeze(&self) -> Snapshot {
        let mut stores: Vec<Arc<dyn Blobs>> = Vec::with_capacity(self.stores.len() + 1);
        if !self.made.is_empty() {
            stores.push(Arc::new(self.made.clone()));
        }
        stores.extend(self.stores.iter().cloned());
        Snapshot::new(self.listing.clone(), Arc::new(Layers::new(stores)))
    }

    fn count(&mut self, operations: u64) -> Result<(), Failure> {
        self.operations = self.operations.saturating_add(operations);
        if self.operations > self.limits.operations {
            return Err(Failure::Limit(format!("more than {} operations", self.limits.operations)));
        }
        Ok(())
    }

    fn judge(&self, dest: &TreePath) -> Result<(), Failure> {
        if dest.is_root() {
            return Err(Failure::invalid("no-name", "a file needs a name", None));
        }
        let hit = |path: &&TreePath| dest.below(path).is_some() || path.below(dest).is_some();
        match self.protected.iter().find(hit) {
            Some(path) => Err(Failure::Denied(format!("`{path}` is not for plugins to change"))),
            None => Ok(()),
        }
    }

    /// Puts `node` at `dest` unless something there stands; returns whether it was put.
    fn place(&mut self, dest: &TreePath, node: Node, on: Collision, why: &Reason) -> Result<bool, Failure> {
        self.judge(dest)?;
        let old = self.listing.get(dest).copied();
        match (old, on) {
            (Some(_), Collision::Fail) => {
                let message = format!("`{dest}` is there already");
                return Err(Failure::invalid("collision", message, Some("give the file another name, or override it")));
            }
            (Some(_), Collision::Keep) => return Ok(false),
            _ => {}
        }
        self.listing.insert(dest.clone(), node).map_err(told)?;
        self.reasons.record(dest, self.change(why, old, Some(node)));
        Ok(true)
    }

    fn change(&self, why: &Reason, old: Option<Node>, new: Option<Node>) -> Change {
        let cut = |text: &str| text[..text.floor_char_boundary(MAX_REASON)].to_owned();
        Change {
            by: self.by.clone(),
            rule: cut(&why.rule),
            inputs: why.inputs.iter().take(MAX_INPUTS).map(|input| cut(input)).collect(),
            digest: new.map(|node| node.digest),
            replaced: old.map(|node| node.digest),
        }
    }

    /// The node at `source`, with its content within reach.
    fn take(&mut self, from: &dyn Tree, source: &TreePath) -> Result<Node, Failure> {
        if let Some(snapshot) = from.as_any().and_then(|tree| tree.downcast_ref::<Snapshot>()) {
            let node = snapshot.listing().get(source).ok_or_else(|| missing(source))?;
            self.reach(snapshot.blobs());
            return Ok(*node);
        }
        let entry = from.stat(source).ok_or_else(|| missing(source))?;
        let (kind, content) = match entry.kind {
            EntryKind::Directory => return Err(missing(source)),
            EntryKind::File => (if entry.executable { Kind::Executable } else { Kind::File }, from.read(source)?),
            EntryKind::Symlink => (Kind::Link, from.read_link(source)?.into_bytes()),
        };
        self.keep(kind, &content)
    }

    fn reach(&mut self, blobs: &Arc<dyn Blobs>) {
        if !self.stores.iter().any(|store| Arc::ptr_eq(store, blobs)) {
            self.stores.push(Arc::clone(blobs));
        }
    }

    /// Keeps new content.
    fn keep(&mut self, kind: Kind, content: &[u8]) -> Result<Node, Failure> {
        self.bytes = self.bytes.saturating_add(content.len() as u64);
        if self.bytes > self.limits.bytes {
            return Err(Failure::Limit(format!("more than {} new bytes", self.limits.bytes)));
        }
        Ok(Node { kind, size: content.len() as u64, digest: self.made.put(content) })
    }

    /// Runs `work`; after a failure the tree and its reasons are as before.
    fn whole<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Failure>) -> Result<T, Failure> {
        let (listing, reasons) = (self.listing.clone(), self.reasons.clone());
        work(self).inspect_err(|_| (self.listing, self.reasons) = (listing, reasons))
    }
}

fn missing(path: &TreePath) -> Failure {
    Failure::NotFound(format!("`{path}` is not a file of the tree"))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn told(error: ListingError) -> Failure {
    Failure::invalid("path-conflict", error.to_string(), error.hint().as_deref())
}

/// Where `source` of a linked tree ends up; a link has to lead inside from there too.
fn below(entry: &Entry, source: &TreePath, dest: &TreePath) -> Result<TreePath, Failure> {
    let rest = entry.path.below(source).unwrap_or_default();
    dest.join(&rest).map_err(|error| Failure::invalid("bad-path", format!("`{dest}/{rest}`: {error}"), None))
}

impl Overlay for Draft {
    fn link(&mut self, from: &dyn Tree, source: &TreePath, dest: &TreePath, on: Collision, why: Reason) -> Result<(), Failure> {
        self.count(1)?;
        let node = self.take(from, source)?;
        if node.kind == Kind::Link {
            check_link(dest, &from.read_link(source)?)?;
        }
        self.place(dest, node, on, &why).map(drop)
    }

    fn link_all(
        &mut self,
        from: &dyn Tree,
        source: &TreePath,
        dest: &TreePath,
        on: Collision,
        why: Reason,
    ) -> Result<u32, Failure> {
        self.count(1)?;
        self.whole(|draft| {
            let mut linked = 0;
            for entry in walk::below(from, source) {
                let entry = entry?;
                let dest = below(&entry, source, dest)?;
                draft.count(1)?;
                let node = draft.take(from, &entry.path)?;
                if node.kind == Kind::Link {
                    check_link(&dest, &from.read_link(&entry.path)?)?;
                }
                linked += u32::from(draft.place(&dest, node, on, &why)?);
            }
            Ok(linked)
        })
    }

    fn put(&mut self, dest: &TreePath, content: &[u8], executable: bool, on: Collision, why: Reason) -> Result<(), Failure> {
        self.count(1)?;
        self.judge(dest)?;
        let node = self.keep(if executable { Kind::Executable } else { Kind::File }, content)?;
        self.place(dest, node, on, &why).map(drop)
    }

    fn remove(&mut self, dest: &TreePath, why: Reason) -> Result<(), Failure> {
        self.count(1)?;
        self.judge(dest)?;
        let Some(old) = self.listing.remove(dest) else { return Err(missing(dest)) };
        self.reasons.record(dest, self.change(&why, Some(old), None));
        Ok(())
    }

    fn remove_all(&mut self, dest: &TreePath, why: Reason) -> Result<u32, Failure> {
        self.count(1)?;
        let paths: Vec<TreePath> = self.listing.below(dest).map(|(path, _)| path.clone()).collect();
        if paths.is_empty() {
            return Err(Failure::NotFound(format!("nothing lies below `{dest}`")));
        }
        self.whole(|draft| {
            for path in &paths {
                draft.remove(path, why.clone())?;
            }
            Ok(u32::try_from(paths.len()).unwrap_or(u32::MAX))
        })
    }

    fn set_executable(&mut self, dest: &TreePath, executable: bool, why: Reason) -> Result<(), Failure> {
        self.count(1)?;
        let old = *self.listing.get(dest).ok_or_else(|| missing(dest))?;
        if old.kind == Kind::Link {
            return Err(Failure::invalid("is-link", format!("`{dest}` is a link, only files can be executed"), None));
        }
        let node = Node { kind: if executable { Kind::Executable } else { Kind::File }, ..old };
        self.place(dest, node, Collision::Replace, &why).map(drop)
    }

    fn symlink(&mut self, dest: &TreePath, target: &str, on: Collision, why: Reason) -> Result<(), Failure> {
        self.count(1)?;
        self.judge(dest)?;
        check_link(dest, target)?;
        let node = self.keep(Kind::Link, target.as_bytes())?;
        self.place(dest, node, on, &why).map(drop)
    }

    fn open(
        &mut self,
        dest: &TreePath,
        executable: bool,
        on: Collision,
        why: Reason,
    ) -> Result<Box<dyn FileWriter + '_>, Failure> {
        self.count(1)?;
        self.judge(dest)?;
        Ok(Box::new(Writer { dest: dest.clone(), executable, on, why, content: Vec::new(), draft: self }))
    }

    fn stat(&self, path: &TreePath) -> Option<Entry> {
        self.listing.stat(path)
    }

    fn snapshot(&self) -> Box<dyn Tree> {
        Box::new(self.freeze())
    }
}

fn check_link(at: &TreePath, target: &str) -> Result<(), Failure> {
    let told = |error| format!("the link `{at}` to `{}`: {error}", target.escape_debug());
    at.resolve_link(target).map(drop).map_err(|error| Failure::invalid("bad-link", told(error), None))
}

struct Writer<'d> {
    draft: &'d mut Draft,
    dest: TreePath,
    executable: bool,
    on: Collision,
    why: Reason,
    content: Vec<u8>,
}

impl FileWriter for Writer<'_> {
    fn write(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        let more = self.content.len().saturating_add(chunk.len()) as u64;
        if self.draft.bytes.saturating_add(more) > self.draft.limits.bytes {
            return Err(Failure::Limit(format!("more than {} new bytes", self.draft.limits.bytes)));
        }
        self.content.extend_from_slice(chunk);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Digest, Failure> {
        let Self { draft, dest, executable, on, why, content } = *self;
        let digest = hash::sha256(&content);
        draft.put(&dest, &content, executable, on, why).map(|()| digest)
    }
}

#[cfg(test)]
mod tests;
