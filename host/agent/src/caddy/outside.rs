//! Links in a release's tree that lead out of the directory that is served. The own front has the kernel refuse them;
//! Caddy follows all links, and has to be told which files are not there.

use std::{fs, path::Path};
use walkdir::{DirEntry, WalkDir};

/// Paths below `root` that are such links, sorted. An absolute link is one wherever it leads.
pub(super) fn links(root: &Path) -> Vec<String> {
    let Ok(inside) = fs::canonicalize(root) else { return Vec::new() };
    let walk = WalkDir::new(&inside).sort_by_file_name().into_iter().filter_map(Result::ok);
    let out = walk.filter(DirEntry::path_is_symlink).filter(|entry| {
        let relative = fs::read_link(entry.path()).is_ok_and(|target| target.is_relative());
        !relative || !fs::canonicalize(entry.path()).is_ok_and(|target| target.starts_with(&inside))
    });
    out.filter_map(|entry| Some(entry.path().strip_prefix(&inside).ok()?.to_str()?.to_owned())).collect()
}
