//! The directories of a release that are served without asking the app, by whichever front.

use silver_plugin_api::{
    TreePath,
    plan::{Release, StateNature},
};
use std::cmp::Reverse;

/// Files that are served without asking the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directory {
    /// Address below the location, with a slash at both ends.
    pub(crate) prefix: String,
    /// Where the files are.
    pub(crate) source: Source,
}

/// Where files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// In the app's data, at that path: the app writes them, so nothing there is run or guessed at.
    State(TreePath),
    /// In the release's tree.
    Tree(TreePath),
}

/// In the order in which they are looked at: public state first, then static directories, the longest prefix
/// first.
pub(crate) fn directories(release: &Release) -> Vec<Directory> {
    let public = release.state.iter().filter(|state| state.nature == StateNature::Public).filter_map(|state| {
        let prefix = slashed(state.serve.as_deref()?);
        Some(Directory { prefix, source: Source::State(state.path.clone()) })
    });
    let mut all: Vec<Directory> = public.collect();
    let statics = release.statics.iter();
    let mut statics: Vec<Directory> =
        statics.map(|dir| Directory { prefix: slashed(&dir.prefix), source: Source::Tree(dir.dir.clone()) }).collect();
    if release.runtime == "static" && !statics.iter().any(|dir| dir.prefix == "/") {
        statics.push(Directory { prefix: "/".into(), source: Source::Tree(release.layout_root.clone()) });
    }
    for group in [&mut all, &mut statics] {
        group.sort_by_key(|dir| Reverse(dir.prefix.len()));
    }
    all.append(&mut statics);
    all
}

/// Is there no process to ask?
pub(crate) fn only_files(release: &Release) -> bool {
    !release.processes.iter().any(|process| process.name == "web")
}

fn slashed(prefix: &str) -> String {
    let inner = prefix.trim_matches('/');
    if inner.is_empty() { "/".into() } else { format!("/{inner}/") }
}
