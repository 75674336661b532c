//! A directory of packages, here or on a web server: files `NAME-VERSION.SUFFIX` and a list of their
//! digests, `SHA256SUMS`, as `sha256sum` of coreutils writes it. Packages need nothing of each other.
//! When a key is given, nothing of the list is believed, nor even parsed, without its signature.

mod list;
mod signed;
mod version;

pub(super) use version::compare as newer;

use super::{
    IndexError, PackageIndex, UNKNOWN, failure,
    known::{self, Known},
};
use crate::{
    curl::{self, FetchError},
    store::{FileStore, Stored},
};
use list::{LIST, Row};
use signed::SignedBy;
use silver_pack::{hash, manifest::IndexKind, pack::Pack, signature::PublicKey};
use silver_plugin_api::{
    Failure, Settings, Tree, TreePath,
    index::{Index, PackageRef, Requirement},
};
use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// The largest package, and the largest list, in bytes.
const LARGEST: u64 = 256 << 20;
const LARGEST_LIST: u64 = 4 << 20;

/// Where the directory is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// On this machine.
    Folder(PathBuf),
    /// An address; files are below it.
    Url(String),
}

/// A directory of packages as one pack uses it.
pub struct DirectoryIndex {
    place: Place,
    store: FileStore,
    known: Vec<Known>,
    rows: OnceLock<Vec<Row>>,
    /// Who has to have signed the list.
    signed: Option<SignedBy>,
}

/// Why there is no file.
enum Away {
    /// The directory has none of this name; the text says where that is.
    Absent(String),
    /// Whether it has one is not known.
    Failed(Failure),
}

impl From<Away> for Failure {
    fn from(away: Away) -> Self {
        match away {
            Away::Absent(text) => Self::Unavailable(format!("the package index cannot be read: {text}")),
            Away::Failed(failure) => failure,
        }
    }
}

impl DirectoryIndex {
    /// The index as `pack` uses it (`[index.directory]`), at `place` if the operator has it
    /// elsewhere. Packages are kept below `downloads`.
    pub fn new(pack: &Pack, place: Option<Place>, downloads: &Path) -> Result<Self, IndexError> {
        let index = pack.manifest().index.get(&IndexKind::Directory);
        let of_pack = || index.and_then(|index| index.url.clone()).map(Place::Url);
        let place = place.or_else(of_pack).ok_or(IndexError::NoPlace(IndexKind::Directory))?;
        let store = FileStore::new(downloads.join("directory"));
        let signed = index.and_then(|index| index.key).map(SignedBy::pack);
        Ok(Self { place, store, known: known::read(pack, index)?, rows: OnceLock::new(), signed })
    }

    /// The same; if the operator gives a `key`, the list has to be signed with that one instead of the
    /// pack's.
    #[must_use]
    pub fn with_key(self, key: Option<PublicKey>) -> Self {
        Self { signed: key.map(SignedBy::operator).or(self.signed), ..self }
    }

    /// The list, read once.
    fn rows(&self) -> Result<&[Row], Failure> {
        if let Some(rows) = self.rows.get() {
            return Ok(rows);
        }
        let work = tempfile::tempdir().map_err(|error| unavailable(&error))?;
        let path = work.path().join(LIST);
        self.get(LIST, &path, LARGEST_LIST)?;
        let content = fs::read(&path).map_err(|error| unavailable(&error))?;
        if let Some(signed) = &self.signed {
            let signature = self.signature(work.path())?;
            signed.demand(&content, signature.as_deref(), &self.shown())?;
        }
        let parsed = str::from_utf8(&content).map_err(|_| "it is not text".to_owned()).and_then(list::parse);
        let rows = parsed.map_err(|error| {
            let help = format!("make it with `sha256sum *-* > {LIST}` in the directory");
            Failure::invalid("bad-index", format!("the list of the index at {}: {error}", self.shown()), Some(&help))
        })?;
        Ok(self.rows.get_or_init(|| rows))
    }

    /// The signature of the list, if there is one.
    fn signature(&self, work: &Path) -> Result<Option<Vec<u8>>, Failure> {
        let path = work.join(signed::SIGNATURE);
        match self.get(signed::SIGNATURE, &path, LARGEST_LIST) {
            Ok(()) => fs::read(&path).map(Some).map_err(|error| unavailable(&error)),
            Err(Away::Absent(_)) => Ok(None),
            Err(Away::Failed(failure)) => Err(failure),
        }
    }

    /// Fetches a file of the directory.
    fn get(&self, name: &str, to: &Path, limit: u64) -> Result<(), Away> {
        match &self.place {
            Place::Folder(folder) => {
                let path = folder.join(name);
                let size = fs::metadata(&path).map(|file| file.len());
                if size.as_ref().is_ok_and(|size| *size > limit) {
                    return Err(Away::Failed(Failure::Limit(format!("`{}` is larger than {limit} bytes", path.display()))));
                }
                size.and_then(|_| fs::copy(&path, to)).map(drop).map_err(|error| {
                    let text = format!("`{}`: {error}", path.display());
                    match error.kind() {
                        ErrorKind::NotFound => Away::Absent(text),
                        _ => Away::Failed(Failure::Unavailable(format!("the package index cannot be read: {text}"))),
                    }
                })
            }
            Place::Url(base) => {
                let url = format!("{}/{}", base.trim_end_matches('/'), name);
                curl::fetch(&url, to, limit).map_err(|error| match error {
                    FetchError::Missing(_) => Away::Failed(Failure::Unavailable(format!("{error} (install curl)"))),
                    FetchError::NotFound(_) => Away::Absent(error.to_string()),
                    FetchError::Unreachable { .. } => {
                        Away::Failed(Failure::Unavailable(format!("the package index cannot be reached: {error}")))
                    }
                })
            }
        }
    }

    fn shown(&self) -> String {
        match &self.place {
            Place::Folder(folder) => format!("`{}`", folder.display()),
            Place::Url(url) => format!("`{url}`"),
        }
    }

    fn of(&self, name: &str) -> Result<Vec<&Row>, Failure> {
        let rows = self.rows()?;
        let mut found: Vec<&Row> = rows.iter().filter(|row| row.name == name).collect();
        if found.is_empty() {
            let names = rows.iter().map(|row| row.name.as_str()).chain(self.known.iter().map(|known| known.name.as_str()));
            return Err(failure::unknown(name, names));
        }
        found.sort_by(|a, b| version::compare(&b.version, &a.version));
        Ok(found)
    }

    fn reference(&self, row: &Row) -> PackageRef {
        let summary = self.known.iter().find(|known| known.name == row.name).map(|known| known.summary.clone());
        PackageRef {
            name: row.name.clone(),
            version: row.version.clone(),
            digest: row.digest,
            summary: summary.unwrap_or_default(),
            size: 0,
            yanked: false,
            extra: Settings::new(),
        }
    }

    fn choose(&self, wanted: &Requirement) -> Result<&Row, Failure> {
        let rows = self.of(&wanted.name)?;
        let exact = match wanted.versions.trim() {
            "" => return rows.first().copied().ok_or_else(|| Failure::NotFound(wanted.name.clone())),
            versions => versions.strip_prefix("==").map(str::trim).filter(|version| !version.is_empty()).ok_or_else(|| {
                let message = format!("`{}` says nothing about versions of `{}`", versions.escape_debug(), wanted.name);
                Failure::invalid("bad-versions", message, Some("write `==1.0`, or nothing for the newest"))
            })?,
        };
        rows.iter().find(|row| row.version == exact).copied().ok_or_else(|| {
            let there: Vec<&str> = rows.iter().map(|row| row.version.as_str()).collect();
            let message = format!("the index has no `{}` {exact}; it has {}", wanted.name, there.join(", "));
            Failure::invalid("no-version", message, Some("name one of these versions, or none for the newest"))
        })
    }
}

fn unavailable(error: &std::io::Error) -> Failure {
    Failure::Unavailable(error.to_string())
}

impl Index for DirectoryIndex {
    fn search(&self, query: &str, limit: u32) -> Result<Vec<PackageRef>, Failure> {
        Ok(known::search(&self.known, query, limit))
    }

    fn versions(&self, name: &str) -> Result<Vec<PackageRef>, Failure> {
        Ok(self.of(name)?.into_iter().map(|row| self.reference(row)).collect())
    }

    fn resolve_all(&self, wanted: &[Requirement], constraints: &[Requirement], _: &str) -> Result<Vec<PackageRef>, Failure> {
        let mut chosen: Vec<PackageRef> = Vec::new();
        for requirement in wanted {
            let row = self.choose(requirement)?;
            if let Some(pin) = constraints.iter().find(|pin| pin.name == row.name) {
                if pin.versions.trim_start_matches('=') != row.version {
                    let message = format!(
                        "the requirements exclude each other: {}=={} is wanted, the pack has {}{}",
                        row.name, row.version, pin.name, pin.versions
                    );
                    return Err(Failure::invalid(
                        "conflict",
                        message,
                        Some("choose the pack's version, or another version of the pack"),
                    ));
                }
                continue;
            }
            match chosen.iter().find(|package| package.name == row.name) {
                Some(package) if package.version != row.version => {
                    let message = format!(
                        "the requirements exclude each other: {0}=={1} and {0}=={2} are wanted",
                        row.name, package.version, row.version
                    );
                    return Err(Failure::invalid("conflict", message, Some("keep one of the two")));
                }
                Some(_) => {}
                None => chosen.push(self.reference(row)),
            }
        }
        chosen.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(chosen)
    }

    fn fetch(&self, what: &PackageRef) -> Result<Box<dyn Tree>, Failure> {
        Ok(Box::new(self.package(what)?.1.tree))
    }
}

impl PackageIndex for DirectoryIndex {
    fn kind(&self) -> IndexKind {
        IndexKind::Directory
    }

    fn file(&self, what: &PackageRef) -> Result<Stored, Failure> {
        if what.digest == UNKNOWN {
            return Err(failure::not_exact(&what.name));
        }
        if let Some(stored) = self.store.get(&what.digest) {
            return Ok(stored);
        }
        let row = self.of(&what.name)?.into_iter().find(|row| row.version == what.version);
        let row =
            row.ok_or_else(|| Failure::NotFound(format!("`{}` {} is not in the index any more", what.name, what.version)))?;
        if row.digest != what.digest {
            return Err(failure::other_digest(&what.name, &what.digest, &row.digest));
        }
        let incoming = self.store.incoming().map_err(|error| unavailable(&error))?;
        let path = incoming.path().join(&row.file);
        self.get(&row.file, &path, LARGEST)?;
        let digest = fs::read(&path).map(|content| hash::sha256(&content)).map_err(|error| unavailable(&error))?;
        if digest != what.digest {
            return Err(failure::other_digest(&what.name, &what.digest, &digest));
        }
        let stored = self.store.keep(&path, digest).map_err(|error| unavailable(&error))?;
        stored.ok_or_else(|| Failure::Internal(format!("`{}` cannot be the name of a file", row.file)))
    }
}

/// A file's path below the directory is its name alone: a list cannot name anything elsewhere.
fn is_plain(name: &str) -> bool {
    TreePath::new(name).is_ok_and(|path| !path.is_root() && !path.contains('/'))
}

#[cfg(test)]
mod tests;
