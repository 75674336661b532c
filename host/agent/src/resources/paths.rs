//! What lies at a path.

use super::{Accounts, Machine, Place, ResourceError, place::Owned};
use rustix::fs::FileType;
use silver_plugin_api::setup::{PathKind, PathState};

/// What lies at a path; `None`: nothing.
pub(crate) fn look(machine: &Machine, accounts: &Accounts, path: &str) -> Result<Option<PathState>, ResourceError> {
    match machine.place(path)? {
        Some(place) => state(&place, accounts),
        None => Ok(None),
    }
}

fn state(place: &Place, accounts: &Accounts) -> Result<Option<PathState>, ResourceError> {
    let Some(stat) = place.stat()? else { return Ok(None) };
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => PathKind::File,
        FileType::Directory => PathKind::Directory,
        FileType::Symlink => PathKind::Link,
        _ => PathKind::Other,
    };
    Ok(Some(PathState {
        kind,
        owner: accounts.user_name(stat.st_uid),
        group: accounts.group_name(stat.st_gid),
        mode: stat.st_mode & 0o7777,
        size: if kind == PathKind::File { u64::try_from(stat.st_size).unwrap_or_default() } else { 0 },
        digest: if kind == PathKind::File { Some(place.digest()?) } else { None },
        target: if kind == PathKind::Link { Some(place.target()?) } else { None },
    }))
}

/// The text of a file; `None`: it is not there.
pub(crate) fn text(machine: &Machine, path: &str) -> Result<Option<String>, ResourceError> {
    let Some(place) = machine.place(path)? else { return Ok(None) };
    let Some(stat) = place.stat()? else { return Ok(None) };
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(ResourceError::Other(format!("{path} is no file")));
    }
    let bytes = place.read(super::machine::MAX_TEXT)?;
    String::from_utf8(bytes).map(Some).map_err(|_| ResourceError::Other(format!("{path} is not UTF-8 text")))
}

/// Owner, group and mode by their names.
pub(crate) fn owned(accounts: &Accounts, owner: &str, group: &str, mode: u32) -> Result<Owned, ResourceError> {
    Ok(Owned { uid: accounts.uid(owner)?, gid: accounts.gid(group)?, mode })
}

/// The agent's user's, which on a server is root, and everybody may read it.
pub(crate) fn roots() -> Owned {
    Owned { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw(), mode: 0o644 }
}
