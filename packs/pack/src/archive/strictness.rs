//! How much is asked of an archive besides being sound, which is asked of all.

use super::{central::Entry, end::End, error::ArchiveError};
use silver_plugin_api::TreePath;

/// Soundness has no degrees: what is ambiguous or dangerous is refused wherever an archive comes from.
/// What differs is whether an archive may say more than its tree does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// Every header is, bit for bit, the one that [`super::write()`] gives this tree. Nothing can be hidden
    /// in a pack, and no two tools can read it differently.
    Pack,
    /// Also with timestamps, extra fields, comments, directories, data descriptors, modes and an order of
    /// its own: what other tools make, on its way into a pack, and wheels. None of it is in the tree.
    Any,
}

/// What is the first thing that silver would have written otherwise? `local` says of each entry whether
/// its local header is as written.
pub(super) fn deviation(entries: &[Entry], local: &[bool], end: &End) -> Option<String> {
    let mut before: Option<(&TreePath, u64)> = None;
    for (entry, local) in entries.iter().zip(local) {
        let name = entry.name();
        if entry.kind.is_none() {
            return Some(format!("the directory `{name}` is"));
        }
        if before.is_some_and(|(path, offset)| path >= &entry.path || offset >= entry.offset) {
            return Some(format!("`{name}` and what is before it are"));
        }
        if !(entry.as_written && *local) {
            return Some(format!("the headers of `{name}` are"));
        }
        before = Some((&entry.path, entry.offset));
    }
    (!end.as_written).then(|| "the end of the archive is".to_owned())
}

/// [`deviation`] as an error, where packs are wanted.
pub(super) fn demand(strictness: Strictness, deviation: Option<&String>) -> Result<(), ArchiveError> {
    match (strictness, deviation) {
        (Strictness::Pack, Some(what)) => Err(ArchiveError::NotAsWritten { what: what.clone() }),
        _ => Ok(()),
    }
}
