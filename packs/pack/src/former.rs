//! The version of a pack that a customization was used with before: what another version has no more is told as
//! gone, not as unknown.

use crate::{
    document::nearest,
    listing::Listing,
    manifest::{Manifest, Name},
    pack::Pack,
};
use semver::Version;
use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

/// That version, as far as it matters to another one.
#[derive(Debug, Clone)]
pub struct Former {
    /// Its manifest.
    pub manifest: Manifest,
    /// Its files.
    pub listing: Arc<Listing>,
}

impl Former {
    /// What is known of `pack`.
    pub fn of(pack: &Pack) -> Self {
        Self { manifest: pack.manifest().clone(), listing: pack.tree().listing().clone() }
    }

    /// Its version.
    pub fn version(&self) -> &Version {
        &self.manifest.pack.version
    }

    /// `` `x` was a setting of 1.6.0 and is gone in 1.7.0``; of the two, `now` does not have it. `what` has its article.
    pub(crate) fn gone(&self, name: &str, what: &str, now: &Manifest) -> String {
        let (former, now) = (self.version(), &now.pack.version);
        let name = name.escape_debug();
        match former.cmp(now) {
            Ordering::Less => format!("`{name}` was {what} of {former} and is gone in {now}"),
            Ordering::Equal => format!("`{name}` was {what} of the {former} that was used before, and is gone in this one"),
            Ordering::Greater => format!("`{name}` is {what} of {former} that {now} does not have"),
        }
    }
}

/// The way out for what is [gone](Former::gone): the names `now` that were not there in `former` may stand in its place.
pub(crate) fn instead(name: &str, now: &[&str], former: &[&str]) -> String {
    let new: Vec<&str> = now.iter().copied().filter(|name| !former.contains(name)).collect();
    match nearest(name, new.iter().copied()) {
        Some(new) => format!("`{new}` is new, and may be what it became; if it is not, take `{name}` out of customize.toml"),
        None if new.is_empty() => "take it out of customize.toml".into(),
        None => format!("take it out of customize.toml; new are `{}`", new.join("`, `")),
    }
}

/// The names of a table of the manifest.
pub(crate) fn names<V>(table: &BTreeMap<Name, V>) -> Vec<&str> {
    table.keys().map(|name| &**name).collect()
}
