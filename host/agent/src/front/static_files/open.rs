//! Opening a file below a directory, and never anything else.

use super::{Digests, content_type};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use silver_plugin_api::Digest;
use std::{ffi::OsStr, fs::File, os::fd::OwnedFd, os::unix::ffi::OsStrExt as _, path::Path};

/// A file that is served.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) file: File,
    pub(super) size: u64,
    pub(super) digest: Digest,
    pub(super) kind: &'static str,
}

/// What is at a path.
#[derive(Debug)]
pub(super) enum Opened {
    File(Found),
    /// A directory with an index, asked for without the slash at its end.
    DirectoryWithoutSlash,
}

/// Opens `path` below `root`. The kernel resolves it and refuses whatever leads out (openat2(2),
/// `RESOLVE_BENEATH`), so there is no moment between looking and opening. Links inside a release are
/// followed, since a tree may have them; what an app has written has to be a file itself. Only
/// regular files are served.
pub(super) fn open(digests: &Digests, root: &Path, mut path: Vec<u8>, directory: bool, public: bool) -> Option<Opened> {
    let root = openat(CWD, root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    if public {
        resolve |= ResolveFlags::NO_SYMLINKS;
    }
    let at = |path: &[u8]| -> Option<File> {
        // without blocking: a FIFO must not hold anybody
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened: OwnedFd = openat2(&root, OsStr::from_bytes(path), flags, Mode::empty(), resolve).ok()?;
        Some(File::from(opened))
    };
    let slash = path.is_empty() || path.ends_with(b"/");
    if slash {
        if !directory {
            return None;
        }
        path.extend_from_slice(b"index.html");
    }
    let mut file = at(&path)?;
    let metadata = file.metadata().ok()?;
    if metadata.is_dir() && directory && !slash {
        let index = [path.as_slice(), b"/index.html"].concat();
        return at(&index)?.metadata().ok()?.is_file().then_some(Opened::DirectoryWithoutSlash);
    }
    if !metadata.is_file() {
        return None;
    }
    let digest = digests.of(&mut file, &metadata).ok()?;
    let kind = content_type::of(path.rsplit(|&byte| byte == b'/').next().unwrap_or_default());
    Some(Opened::File(Found { file, size: metadata.len(), digest, kind }))
}

/// Is there anything but a directory at `path` below `root`, or at one of the paths that it lies
/// below? No link is followed.
pub(in crate::front) fn holds(root: &Path, path: &str) -> bool {
    let Ok(root) = openat(CWD, root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) else { return false };
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    for end in ends.filter(|end| *end > 0) {
        let Ok(found) = openat2(&root, &path[..end], flags, Mode::empty(), resolve) else { return false };
        if !File::from(found).metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return true;
        }
    }
    false
}
