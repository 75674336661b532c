//! What the node knows of each app besides its files: one small file per app, replaced atomically.

use crate::{
    dirs::Dirs,
    disk::{At, DiskError, make_dir, names, read_optional, sync_dir, write_atomic},
};
use serde::{Deserialize, Serialize};
use silver_plugin_api::plan::{AppState, DataClass, Publisher, Release};
use std::{fs, os::unix::fs::symlink};

/// `apps/<app>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AppFile {
    /// The application.
    pub app: String,
    /// Does it answer?
    pub state: AppState,
    /// Label of the current release.
    pub current: Option<String>,
    /// Locations, the canonical one first.
    pub locations: Vec<String>,
    /// The label that was last given to a transition; no label is given twice.
    pub last_label: Option<String>,
    /// Was there ever a successful `init` or deployment whose data is still here?
    pub has_data: bool,
    /// Releases that were current once and are still here, oldest first.
    pub releases: Vec<Kept>,
    /// Whose packs may replace it: the publisher of what was deployed last, or whom an operator has
    /// trusted since. A rollback changes nothing about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<Publisher>,
}

/// A release that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Kept {
    /// Its label.
    pub label: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// The release that was current before it.
    pub parent: Option<String>,
    /// The checkpoint that was taken before it became current.
    pub checkpoint: Option<String>,
    /// What its migration did to the data.
    pub data: DataClass,
}

/// `release.json` of a release's directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReleaseFile {
    /// Its label.
    pub label: String,
    /// When it was laid out, RFC 3339.
    pub created: String,
    /// Its value.
    pub release: Release,
}

/// A state file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Reading or writing failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Its content makes no sense.
    #[error("{} is damaged", .path.display())]
    Damaged {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// There is no such release.
    #[error("the release `{0}` is not on this node")]
    NoRelease(String),
}

/// The names of all apps.
pub fn apps(dirs: &Dirs) -> Result<Vec<String>, DiskError> {
    Ok(names(&dirs.apps())?.iter().filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect())
}

/// The state of an app; that of an unknown one is `Absent` and empty.
pub fn load(dirs: &Dirs, app: &str) -> Result<AppFile, StateError> {
    let path = dirs.app_file(app);
    match read_optional(&path)? {
        None => Ok(AppFile { app: app.to_owned(), ..AppFile::default() }),
        Some(bytes) => serde_json::from_slice(&bytes).map_err(|source| StateError::Damaged { path, source }),
    }
}

/// Replaces the state of an app, and the link to its current release.
pub fn save(dirs: &Dirs, file: &AppFile) -> Result<(), StateError> {
    let path = dirs.app_file(&file.app);
    let bytes = serde_json::to_vec_pretty(file).map_err(|source| StateError::Damaged { path: path.clone(), source })?;
    write_atomic(&path, &bytes, 0o600)?;
    point(dirs, &file.app, file.current.as_deref())?;
    Ok(())
}

/// The release that lies under a label.
pub fn release(dirs: &Dirs, app: &str, label: &str) -> Result<ReleaseFile, StateError> {
    let path = dirs.release(app, label).join("release.json");
    let bytes = read_optional(&path)?.ok_or_else(|| StateError::NoRelease(label.to_owned()))?;
    serde_json::from_slice(&bytes).map_err(|source| StateError::Damaged { path, source })
}

/// `current/<app>` is a convenience for people: nothing of silver reads it.
fn point(dirs: &Dirs, app: &str, label: Option<&str>) -> Result<(), DiskError> {
    let link = dirs.current(app);
    let parent = link.parent().unwrap_or(&link).to_owned();
    make_dir(&parent)?;
    let Some(label) = label else { return crate::disk::remove_file(&link) };
    let target = std::path::Path::new("../releases").join(app).join(label);
    if fs::read_link(&link).is_ok_and(|present| present == target) {
        return Ok(());
    }
    let temporary = parent.join(format!(".{app}.new"));
    crate::disk::remove_file(&temporary)?;
    symlink(&target, &temporary).at("make the link", &temporary)?;
    fs::rename(&temporary, &link).at("rename a link to", &link)?;
    sync_dir(&parent)
}

impl AppFile {
    /// The entry of a release.
    pub fn kept(&self, label: &str) -> Option<&Kept> {
        self.releases.iter().find(|kept| kept.label == label)
    }
}
