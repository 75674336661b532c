use super::pins::{self, Place};
use crate::{context::Context, error::Result};

/// Resolve the app plugins that customize.toml wants, for every platform, and lock them
///
/// What is wanted stands below `[plugins]` of customize.toml, the platforms in `targets` (default: this machine).
/// All of it is resolved at once, against what the pack itself has, and written into customize.lock: one row for
/// each platform. What is locked already stays as long as it fits.
#[derive(Debug, clap::Args)]
pub struct Lock {
    #[command(flatten)]
    place: Place,
    /// Take the newest versions that fit, not those that are locked
    #[arg(long)]
    upgrade: bool,
    /// Build what the index has as source only: its code runs in a sandbox without network. --yes does not mean this
    #[arg(long)]
    allow_build: bool,
}

impl Lock {
    pub fn run(self, context: &Context) -> Result {
        let opened = self.place.open(context)?;
        let indexes = opened.indexes(context)?.allowing_builds(self.allow_build);
        let known = &opened.customization.lock.app_plugins;
        let rows = indexes.resolve(&indexes.targets(), known, self.upgrade)?;
        let files = indexes.keep_vendored(&opened.customization.files, &rows)?;
        let after = pins::pin(&opened.customization, files, rows)?;
        opened.write(context, &after, "no app plugins are wanted")
    }
}
