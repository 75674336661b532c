//! The workspace of a command: a copy of the customization that only `customize.toml` and
//! `customize.lock` are kept from, since they say what plugins may do and which programs are run.

use silver_pack::{
    customization::{CONFIG, Customization, LOCK},
    overlay::{Draft, OverlayLimits},
    pack::Pack,
    snapshot::Snapshot,
};
use silver_plugin_api::{Overlay, Tree, TreePath, commands::Workspace};

/// The staged copy.
pub struct Desk {
    current: Snapshot,
    app: Snapshot,
    edits: Draft,
}

impl Desk {
    /// A fresh copy for the plugin `by`.
    pub fn new(pack: &Pack, customization: &Customization, by: &TreePath) -> Self {
        let mut edits = Draft::new(&customization.files);
        edits.enter(by, OverlayLimits::default());
        for own in [CONFIG, LOCK] {
            edits.protect(TreePath::new(own).unwrap_or_default());
        }
        Self { current: customization.files.clone(), app: pack.tree().clone(), edits }
    }

    /// The customization as the command left it.
    pub fn finish(self) -> Snapshot {
        self.edits.finish().0
    }
}

impl Workspace for Desk {
    fn current(&self) -> Box<dyn Tree> {
        Box::new(self.current.clone())
    }

    fn app(&self) -> Box<dyn Tree> {
        Box::new(self.app.clone())
    }

    fn edits(&mut self) -> &mut dyn Overlay {
        &mut self.edits
    }
}
