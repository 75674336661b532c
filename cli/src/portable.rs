//! What exists on this machine only: `silver doctor --portable`.

use crate::{context::Context, error::Result};
use serde::Serialize;
use silver_agent::dirs::Dirs;
use std::path::{Path, PathBuf};

/// Something that is nowhere else.
#[derive(Debug, Serialize)]
pub struct Portable {
    what: &'static str,
    path: String,
    advice: &'static str,
}

/// Everything that would be lost with this machine, as far as silver knows.
pub fn list(context: &Context) -> Result<Vec<Portable>> {
    let dirs = context.dirs()?;
    let mut list = Vec::new();
    let mut add = |what, path: &Path, advice| {
        list.push(Portable { what, path: path.to_string_lossy().into_owned(), advice });
    };
    if dirs.registry().exists() {
        add("registry", &dirs.registry(), "the only record of what was deployed from here: back it up");
    }
    if dirs.node_key().exists() {
        add("key of the registry", &dirs.node_key(), "without it the registry takes no events: back it up with the registry");
    }
    for key in files(&dirs.publisher_keys(), "key") {
        add("publisher's key", &key, "without it nobody can sign packs as you: keep a copy elsewhere");
    }
    for app in silver_agent::state::apps(&dirs).map_err(std::io::Error::other)? {
        for (what, path) in holdings(&dirs, &app) {
            add(what, &path, "of an application on this machine: back it up");
        }
    }
    Ok(list)
}

fn holdings(dirs: &Dirs, app: &str) -> Vec<(&'static str, PathBuf)> {
    let holds = |path: &PathBuf| std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    let all = [("data", dirs.data(app)), ("secrets", dirs.secrets(app))];
    all.into_iter().filter(|(_, path)| holds(path)).collect()
}

fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|found| found == ending));
    files.sort();
    files
}
