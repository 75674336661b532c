//! The resource `tree`.

use super::{
    bindings::customizer::silver::plugin::{
        trees::{self, HostTree},
        types,
    },
    convert::entry,
};
use crate::host::{HostError, State, TreeHandle, path, within};
use silver_plugin_api::{Failure, Tree, TreePath};
use wasmtime::component::Resource;

impl trees::Host for State {}

impl State {
    fn tree<R>(&self, handle: &Resource<TreeHandle>, look: impl FnOnce(&dyn Tree) -> R) -> wasmtime::Result<R> {
        let slot = self.trees.get(handle.rep())?;
        within(|call| Ok(look(slot.resolve((call.app, call.customization))?)))
    }

    /// Refuses what is too big before a byte of it is read, and counts the rest.
    fn reading(&mut self, tree: &Resource<TreeHandle>, at: &TreePath) -> Result<(), HostError> {
        self.operation(1)?;
        let size = self.tree(tree, |tree| tree.stat(at))?.map_or(0, |entry| entry.size);
        if size > self.limits.one_read {
            let most = self.limits.one_read;
            return Err(Failure::Limit(format!("`{at}` has {size} bytes, one read gives {most}: read it in ranges")).into());
        }
        Ok(self.read(size)?)
    }
}

fn page(entries: &[silver_plugin_api::Entry]) -> Vec<types::Entry> {
    entries.iter().map(entry).collect()
}

impl HostTree for State {
    fn digest(&mut self, tree: Resource<TreeHandle>) -> wasmtime::Result<String> {
        self.operation(1)?;
        self.tree(&tree, |tree| tree.digest().to_string())
    }

    fn stat(&mut self, tree: Resource<TreeHandle>, at: String) -> wasmtime::Result<Option<types::Entry>> {
        self.operation(1)?;
        let Ok(at) = TreePath::new(&at) else { return Ok(None) };
        self.tree(&tree, |tree| tree.stat(&at).as_ref().map(entry))
    }

    fn list(
        &mut self,
        tree: Resource<TreeHandle>,
        under: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<types::Entry>, HostError> {
        let (under, after) = (path(&under)?, after.as_deref().map(path).transpose()?);
        let entries = self.tree(&tree, |tree| tree.list(&under, after.as_ref(), limit))??;
        self.operation(1 + entries.len() as u64)?;
        Ok(page(&entries))
    }

    fn glob(
        &mut self,
        tree: Resource<TreeHandle>,
        patterns: Vec<String>,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<types::Entry>, HostError> {
        let after = after.as_deref().map(path).transpose()?;
        let entries = self.tree(&tree, |tree| tree.glob(&patterns, after.as_ref(), limit))??;
        self.operation(1 + entries.len() as u64)?;
        Ok(page(&entries))
    }

    fn read(&mut self, tree: Resource<TreeHandle>, at: String) -> Result<Vec<u8>, HostError> {
        let at = path(&at)?;
        self.reading(&tree, &at)?;
        Ok(self.tree(&tree, |tree| tree.read(&at))??)
    }

    fn read_text(&mut self, tree: Resource<TreeHandle>, at: String) -> Result<String, HostError> {
        let at = path(&at)?;
        self.reading(&tree, &at)?;
        Ok(self.tree(&tree, |tree| tree.read_text(&at))??)
    }

    fn read_range(&mut self, tree: Resource<TreeHandle>, at: String, offset: u64, length: u32) -> Result<Vec<u8>, HostError> {
        let at = path(&at)?;
        self.operation(1)?;
        if u64::from(length) > self.limits.one_read {
            return Err(Failure::Limit(format!("one read gives {} bytes", self.limits.one_read)).into());
        }
        // an implementation may have to read the whole file to verify it: that is what is counted
        let size = self.tree(&tree, |tree| tree.stat(&at))?.map_or(0, |entry| entry.size);
        self.read(size)?;
        Ok(self.tree(&tree, |tree| tree.read_range(&at, offset, length))??)
    }

    fn read_link(&mut self, tree: Resource<TreeHandle>, at: String) -> Result<String, HostError> {
        let at = path(&at)?;
        self.operation(1)?;
        Ok(self.tree(&tree, |tree| tree.read_link(&at))??)
    }

    fn drop(&mut self, tree: Resource<TreeHandle>) -> wasmtime::Result<()> {
        self.trees.take(tree.rep()).map(drop)
    }
}
