//! What `lock` and `vendor` have in common: a pack, a customization that fits it, and the report of its
//! app plugins.

use crate::{
    app_plugins::{Indexes, put},
    context::Context,
    error::Result,
    exit::Exit,
    merging::{self, integrity},
};
use serde::Serialize;
use silver_build::app_plugins;
use silver_pack::{
    commit::{self, Locked},
    customization::{Customization, LOCK, LockedPlugin},
    pack::Pack,
    snapshot::Snapshot,
};
use silver_plugin_api::TreePath;
use std::path::PathBuf;

/// Which pack and customization.
#[derive(Debug, clap::Args)]
pub struct Place {
    /// The pack
    pack: PathBuf,
    /// The customization directory
    #[arg(long, value_name = "DIR")]
    customize: PathBuf,
    /// Show what would change, write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Both, opened; nobody else changes the customization meanwhile.
pub struct Opened {
    pub pack: Pack,
    pub customization: Customization,
    locked: Locked,
    dry_run: bool,
}

/// One row of the report.
#[derive(Serialize)]
struct Row<'r> {
    plugin: &'r str,
    version: &'r str,
    target: &'r str,
    index: &'static str,
    how: &'static str,
    vendored: bool,
    digest: String,
}

impl Place {
    /// Opens both and checks that they belong together.
    pub fn open(&self, context: &Context) -> Result<Opened> {
        let pack = Pack::open(&self.pack)?;
        merging::demand_directory(&self.customize)?;
        let locked = commit::lock(&self.customize)?;
        let customization = Customization::load(&self.customize)?;
        merging::fit_dir(context, &pack, &self.customize)?;
        customization.check_pack(&merging::locked(&pack)).map_err(integrity)?;
        Ok(Opened { pack, customization, locked, dry_run: self.dry_run })
    }
}

impl Opened {
    /// The pack's indexes.
    pub fn indexes<'a>(&'a self, context: &Context) -> Result<Indexes<'a>> {
        Indexes::new(context, &self.pack, &self.customization)
    }

    /// Writes what changed, all of it or nothing, and reports what is locked now; `empty` is said when
    /// that is nothing.
    pub fn write(&self, context: &Context, after: &Snapshot, empty: &str) -> Result {
        let before = &self.customization.files;
        let changed = commit::changes(before.listing(), after.listing()).len();
        if changed > 0 && !self.dry_run {
            self.locked.commit(before, after)?;
        }
        let now = Customization::from_files(&self.customization.dir, after.clone())?;
        let rows: Vec<Row<'_>> = now.lock.app_plugins.iter().map(|row| shown(row, after)).collect();
        context.ui.list(&rows, empty)?;
        match (changed, self.dry_run) {
            (0, _) => context.ui.note("nothing changed"),
            (_, true) => context.ui.note("dry run: nothing was written"),
            _ => {}
        }
        Ok(Exit::Done)
    }
}

fn shown<'r>(row: &'r LockedPlugin, files: &Snapshot) -> Row<'r> {
    let how = match (row.built_from.is_some(), row.requested) {
        (true, _) => "built here",
        (_, true) => "wanted",
        (_, false) => "needed by another",
    };
    let vendored = app_plugins::vendored(row).is_ok_and(|path| files.listing().get(&path).is_some());
    let (plugin, version, target, digest) = (row.name.as_str(), row.version.as_str(), row.target.as_str(), row.digest.short());
    Row { plugin, version, target, index: row.index.as_str(), how, vendored, digest }
}

/// `files` with a lock that pins `rows`.
pub fn pin(before: &Customization, files: Snapshot, rows: Vec<LockedPlugin>) -> Result<Snapshot> {
    let mut lock = before.lock.clone();
    lock.pin_app_plugins(rows, &files, &before.config);
    if lock == before.lock {
        return Ok(files);
    }
    let old = before.files.text(&TreePath::new(LOCK).unwrap_or_default()).unwrap_or_default();
    put(&files, LOCK, &lock.write_over(&old))
}
