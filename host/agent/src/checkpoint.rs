//! Copies of an app's data, made as a recipe of the backup plugin says.
//!
//! `checkpoints/<app>/<id>/` has `checkpoint.json`, `data/<path>` and `secrets/`. It appears whole, by a
//! rename after a sync. A restore moves the present data to the trash first, where they stay for a day,
//! unless there is no room for them.

mod copy;
mod sqlite;
#[cfg(test)]
mod tests;

use crate::{
    dirs::Dirs,
    disk::{At, DiskError, make_dir, names, read_optional, remove_dir, sync_dir, sync_file_system, write_atomic},
    place::Place,
    state::{self, StateError},
    trash,
};
use serde::{Deserialize, Serialize};
use silver_pack::globs::GlobError;
use silver_plugin_api::plan::{Recipe, Source};
use std::{fs, io, path::Path};

/// `checkpoint.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CheckpointFile {
    /// What it was made from.
    pub recipe: Recipe,
    /// The release that was current: the one that understands these data.
    pub release: Option<String>,
    /// When it was made, RFC 3339.
    pub created: String,
}

/// Why data could not be copied or put back.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Reading or writing failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A SQLite database could not be copied.
    #[error("cannot copy the database {}", .path.display())]
    Database {
        /// The database.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The recipe leaves something out by a glob that is none.
    #[error("the recipe of the backup plugin is wrong")]
    Glob(#[from] GlobError),
    /// There is no such checkpoint.
    #[error("there is no checkpoint `{0}`")]
    Absent(String),
    /// It cannot be read.
    #[error("the checkpoint `{id}` is damaged")]
    Damaged {
        /// Which.
        id: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The app's state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
}

impl CheckpointError {
    /// Is there no room left?
    fn is_full(&self) -> bool {
        match self {
            Self::Disk(error) => error.is_full(),
            Self::Database { source, .. } => source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull),
            _ => false,
        }
    }
}

/// Makes a checkpoint; one that is there already is left alone.
pub fn take(dirs: &Dirs, app: &str, id: &str, recipe: &Recipe) -> Result<(), CheckpointError> {
    let dest = dirs.checkpoint(app, id);
    if dest.join("checkpoint.json").is_file() {
        return Ok(());
    }
    let temporary = dirs.checkpoints(app).join(format!(".{id}.new"));
    remove_dir(&temporary)?;
    make_dir(&temporary)?;
    let done = fill(dirs, app, recipe, &temporary);
    if done.is_err() {
        trash::discard(dirs, &temporary)?;
        trash::reap(dirs)?; // it may have been the disk that was full
    }
    done?;
    sync_file_system(&temporary)?;
    fs::rename(&temporary, &dest).at("rename a checkpoint to", &dest)?;
    sync_dir(&dirs.checkpoints(app))?;
    Ok(())
}

fn fill(dirs: &Dirs, app: &str, recipe: &Recipe, dest: &Path) -> Result<(), CheckpointError> {
    for part in &recipe.parts {
        match &part.source {
            Source::Data { path, exclude } => {
                let from = dirs.data_without_links(app).join(path.as_str());
                copy::copy(&from, &dest.join("data").join(path.as_str()), exclude)?;
            }
            Source::Secrets => copy::copy(&dirs.secrets(app), &dest.join("secrets"), &[])?,
        }
    }
    let file = CheckpointFile {
        recipe: recipe.clone(),
        release: state::load(dirs, app)?.current,
        created: jiff::Timestamp::now().to_string(),
    };
    let bytes = serde_json::to_vec_pretty(&file).expect("a recipe is plain data");
    write_atomic(&dest.join("checkpoint.json"), &bytes, 0o600)?;
    Ok(())
}

/// Reads what a checkpoint is.
pub fn read(dirs: &Dirs, app: &str, id: &str) -> Result<CheckpointFile, CheckpointError> {
    let path = dirs.checkpoint(app, id).join("checkpoint.json");
    let bytes = read_optional(&path)?.ok_or_else(|| CheckpointError::Absent(id.to_owned()))?;
    serde_json::from_slice(&bytes).map_err(|source| CheckpointError::Damaged { id: id.to_owned(), source })
}

/// All checkpoints of an app that can be restored, oldest first.
pub fn all(dirs: &Dirs, app: &str) -> Result<Vec<(String, CheckpointFile)>, DiskError> {
    let ids = names(&dirs.checkpoints(app))?;
    let mut all: Vec<_> = ids.into_iter().filter_map(|id| read(dirs, app, &id).ok().map(|file| (id, file))).collect();
    all.sort_by(|(_, a), (_, b)| a.created.cmp(&b.created));
    Ok(all)
}

/// Puts the data back as they were. Secrets are put back only where they are missing: a restore
/// never changes a secret's generation. The checkpoint stays.
pub fn restore(dirs: &Dirs, app: &str, id: &str) -> Result<(), CheckpointError> {
    let file = read(dirs, app, id)?;
    let from = dirs.checkpoint(app, id);
    for part in &file.recipe.parts {
        match &part.source {
            Source::Data { path, .. } => {
                make_dir(&dirs.data(app))?;
                let place = Place::make(dirs, app, path)?;
                put_back(dirs, &from.join("data").join(path.as_str()), place.path())?;
            }
            Source::Secrets => missing_secrets(dirs, app, &from.join("secrets"))?,
        }
    }
    Ok(())
}

/// The copy is made beside its place and synced before the present data give way to it. Where there is no room for that, first
/// what lies in the trash goes for good, then the present data: who has filled the disk may be they.
fn put_back(dirs: &Dirs, source: &Path, dest: &Path) -> Result<(), CheckpointError> {
    let parent = dest.parent().unwrap_or(dest);
    let name = dest.file_name().unwrap_or_default().to_string_lossy();
    let temporary = parent.join(format!(".{name}.restored"));
    let copy_beside = || {
        trash::discard(dirs, &temporary)?;
        copy::copy(source, &temporary, &[])?;
        Ok::<_, CheckpointError>(sync_file_system(parent)?)
    };
    let full = |copied: &Result<(), CheckpointError>| copied.as_ref().is_err_and(CheckpointError::is_full);
    let mut copied = copy_beside();
    if full(&copied) {
        trash::discard(dirs, &temporary)?;
        trash::reap(dirs)?;
        copied = copy_beside();
    }
    if full(&copied) {
        tracing::warn!("there is no room to keep {}, which gives way to a checkpoint", dest.display());
        for present in [temporary.as_path(), dest].into_iter().map(Path::to_path_buf).chain(sqlite::siblings(dest)) {
            trash::discard(dirs, &present)?;
        }
        trash::reap(dirs)?;
        copied = copy_beside();
    }
    copied?;
    trash::discard_data(dirs, dest)?;
    for sibling in sqlite::siblings(dest) {
        trash::discard_data(dirs, &sibling)?; // a journal of the database that is gone would be played into the new one
    }
    match fs::rename(&temporary, dest) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {} // there was nothing at the time
        result => result.at("rename data to", dest)?,
    }
    sync_dir(parent)?;
    Ok(())
}

fn missing_secrets(dirs: &Dirs, app: &str, from: &Path) -> Result<(), CheckpointError> {
    for name in names(from)? {
        let dest = dirs.secrets(app).join(&name);
        if !dest.exists() {
            let value = fs::read(from.join(&name)).at("read", &from.join(&name))?;
            write_atomic(&dest, &value, 0o600)?;
        }
    }
    Ok(())
}
