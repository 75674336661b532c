//! The resources `overlay` and `file-writer`.

use super::{
    bindings::customizer::silver::plugin::{
        trees::{self, HostFileWriter, HostOverlay},
        types,
    },
    convert::{collision, entry, reason},
};
use crate::{
    cache::sha256,
    host::{HostError, OverlayHandle, OverlaySlot, State, TreeHandle, TreeSlot, Writer, WriterHandle, path, within},
};
use silver_plugin_api::{Failure, Overlay, TreePath};
use wasmtime::component::Resource;

type Answer<T> = Result<T, HostError>;

impl State {
    fn overlay<R>(&self, slot: OverlaySlot, act: impl FnOnce(&mut dyn Overlay) -> R) -> wasmtime::Result<R> {
        let _ = self;
        within(|mut call| Ok(act(slot.resolve(&mut call)?)))
    }

    /// The overlay of a handle, if it may be changed.
    fn change(&mut self, handle: &Resource<OverlayHandle>) -> Answer<OverlaySlot> {
        self.operation(1)?;
        let slot = *self.overlays.get(handle.rep())?;
        if matches!(slot, OverlaySlot::Edits) && !self.grants.edit() {
            return Err(Failure::Denied("edit-customization".into()).into());
        }
        Ok(slot)
    }

    /// An operation that takes content from a tree.
    fn take_from<R>(
        &mut self,
        overlay: &Resource<OverlayHandle>,
        from: &Resource<TreeHandle>,
        act: impl FnOnce(&mut dyn Overlay, &dyn silver_plugin_api::Tree) -> Result<R, Failure>,
    ) -> Answer<R> {
        let slot = self.change(overlay)?;
        let from = self.trees.get(from.rep())?;
        within(|mut call| {
            let tree = from.resolve((call.app, call.customization))?;
            Ok(act(slot.resolve(&mut call)?, tree)?)
        })
    }

    fn put_bytes(
        &mut self,
        overlay: &Resource<OverlayHandle>,
        dest: &str,
        content: &[u8],
        executable: bool,
        on: trees::Collision,
        why: &trees::Reason,
    ) -> Answer<()> {
        let dest = path(dest)?;
        let slot = self.change(overlay)?;
        self.write(content.len())?;
        Ok(self.overlay(slot, |overlay| overlay.put(&dest, content, executable, collision(on), reason(why)))??)
    }
}

impl HostOverlay for State {
    fn link(
        &mut self,
        overlay: Resource<OverlayHandle>,
        from: Resource<TreeHandle>,
        source: String,
        dest: String,
        on: trees::Collision,
        why: trees::Reason,
    ) -> Answer<()> {
        let (source, dest) = (path(&source)?, path(&dest)?);
        self.take_from(&overlay, &from, |overlay, tree| overlay.link(tree, &source, &dest, collision(on), reason(&why)))
    }

    fn link_all(
        &mut self,
        overlay: Resource<OverlayHandle>,
        from: Resource<TreeHandle>,
        source: String,
        dest: String,
        on: trees::Collision,
        why: trees::Reason,
    ) -> Answer<u32> {
        let (source, dest) = (path(&source)?, path(&dest)?);
        let count =
            self.take_from(&overlay, &from, |overlay, tree| overlay.link_all(tree, &source, &dest, collision(on), reason(&why)))?;
        self.operation(count.into())?;
        Ok(count)
    }

    fn put(
        &mut self,
        overlay: Resource<OverlayHandle>,
        dest: String,
        content: Vec<u8>,
        executable: bool,
        on: trees::Collision,
        why: trees::Reason,
    ) -> Answer<()> {
        self.put_bytes(&overlay, &dest, &content, executable, on, &why)
    }

    fn put_text(
        &mut self,
        overlay: Resource<OverlayHandle>,
        dest: String,
        content: String,
        on: trees::Collision,
        why: trees::Reason,
    ) -> Answer<()> {
        self.put_bytes(&overlay, &dest, content.as_bytes(), false, on, &why)
    }

    fn remove(&mut self, overlay: Resource<OverlayHandle>, dest: String, why: trees::Reason) -> Answer<()> {
        let dest = path(&dest)?;
        let slot = self.change(&overlay)?;
        Ok(self.overlay(slot, |overlay| overlay.remove(&dest, reason(&why)))??)
    }

    fn remove_all(&mut self, overlay: Resource<OverlayHandle>, dest: String, why: trees::Reason) -> Answer<u32> {
        let dest = path(&dest)?;
        let slot = self.change(&overlay)?;
        let count = self.overlay(slot, |overlay| overlay.remove_all(&dest, reason(&why)))??;
        self.operation(count.into())?;
        Ok(count)
    }

    fn set_executable(
        &mut self,
        overlay: Resource<OverlayHandle>,
        dest: String,
        executable: bool,
        why: trees::Reason,
    ) -> Answer<()> {
        let dest = path(&dest)?;
        let slot = self.change(&overlay)?;
        Ok(self.overlay(slot, |overlay| overlay.set_executable(&dest, executable, reason(&why)))??)
    }

    fn symlink(
        &mut self,
        overlay: Resource<OverlayHandle>,
        dest: String,
        target: String,
        on: trees::Collision,
        why: trees::Reason,
    ) -> Answer<()> {
        let dest = path(&dest)?;
        let slot = self.change(&overlay)?;
        self.write(target.len())?;
        Ok(self.overlay(slot, |overlay| overlay.symlink(&dest, &target, collision(on), reason(&why)))??)
    }

    fn open(
        &mut self,
        overlay: Resource<OverlayHandle>,
        dest: String,
        executable: bool,
        on: trees::Collision,
        why: trees::Reason,
    ) -> Answer<Resource<WriterHandle>> {
        let dest = path(&dest)?;
        let overlay = self.change(&overlay)?;
        let (on, why) = (collision(on), reason(&why));
        Ok(self.new_writer(Writer { overlay, dest, executable, on, why, content: Vec::new() })?)
    }

    fn stat(&mut self, overlay: Resource<OverlayHandle>, at: String) -> wasmtime::Result<Option<types::Entry>> {
        self.operation(1)?;
        let slot = *self.overlays.get(overlay.rep())?;
        let Ok(at) = TreePath::new(&at) else { return Ok(None) };
        self.overlay(slot, |overlay| overlay.stat(&at).as_ref().map(entry))
    }

    fn snapshot(&mut self, overlay: Resource<OverlayHandle>) -> wasmtime::Result<Resource<TreeHandle>> {
        self.operation(1)?;
        let slot = *self.overlays.get(overlay.rep())?;
        self.room_for_snapshot()?;
        let tree = self.overlay(slot, |overlay| overlay.snapshot())?;
        self.new_tree(TreeSlot::Snapshot(tree))
    }

    fn drop(&mut self, overlay: Resource<OverlayHandle>) -> wasmtime::Result<()> {
        self.overlays.take(overlay.rep()).map(drop)
    }
}

impl HostFileWriter for State {
    fn write(&mut self, writer: Resource<WriterHandle>, chunk: Vec<u8>) -> Answer<()> {
        self.operation(1)?;
        self.write(chunk.len())?;
        self.writers.get_mut(writer.rep())?.content.extend_from_slice(&chunk);
        Ok(())
    }

    fn finish(&mut self, writer: Resource<WriterHandle>) -> Answer<String> {
        self.operation(1)?;
        let Writer { overlay, dest, executable, on, why, content } = self.writers.take(writer.rep())?;
        self.overlay(overlay, |overlay| overlay.put(&dest, &content, executable, on, why))??;
        Ok(sha256(&content).to_string())
    }

    fn drop(&mut self, writer: Resource<WriterHandle>) -> wasmtime::Result<()> {
        self.writers.take(writer.rep()).map(drop)
    }
}
