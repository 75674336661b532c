//! What the registry is told of a change, as far as the command knows it.

use crate::operator;
use silver_build::vcs;
use silver_plugin_api::plan::Deployment;
use std::path::Path;

/// Who, why and with which silver.
pub fn claimed(reason: Option<String>) -> Deployment {
    Deployment { operator: operator::claimed(), reason, silver: env!("CARGO_PKG_VERSION").into(), ..Deployment::default() }
}

/// The revision of the directory's version control, `-dirty` where something is not checked in;
/// `None` when there is none (or no program for it).
pub fn revision(directory: &Path) -> Option<String> {
    // looking for what marks a working copy is cheaper than starting programs that look for it
    let directory = std::path::absolute(directory).ok()?;
    if !directory.ancestors().any(|dir| [".git", ".hg"].iter().any(|mark| dir.join(mark).exists())) {
        return None;
    }
    let head = vcs::head(&directory)?;
    Some(if head.dirty { format!("{}-dirty", head.revision) } else { head.revision })
}
