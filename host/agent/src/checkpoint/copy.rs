//! Copies a directory that may be in use.

use super::{CheckpointError, sqlite};
use crate::disk::{At, make_dir, walk_error};
use rustix::fs::OFlags;
use silver_pack::globs;
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink},
    path::Path,
};

/// Copies a file or directory; nothing where there is nothing. Links are copied as links, sockets and
/// pipes are left out, SQLite databases are copied consistently. What vanishes meanwhile is left out.
/// `exclude` are globs over paths below `from`.
pub(super) fn copy(from: &Path, to: &Path, exclude: &[String]) -> Result<(), CheckpointError> {
    let exclude = globs::compile(exclude)?;
    if let Some(parent) = to.parent() {
        make_dir(parent)?;
    }
    let walk = walkdir::WalkDir::new(from).follow_links(false).into_iter();
    let below = |path: &Path| path.strip_prefix(from).unwrap_or(path).to_owned();
    for entry in walk.filter_entry(|entry| !exclude.is_match(below(entry.path()))) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.io_error().is_some_and(|io| io.kind() == io::ErrorKind::NotFound) => continue,
            Err(error) => return Err(walk_error(error, from).into()),
        };
        let relative = below(entry.path());
        let dest = if relative.as_os_str().is_empty() { to.to_owned() } else { to.join(relative) };
        copy_one(entry.path(), entry.file_type(), &dest)?;
    }
    Ok(())
}

fn copy_one(from: &Path, kind: fs::FileType, to: &Path) -> Result<(), CheckpointError> {
    if kind.is_dir() {
        make_dir(to)?;
        let Some(meta) = vanished(fs::metadata(from)).at("read", from)? else { return Ok(()) };
        // for as long as it is being filled it has to be writable
        return Ok(
            fs::set_permissions(to, fs::Permissions::from_mode(meta.permissions().mode() | 0o700)).at("set the mode of", to)?
        );
    }
    if kind.is_symlink() {
        let Some(target) = vanished(fs::read_link(from)).at("read", from)? else { return Ok(()) };
        return Ok(symlink(target, to).at("make the link", to)?);
    }
    if !kind.is_file() || sqlite::is_sibling(from) {
        return Ok(());
    }
    if sqlite::is_database(from).at("read", from)? {
        return sqlite::copy(from, to);
    }
    vanished(copy_file(from, to)).at("copy", from)?;
    Ok(())
}

/// Opens a file of an app to read it: what has become a link since it was looked at is not followed, and a pipe is not
/// waited for.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NOFOLLOW.union(OFlags::NONBLOCK).bits()).unwrap_or_default();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// As [`fs::copy`], by [`open`].
fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = open(from)?;
    let mode = source.metadata()?.permissions().mode();
    let mut dest = OpenOptions::new().write(true).create(true).truncate(true).open(to)?;
    io::copy(&mut source, &mut dest)?;
    dest.set_permissions(fs::Permissions::from_mode(mode))
}

fn vanished<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
