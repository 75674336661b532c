//! Looks at what is there: the state of an app, its releases, and whether the files of the current
//! one are still what was laid out.

mod laid_out;
pub mod stats;

pub use laid_out::{content, laid_out};

use crate::{
    dirs::Dirs,
    disk::{self, At, DiskError},
    names, secrets,
    secrets::SecretError,
    state::{self, StateError},
    store::{Store, StoreError},
};
use rayon::prelude::*;
use silver_pack::{
    hash,
    listing::{Kind, Listing, Node},
};
use silver_plugin_api::{
    Digest, TreePath,
    plan::{AppState, Observed, ObservedRelease, ReleaseDrift},
};
use stats::Stats;
use std::{
    borrow::Cow,
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fs::{self, File},
    io,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::Path,
    sync::{Mutex, PoisonError},
};

/// So many paths are named; of more only the number.
const MAX_DRIFT: usize = 100;

/// Why an app cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// Its state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// Its files cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Its secrets cannot be listed.
    #[error("the secrets cannot be listed")]
    Secrets(#[from] SecretError),
    /// The registry cannot tell what its files should be.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Looks at an app. `running` is the transition that is under way.
pub fn observe(dirs: &Dirs, store: &Store, app: &str, running: Option<String>) -> Result<Observed, ObserveError> {
    let file = state::load(dirs, app)?;
    let mut releases = Vec::new();
    for kept in &file.releases {
        let release = match state::release(dirs, app, &kept.label) {
            Ok(file) => file.release,
            Err(StateError::NoRelease(_)) => continue, // a person removed it: what is not there cannot be gone back to
            Err(error) => return Err(error.into()),
        };
        releases.push(ObservedRelease {
            label: kept.label.clone(),
            release,
            checkpoint: kept.checkpoint.clone().filter(|id| dirs.checkpoint(app, id).join("checkpoint.json").is_file()),
            data: kept.data,
            created: kept.created.clone(),
            parent: kept.parent.clone(),
        });
    }
    let drift = match &file.current {
        Some(label) => drift(dirs, store, app, label)?,
        None => Vec::new(),
    };
    let labels = file.releases.iter().map(|kept| &kept.label).chain(&file.last_label).chain(&file.current);
    let day = jiff::Timestamp::now().strftime("%Y%m%d").to_string();
    Ok(Observed {
        app: app.to_owned(),
        state: file.state,
        next_label: names::next_label(app, &day, labels),
        current: file.current,
        releases,
        locations: file.locations,
        has_data: file.has_data,
        secrets: secrets::names(dirs, app)?,
        drift,
        taken: taken(dirs, app)?,
        running,
        environments: environments(dirs)?,
        publisher: file.publisher,
    })
}

/// Files of a release that are altered, missing or extra; names the paths.
pub fn drift(dirs: &Dirs, store: &Store, app: &str, label: &str) -> Result<Vec<String>, ObserveError> {
    let release = state::release(dirs, app, label)?.release;
    if stats::is_untouched(&dirs.tree(app, label), &dirs.stats(app, label), &release.tree)? {
        return Ok(Vec::new());
    }
    let expected = store.registry().tree(&release.tree).map_err(StoreError::from)?;
    Ok(drift_of(&expected, &dirs.tree(app, label), Some(&dirs.stats(app, label)))?)
}

fn read_all(dirs: &Dirs, store: &Store, app: &str, label: &str) -> Result<Vec<String>, ObserveError> {
    let release = state::release(dirs, app, label)?.release;
    let expected = store.registry().tree(&release.tree).map_err(StoreError::from)?;
    Ok(drift_of(&expected, &dirs.tree(app, label), None)?)
}

/// How the files of every release of an app are, oldest first. `thorough`: every file is read, also where its
/// times say that nobody touched it.
pub fn releases(dirs: &Dirs, store: &Store, app: &str, thorough: bool) -> Result<Vec<ReleaseDrift>, ObserveError> {
    let file = state::load(dirs, app)?;
    let mut list = Vec::new();
    for label in file.releases.iter().map(|kept| &kept.label) {
        let looked = if thorough { read_all(dirs, store, app, label) } else { drift(dirs, store, app, label) };
        let paths = match looked {
            Err(ObserveError::State(StateError::NoRelease(_))) => vec!["release.json (missing)".to_owned()],
            looked => looked?,
        };
        list.push(ReleaseDrift { label: label.clone(), current: file.current.as_ref() == Some(label), paths });
    }
    Ok(list)
}

/// As [`drift`], of the tree in `dir`. With `stats` ([`stats::write`]) only files that were touched since are
/// read; without, or when there are none, all are.
pub fn drift_of(expected: &Listing, dir: &Path, stats: Option<&Path>) -> Result<Vec<String>, DiskError> {
    let untouched = stats.map(Stats::read).unwrap_or_default();
    let found = read_tree(dir, &untouched)?;
    let (mut drift, mut extra) = (Vec::new(), Vec::new());
    let mut there = found.iter().peekable();
    let is_extra = |name: &str| format!("{} (extra)", silver_plugin_api::path::plain(name));
    for (path, node) in expected {
        // both ascend by the bytes of their names
        while let Some((name, _)) = there.next_if(|(name, _)| **name < *path.as_str()) {
            extra.push(is_extra(name));
        }
        match there.next_if(|(name, _)| **name == *path.as_str()) {
            None => drift.push(format!("{path} (missing)")),
            Some((_, Some(found))) if found != node => drift.push(format!("{path} (altered)")),
            Some(_) => {}
        }
    }
    extra.extend(there.map(|(name, _)| is_extra(name)));
    drift.append(&mut extra);
    if drift.len() > MAX_DRIFT {
        let more = drift.len() - MAX_DRIFT;
        drift.truncate(MAX_DRIFT);
        drift.push(format!("and {more} more"));
    }
    Ok(drift)
}

/// The digest of a tree as it lies on the disk; `None` when something is there that no tree can have.
pub(crate) fn digest_of(dir: &Path) -> Result<Option<Digest>, DiskError> {
    let mut listing = Listing::new();
    for (name, node) in read_tree(dir, &Stats::default())? {
        let added = TreePath::new(&name).ok().zip(node).and_then(|(path, node)| listing.insert(path, node).ok());
        if added.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(listing.digest()))
}

/// A name as text. One that is no text has a NUL at its end, which no path of a tree can have: it shall not be
/// taken for another.
fn shown(name: OsString) -> String {
    name.into_string().unwrap_or_else(|name| format!("{}\0", name.to_string_lossy()))
}

/// Every file and link below a directory by its name there, with the digest of its content, or nothing for what
/// is untouched; ascending. What is neither file, link nor directory has a digest that nothing has.
fn read_tree(dir: &Path, stats: &Stats) -> Result<Vec<(String, Option<Node>)>, DiskError> {
    let look = |Found { name, meta }: Found| {
        let path = dir.join(&name);
        let node = if stats.is_untouched(&name, &meta) { None } else { Some(node(&path, &meta).at("read", &path)?) };
        Ok((shown(name), node))
    };
    let mut all = walk(dir)?.into_par_iter().map(look).collect::<Result<Vec<_>, DiskError>>()?;
    all.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    Ok(all)
}

/// Something below a directory that is no directory.
struct Found {
    /// Its path below that directory.
    name: OsString,
    meta: fs::Metadata,
}

/// Everything below a directory that is no directory, in no order, by all cores.
fn walk(dir: &Path) -> Result<Vec<Found>, DiskError> {
    let all = Mutex::new(Ok(Vec::new()));
    rayon::scope(|scope| visit(scope, dir, OsStr::new(""), &all));
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Lists one directory; those in it become work of their own, so that none waits for another.
fn visit<'a>(scope: &rayon::Scope<'a>, dir: &'a Path, below: &OsStr, all: &'a Mutex<Result<Vec<Found>, DiskError>>) {
    let listed = list(dir, below).map(|(found, dirs)| {
        for below in dirs {
            scope.spawn(move |scope| visit(scope, dir, &below, all));
        }
        found
    });
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    match (&mut *all, listed) {
        (Ok(all), Ok(found)) => all.extend(found),
        (Ok(_), Err(error)) => *all = Err(error),
        (Err(_), _) => {} // the first error counts
    }
}

/// What the directory `below` has, and the directories in it.
fn list(dir: &Path, below: &OsStr) -> Result<(Vec<Found>, Vec<OsString>), DiskError> {
    let (mut found, mut dirs) = (Vec::new(), Vec::new());
    let path = if below.is_empty() { Cow::Borrowed(dir) } else { Cow::Owned(dir.join(below)) };
    for entry in fs::read_dir(&path).at("list", &path)? {
        let entry = entry.at("list", &path)?;
        let mut name = below.to_owned();
        if !name.is_empty() {
            name.push("/");
        }
        name.push(entry.file_name());
        if entry.file_type().at("look at", &path)?.is_dir() {
            dirs.push(name);
        } else {
            let meta = entry.metadata().at("look at", &path)?;
            found.push(Found { name, meta });
        }
    }
    Ok((found, dirs))
}

fn node(path: &Path, meta: &fs::Metadata) -> io::Result<Node> {
    if meta.is_symlink() {
        let target = fs::read_link(path)?;
        let bytes = target.as_os_str().as_bytes();
        return Ok(Node { kind: Kind::Link, size: bytes.len() as u64, digest: hash::sha256(bytes) });
    }
    if !meta.is_file() {
        return Ok(Node { kind: Kind::File, size: 0, digest: Digest::from_bytes([0; 32]) });
    }
    let kind = if meta.permissions().mode() & 0o111 == 0 { Kind::File } else { Kind::Executable };
    let (digest, size) = hash::copy_hashed(&mut File::open(path)?, &mut io::sink())?;
    Ok(Node { kind, size, digest })
}

/// Locations that other apps hold.
pub(crate) fn taken(dirs: &Dirs, app: &str) -> Result<Vec<(String, String)>, ObserveError> {
    let mut taken = Vec::new();
    for other in state::apps(dirs)?.into_iter().filter(|other| other != app) {
        let file = state::load(dirs, &other)?;
        if file.state != AppState::Absent {
            taken.extend(file.locations.into_iter().map(|location| (location, other.clone())));
        }
    }
    Ok(taken)
}

fn environments(dirs: &Dirs) -> Result<Vec<Digest>, DiskError> {
    let all: BTreeSet<Digest> =
        disk::names(&dirs.environments())?.iter().filter_map(|name| Digest::from_hex(name).ok()).collect();
    Ok(all.into_iter().filter(|id| dirs.environment(id).join(".complete").is_file()).collect())
}
