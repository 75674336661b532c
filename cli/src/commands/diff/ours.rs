//! What the node's files are compared with.

use crate::{
    context::Context,
    deploying::{Beside, Deploying, Target},
    error::{CommandError, Result},
    kept::{self, Contents},
    merging::Opened,
};
use silver_core::{deploy::DeployError, node::Node};
use silver_pack::{
    listing::Listing,
    snapshot::{Blobs, Layers, Snapshot},
};
use silver_plugin_api::{Digest, TreePath, plan::AppReport};
use std::{path::Path, sync::Arc};

/// A tree with its contents.
pub(super) struct Ours {
    /// What lies where. Contents that are not here are not shown.
    pub(super) tree: Snapshot,
    /// Directories of which nobody knows what a build step would make.
    pub(super) unknown: Vec<TreePath>,
    /// What the two sides are called, the one before and the one after; the node's first or last.
    pub(super) names: [&'static str; 2],
    /// Are the node's lines those that were added?
    pub(super) node_is_new: bool,
}

impl Ours {
    /// A pack, merged for this application and this node.
    pub(super) async fn pack(
        context: &Context,
        node: &dyn Node,
        what: &Deploying,
        opened: &Opened,
        app: &AppReport,
    ) -> Result<Self> {
        let (facts, target) = (
            node.facts().await?,
            Target { app: app.app.clone(), locations: Some(app.locations.clone()), nodes: vec![node.name().to_owned()] },
        );
        let merged = target.merge(context, opened, &facts)?;
        let mut resolved = what.resolve(&merged, &facts, &target, &Beside::default())?;
        let unknown = resolved.take_assembled(node, &app.locations).await?;
        let tree = Snapshot::new(resolved.wanted.tree, resolved.content.blobs);
        Ok(Self { tree, unknown, names: ["node", "pack"], node_is_new: false })
    }

    /// A directory as it is.
    pub(super) fn directory(path: &Path) -> Result<Self> {
        let tree = Snapshot::capture(path).map_err(|error| {
            let hint = error.hint();
            CommandError::usage(error).maybe_hint(hint)
        })?;
        Ok(Self { tree, unknown: Vec::new(), names: ["node", "directory"], node_is_new: false })
    }

    /// What was deployed, as it is recorded.
    pub(super) async fn deployed(context: &Context, node: &dyn Node, tree: &Digest) -> Result<Self> {
        let listing = Listing::parse(&node.tree(tree).await?).map_err(DeployError::from)?;
        if listing.digest() != *tree {
            return Err(DeployError::Tree { digest: *tree }.into());
        }
        let kept = kept::registries(context)?.into_iter().map(|registry| Arc::new(Contents(registry)) as Arc<dyn Blobs>);
        let tree = Snapshot::new(listing, Arc::new(Layers::new(kept.collect())));
        Ok(Self { tree, unknown: Vec::new(), names: ["deployed", "node"], node_is_new: true })
    }
}
