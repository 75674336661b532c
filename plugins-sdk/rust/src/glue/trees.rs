//! Trees and overlays behind the host's handles.

use super::convert::{collision, digest, entries, entry, failed, reason};
use crate::bindings::customizer::silver::plugin::trees as wit;
use silver_plugin_api::{Collision, Digest, Entry, Failure, FileWriter, Overlay, Reason, Tree, TreePath};
use std::{any::Any, borrow::Borrow};

/// Content above this size crosses in pieces: the host bounds what one call may carry.
const PIECE: usize = 1 << 20;

impl Tree for wit::Tree {
    fn digest(&self) -> Digest {
        digest(&wit::Tree::digest(self)).expect("the host's digest is well formed")
    }

    fn stat(&self, path: &TreePath) -> Option<Entry> {
        wit::Tree::stat(self, path).as_ref().and_then(|found| entry(found).ok())
    }

    fn list(&self, under: &TreePath, after: Option<&TreePath>, limit: u32) -> Result<Vec<Entry>, Failure> {
        entries(&wit::Tree::list(self, under, after.map(TreePath::as_str), limit).map_err(failed)?)
    }

    fn glob(&self, patterns: &[String], after: Option<&TreePath>, limit: u32) -> Result<Vec<Entry>, Failure> {
        entries(&wit::Tree::glob(self, patterns, after.map(TreePath::as_str), limit).map_err(failed)?)
    }

    fn read(&self, path: &TreePath) -> Result<Vec<u8>, Failure> {
        wit::Tree::read(self, path).map_err(failed)
    }

    fn read_range(&self, path: &TreePath, offset: u64, length: u32) -> Result<Vec<u8>, Failure> {
        wit::Tree::read_range(self, path, offset, length).map_err(failed)
    }

    fn read_link(&self, path: &TreePath) -> Result<String, Failure> {
        wit::Tree::read_link(self, path).map_err(failed)
    }

    fn read_text(&self, path: &TreePath) -> Result<String, Failure> {
        wit::Tree::read_text(self, path).map_err(failed)
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

/// An overlay's handle, borrowed (of a merge) or owned (of a workspace).
pub(super) struct Handle<T>(pub(super) T);

impl<T: Borrow<wit::Overlay>> Handle<T> {
    fn get(&self) -> &wit::Overlay {
        self.0.borrow()
    }
}

/// The host's handle of `tree`, if it has one.
fn handle(tree: &dyn Tree) -> Option<&wit::Tree> {
    tree.as_any()?.downcast_ref()
}

impl<T: Borrow<wit::Overlay>> Overlay for Handle<T> {
    fn link(&mut self, from: &dyn Tree, source: &TreePath, dest: &TreePath, on: Collision, why: Reason) -> Result<(), Failure> {
        if let Some(from) = handle(from) {
            return self.get().link(from, source, dest, collision(on), &reason(why)).map_err(failed);
        }
        // a tree that the plugin made itself
        let executable = from.stat(source).is_some_and(|entry| entry.executable);
        self.put(dest, &from.read(source)?, executable, on, why)
    }

    fn link_all(
        &mut self,
        from: &dyn Tree,
        source: &TreePath,
        dest: &TreePath,
        on: Collision,
        why: Reason,
    ) -> Result<u32, Failure> {
        if let Some(from) = handle(from) {
            return self.get().link_all(from, source, dest, collision(on), &reason(why)).map_err(failed);
        }
        let mut count = 0;
        for entry in silver_plugin_api::walk::below(from, source) {
            let entry = entry?;
            let below = entry.path.below(source).unwrap_or_default();
            let dest = dest.join(&below).map_err(|error| Failure::invalid("path", format!("`{dest}/{below}`: {error}"), None))?;
            self.link(from, &entry.path, &dest, on, why.clone())?;
            count += 1;
        }
        Ok(count)
    }

    fn put(&mut self, dest: &TreePath, content: &[u8], executable: bool, on: Collision, why: Reason) -> Result<(), Failure> {
        if content.len() <= PIECE {
            return self.get().put(dest, content, executable, collision(on), &reason(why)).map_err(failed);
        }
        let mut file = self.open(dest, executable, on, why)?;
        for piece in content.chunks(PIECE) {
            file.write(piece)?;
        }
        file.finish().map(|_| ())
    }

    fn remove(&mut self, dest: &TreePath, why: Reason) -> Result<(), Failure> {
        self.get().remove(dest, &reason(why)).map_err(failed)
    }

    fn remove_all(&mut self, dest: &TreePath, why: Reason) -> Result<u32, Failure> {
        self.get().remove_all(dest, &reason(why)).map_err(failed)
    }

    fn set_executable(&mut self, dest: &TreePath, executable: bool, why: Reason) -> Result<(), Failure> {
        self.get().set_executable(dest, executable, &reason(why)).map_err(failed)
    }

    fn symlink(&mut self, dest: &TreePath, target: &str, on: Collision, why: Reason) -> Result<(), Failure> {
        self.get().symlink(dest, target, collision(on), &reason(why)).map_err(failed)
    }

    fn open(
        &mut self,
        dest: &TreePath,
        executable: bool,
        on: Collision,
        why: Reason,
    ) -> Result<Box<dyn FileWriter + '_>, Failure> {
        let writer = self.get().open(dest, executable, collision(on), &reason(why)).map_err(failed)?;
        Ok(Box::new(writer))
    }

    fn stat(&self, path: &TreePath) -> Option<Entry> {
        self.get().stat(path).as_ref().and_then(|found| entry(found).ok())
    }

    fn snapshot(&self) -> Box<dyn Tree> {
        Box::new(self.get().snapshot())
    }
}

impl FileWriter for wit::FileWriter {
    fn write(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        for piece in chunk.chunks(PIECE) {
            wit::FileWriter::write(self, piece).map_err(failed)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Digest, Failure> {
        digest(&wit::FileWriter::finish(*self).map_err(failed)?)
    }
}
