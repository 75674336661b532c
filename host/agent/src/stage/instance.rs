//! The instance view: the directory that the application takes for its own. Its files are links into
//! the release's tree, its state paths links into the app's data, its rendered files links into the
//! run directory. Directories are links as a whole where they hold nothing but files of the tree.

use super::{Order, StageError};
use crate::{
    dirs::Dirs,
    disk::{At, make_open_dir},
};
use silver_pack::listing::Listing;
use silver_plugin_api::TreePath;
use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// Writes `instance/` into the release directory `to`, whose `tree/` is there. Links to tree and data are
/// relative to the release's final place, so that the whole data directory can be moved.
pub(super) fn write(dirs: &Dirs, order: &Order, listing: &Listing, to: &Path) -> Result<(), StageError> {
    let view = to.join("instance");
    make_open_dir(&view)?;
    for (path, link) in plan(dirs, order, listing)? {
        let place = view.join(path.as_str());
        match link {
            Entry::Directory => make_open_dir(&place)?,
            Entry::Link(target) => symlink(&target, &place).at("make the link", &place)?,
        }
    }
    Ok(())
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Directory,
    Link(PathBuf),
}

/// What the view consists of; directories come before what is in them.
fn plan(dirs: &Dirs, order: &Order, listing: &Listing) -> Result<BTreeMap<TreePath, Entry>, StageError> {
    let release = &order.release;
    let mut entries: BTreeMap<TreePath, Entry> = BTreeMap::new();
    for state in &release.state {
        let target = up(&state.path, 3).join("data").join(&order.app).join(state.path.as_str());
        add(&mut entries, &state.path, target)?;
    }
    for rendered in &release.rendered {
        let target = dirs.rendered(&order.app, &order.label, &rendered.path);
        add(&mut entries, &rendered.path, target)?;
    }
    // directories that have to be real, because something in them is not of the tree
    let mut real: BTreeSet<TreePath> = BTreeSet::from([TreePath::root()]);
    for path in entries.keys() {
        let mut above = path.parent();
        while let Some(dir) = above {
            if entries.contains_key(&dir) {
                return Err(StageError::View { path: path.clone(), why: "another of its paths is a link above it" });
            }
            above = dir.parent();
            real.insert(dir);
        }
    }
    let files = listing.below(&release.layout_root);
    for below in files.filter_map(|(path, _)| path.below(&release.layout_root)).filter(|below| !below.is_root()) {
        let link = topmost(&below, &real);
        if entries.keys().any(|own| link.below(own).is_some()) {
            continue; // state and rendered files stand before files of the tree
        }
        let target = up(&link, 0).join("tree").join(release.layout_root.as_str()).join(link.as_str());
        entries.insert(link, Entry::Link(target));
    }
    entries.extend(real.into_iter().filter(|dir| !dir.is_root()).map(|dir| (dir, Entry::Directory)));
    Ok(entries)
}

fn add(entries: &mut BTreeMap<TreePath, Entry>, path: &TreePath, target: PathBuf) -> Result<(), StageError> {
    match entries.insert(path.clone(), Entry::Link(target)) {
        None if !path.is_root() => Ok(()),
        _ => Err(StageError::View { path: path.clone(), why: "it is there twice, or is the view itself" }),
    }
}

/// The highest directory on the way to `path` that need not be real, or `path` itself.
fn topmost(path: &TreePath, real: &BTreeSet<TreePath>) -> TreePath {
    let mut top = path.clone();
    while let Some(parent) = top.parent().filter(|parent| !real.contains(parent)) {
        top = parent;
    }
    top
}

/// From where the link at `path` of the view stands to the release's directory, and `more` up from it.
fn up(path: &TreePath, more: usize) -> PathBuf {
    let depth = path.as_str().split('/').count();
    std::iter::repeat_n("..", depth + more).collect()
}

#[cfg(test)]
mod tests;
