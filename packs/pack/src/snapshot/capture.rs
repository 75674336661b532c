//! A directory becomes a snapshot. The directory is not trusted: it may hold links that lead out,
//! pipes that never end, names that no other machine can hold, and it may change while it is read.

use super::{Blobs, MemoryBlobs, Snapshot, blobs::missing};
use crate::{
    hash,
    limits::Limits,
    listing::{Kind, Listing, ListingError, Node},
};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use silver_plugin_api::{Digest, TreePath, path::PathError};
use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Files up to this size are held in memory; bigger ones stay where they are and are read again,
/// with their digest checked, when they are needed.
const HOLD: u64 = 8 << 20;
/// So much is held in all; what comes after it stays where it is, whatever its size.
const HOLD_IN_ALL: u64 = 64 << 20;
/// How often a file that changes while it is read is tried.
const ATTEMPTS: usize = 3;

/// Why a directory could not be captured.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The directory itself, or something in it, could not be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A name that is not UTF-8.
    #[error("a name below `{}` is not UTF-8: `{name}`", dir.display())]
    NotUtf8 {
        /// Where.
        dir: PathBuf,
        /// The name, its bytes escaped.
        name: String,
    },
    /// A name that a tree cannot hold.
    #[error("`{path}` cannot be part of a tree")]
    Name {
        /// The path, escaped.
        path: String,
        /// Why.
        #[source]
        source: PathError,
    },
    /// Neither file, directory nor link.
    #[error("`{path}` is a {what}; only files, directories and links can be part of a tree")]
    Kind {
        /// Where.
        path: TreePath,
        /// `named pipe`, `socket`, `device`.
        what: &'static str,
    },
    /// A link that leads out of the directory.
    #[error("the link `{path}` leads out of the directory, to `{target}`")]
    LinkOut {
        /// Where.
        path: TreePath,
        /// Its target, escaped.
        target: String,
    },
    /// Something changed while it was read.
    #[error("`{path}` changed while it was read")]
    Changed {
        /// What.
        path: TreePath,
    },
    /// The names do not go together.
    #[error("the names in `{}` do not go together", dir.display())]
    Clash {
        /// The directory.
        dir: PathBuf,
        /// Which and why.
        #[source]
        source: ListingError,
    },
    /// More than a directory may hold.
    #[error("`{path}` goes over the limit of {limit} {of}")]
    Limit {
        /// Where it was reached.
        path: TreePath,
        /// The limit.
        limit: u64,
        /// Of what: `entries`, `bytes in one file`, `bytes in all`.
        of: &'static str,
    },
}

impl CaptureError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "make it readable, or move it out of the directory"
            }
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotADirectory => "name a directory",
            Self::Read { .. } => return None,
            Self::NotUtf8 { .. } | Self::Name { .. } => "rename it",
            Self::Kind { .. } => "remove it, or move it out of the directory",
            Self::LinkOut { .. } => "replace the link by what it leads to, or by a relative link that stays inside",
            Self::Changed { .. } => "try again when nothing writes to the directory",
            Self::Clash { source, .. } => return source.hint(),
            Self::Limit { .. } => "move what does not belong to the customization out of the directory",
        };
        Some(hint.to_owned())
    }
}

/// Is this path the bookkeeping of a version control system? ([`Snapshot::capture`] leaves it out.)
pub fn is_vcs(path: &TreePath) -> bool {
    matches!(path.name(), ".git" | ".hg" | ".svn" | ".bzr" | ".jj" | "_darcs" | "CVS" | ".fslckout" | ".hg_archival.txt")
}

impl Snapshot {
    /// The tree of a directory, without the bookkeeping of version control systems. Empty
    /// directories are not part of a tree; of the modes only the owner's execute bit is.
    pub fn capture(dir: &Path) -> Result<Self, CaptureError> {
        Self::capture_if(dir, &Limits::default(), &|path| !is_vcs(path))
    }

    /// As [`Snapshot::capture`], of what `keep` wants. `keep` is asked for every file, link and
    /// directory; what is not wanted is not looked at.
    pub fn capture_if(dir: &Path, limits: &Limits, keep: &dyn Fn(&TreePath) -> bool) -> Result<Self, CaptureError> {
        let mut capture = Capture { dir, limits, keep, listing: Listing::new(), held: Held::default(), entries: 0, total: 0 };
        let root = rustix::fs::open(dir, DIRECTORY, Mode::empty())
            .map_err(|error| CaptureError::Read { path: dir.to_owned(), source: error.into() })?;
        capture.directory(root.as_fd(), &TreePath::root())?;
        Ok(Self::new(capture.listing, Arc::new(capture.held)))
    }
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Never through a link, and never waiting for the other end of a pipe.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

struct Capture<'a> {
    dir: &'a Path,
    limits: &'a Limits,
    keep: &'a dyn Fn(&TreePath) -> bool,
    listing: Listing,
    held: Held,
    entries: usize,
    total: u64,
}

impl Capture<'_> {
    fn directory(&mut self, dir: BorrowedFd<'_>, at: &TreePath) -> Result<(), CaptureError> {
        let mut names = Vec::new();
        for entry in Dir::read_from(dir).map_err(|error| self.read_error(at, error.into()))? {
            let entry = entry.map_err(|error| self.read_error(at, error.into()))?;
            if entry.file_name() != c"." && entry.file_name() != c".." {
                names.push(entry.file_name().to_owned());
            }
        }
        names.sort();
        for name in names {
            let Ok(text) = name.to_str() else {
                return Err(CaptureError::NotUtf8 {
                    dir: self.dir.join(at.as_str()),
                    name: name.to_bytes().escape_ascii().to_string(),
                });
            };
            let path = at.join(text).map_err(|source| CaptureError::Name {
                path: format!("{at}/{text}").trim_start_matches('/').escape_debug().to_string(),
                source,
            })?;
            if (self.keep)(&path) {
                self.entry(dir, text, &path)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, dir: BorrowedFd<'_>, name: &str, path: &TreePath) -> Result<(), CaptureError> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(limit(path, self.limits.entries as u64, "entries"));
        }
        let found = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| self.vanished(path, error))?;
        let what = match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => return self.file(dir, name, path),
            FileType::Symlink => return self.link(dir, name, path),
            FileType::Directory => {
                let below = rustix::fs::openat(dir, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
                    .map_err(|error| self.vanished(path, error))?;
                return self.directory(below.as_fd(), path);
            }
            FileType::Fifo => "named pipe",
            FileType::Socket => "socket",
            _ => "device",
        };
        Err(CaptureError::Kind { path: path.clone(), what })
    }

    fn link(&mut self, dir: BorrowedFd<'_>, name: &str, path: &TreePath) -> Result<(), CaptureError> {
        let target = rustix::fs::readlinkat(dir, name, Vec::new()).map_err(|error| self.vanished(path, error))?;
        let out = |target: String| CaptureError::LinkOut { path: path.clone(), target };
        let target = target.to_str().map_err(|_| out(target.to_bytes().escape_ascii().to_string()))?;
        path.resolve_link(target).map_err(|_| out(target.escape_debug().to_string()))?;
        let digest = self.held.memory.put(target.as_bytes());
        self.add(path, Node { kind: Kind::Link, size: target.len() as u64, digest })
    }

    fn file(&mut self, dir: BorrowedFd<'_>, name: &str, path: &TreePath) -> Result<(), CaptureError> {
        for _ in 0..ATTEMPTS {
            let file = rustix::fs::openat(dir, name, FILE, Mode::empty()).map_err(|error| self.vanished(path, error))?;
            let mut file = File::from(file);
            let before = rustix::fs::fstat(&file).map_err(|error| self.read_error(path, error.into()))?;
            if FileType::from_raw_mode(before.st_mode) != FileType::RegularFile {
                continue;
            }
            let size = before.st_size.cast_unsigned();
            if size > self.limits.file {
                return Err(limit(path, self.limits.file, "bytes in one file"));
            }
            if self.total + size > self.limits.total {
                return Err(limit(path, self.limits.total, "bytes in all"));
            }
            let hold = size <= HOLD && self.held.total + size <= HOLD_IN_ALL;
            let (content, length) = read(&mut file, size, hold).map_err(|error| self.read_error(path, error))?;
            let after = rustix::fs::fstat(&file).map_err(|error| self.read_error(path, error.into()))?;
            if length != size || !same(&before, &after) {
                continue;
            }
            let digest = match content {
                Content::Bytes(bytes) => {
                    self.held.total += size;
                    self.held.memory.put(bytes)
                }
                Content::Digest(digest) => {
                    self.held.files.insert(digest, self.dir.join(path.as_str()));
                    digest
                }
            };
            self.total += size;
            let kind = if before.st_mode & 0o100 == 0 { Kind::File } else { Kind::Executable };
            return self.add(path, Node { kind, size, digest });
        }
        Err(CaptureError::Changed { path: path.clone() })
    }

    fn add(&mut self, path: &TreePath, node: Node) -> Result<(), CaptureError> {
        let added = self.listing.insert(path.clone(), node);
        added.map(drop).map_err(|source| CaptureError::Clash { dir: self.dir.to_owned(), source })
    }

    fn read_error(&self, path: &TreePath, source: io::Error) -> CaptureError {
        CaptureError::Read { path: self.dir.join(path.as_str()), source }
    }

    /// What was listed a moment ago but is another thing now has changed while it was read.
    fn vanished(&self, path: &TreePath, error: rustix::io::Errno) -> CaptureError {
        match error {
            rustix::io::Errno::NOENT | rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR => {
                CaptureError::Changed { path: path.clone() }
            }
            error => self.read_error(path, error.into()),
        }
    }
}

/// At most one byte more than `size`, which is enough to see that the file grew.
fn read(file: &mut File, size: u64, hold: bool) -> io::Result<(Content, u64)> {
    let mut bounded = file.take(size + 1);
    if !hold {
        let (digest, read) = hash::copy_hashed(&mut bounded, &mut io::sink())?;
        return Ok((Content::Digest(digest), read));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    bounded.read_to_end(&mut bytes)?;
    let read = bytes.len() as u64;
    Ok((Content::Bytes(bytes), read))
}

fn limit(path: &TreePath, limit: u64, of: &'static str) -> CaptureError {
    CaptureError::Limit { path: path.clone(), limit, of }
}

fn same(before: &Stat, after: &Stat) -> bool {
    let key = |stat: &Stat| (stat.st_size, stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec, stat.st_mode);
    key(before) == key(after)
}

enum Content {
    Bytes(Vec<u8>),
    Digest(Digest),
}

/// What was captured: small contents in memory, big ones where they are.
#[derive(Default)]
struct Held {
    memory: MemoryBlobs,
    /// Bytes in memory.
    total: u64,
    files: HashMap<Digest, PathBuf>,
}

impl Blobs for Held {
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        if self.memory.get(digest).is_some() {
            return self.memory.open(digest);
        }
        let path = self.files.get(digest).ok_or_else(|| missing(digest))?;
        Ok(Box::new(File::from(rustix::fs::open(path, FILE, Mode::empty())?)))
    }
}

#[cfg(test)]
#[path = "capture_tests.rs"]
mod tests;
