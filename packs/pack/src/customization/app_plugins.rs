//! The app plugins of a customization, for one platform.

use super::{Customization, LockedPlugin, is_vendored};
use crate::{
    listing::{Listing, ListingError},
    snapshot::{Layers, Snapshot},
};
use silver_plugin_api::TreePath;

/// An app plugin does not fit into the customization.
#[derive(Debug, thiserror::Error)]
#[error("the app plugin `{name}` cannot be put at `{path}` of the customization")]
pub struct EquipError {
    /// Which.
    pub name: String,
    /// Where it should be.
    pub path: TreePath,
    /// Why not.
    #[source]
    pub source: ListingError,
}

impl EquipError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        Some(format!("rename or remove what is in the way of `{}`", self.path))
    }
}

impl Customization {
    /// This customization as customizers see it on one platform: it has the app plugins of `rows` at
    /// their paths, and none of another platform. A row with `None` lies there already; the tree of
    /// one without [`LockedPlugin::tree`] is a single file.
    pub fn equipped(&self, rows: Vec<(LockedPlugin, Option<Snapshot>)>) -> Result<Self, EquipError> {
        let mut listing = Listing::clone(self.files.listing());
        let others = self.lock.app_plugins.iter().filter(|row| !rows.iter().any(|(kept, _)| kept.path == row.path));
        let others: Vec<&TreePath> = others.map(|row| &row.path).collect();
        for (path, _) in self.files.listing().iter() {
            if is_vendored(path) || others.iter().any(|other| path.below(other).is_some()) {
                listing.remove(path);
            }
        }
        let mut stores = vec![self.files.blobs().clone()];
        let mut kept = Vec::new();
        for (row, tree) in rows {
            for (inside, node) in tree.iter().flat_map(|tree| tree.listing().iter()) {
                let path = if row.tree.is_some() { row.path.join(inside).unwrap_or_default() } else { row.path.clone() };
                let failed = |source| EquipError { name: row.name.clone(), path: row.path.clone(), source };
                listing.insert(path, *node).map_err(failed)?;
            }
            stores.extend(tree.map(|tree| tree.blobs().clone()));
            kept.push(row);
        }
        let mut equipped = self.clone();
        equipped.files = Snapshot::new(listing, std::sync::Arc::new(Layers::new(stores)));
        equipped.lock.app_plugins = kept;
        Ok(equipped)
    }
}
