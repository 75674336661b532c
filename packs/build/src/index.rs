//! Package indexes, where app plugins come from.

mod failure;
mod report;

use crate::{
    pip::{For, Pip, PipError},
    requirements::{self, Pinned, RequirementsError, is_name, is_version, normalise},
    wheels::WheelStore,
};
use serde::Deserialize;
use silver_pack::{
    listing::{Kind, Listing, Node},
    manifest::IndexKind,
    pack::Pack,
    snapshot::{MemoryBlobs, ReadError, Snapshot},
};
use silver_plugin_api::{
    Digest, Failure, Settings, Tree, TreePath,
    index::{Index, PackageRef, Requirement},
};
use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

/// The digest of a package that is not known yet.
pub const UNKNOWN: Digest = Digest::from_bytes([0; 32]);

/// The Python package index of this machine's pip, as one pack uses it: `search` looks through the
/// pack's list, and whatever is resolved has to agree with the pack's pins. Wheels only.
pub struct PythonIndex {
    pip: Pip,
    store: WheelStore,
    known: Vec<Known>,
    pins: Vec<Requirement>,
    /// For which machine a package was resolved, so that `fetch` asks for the same file.
    resolved: Mutex<HashMap<Digest, For>>,
}

/// A row of the list that a pack ships.
#[derive(Debug, Clone, Deserialize)]
struct Known {
    name: String,
    #[serde(default)]
    summary: String,
}

/// Why a pack's index cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A file of the pack that the index needs cannot be read.
    #[error("cannot read what the pack says about its package index")]
    Read(#[from] ReadError),
    /// The list is not what it should be.
    #[error("the pack's list of packages `{path}` cannot be read")]
    List {
        /// Which.
        path: TreePath,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// The pins are not exact.
    #[error("the pack's pins are not exact")]
    Pins(#[from] RequirementsError),
}

impl IndexError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Read(error) => error.hint(),
            Self::List { .. } => {
                Some("ask the publisher of the pack: it is a list of `{\"name\": …, \"summary\": …}`".to_owned())
            }
            Self::Pins(error) => Some(error.hint.to_owned()),
        }
    }
}

impl PythonIndex {
    /// The index as `pack` uses it (`[index.python]`), reached through `pip`; wheels are kept below
    /// `downloads`.
    pub fn new(pack: &Pack, pip: Pip, downloads: &Path) -> Result<Self, IndexError> {
        let manifest = pack.manifest();
        let index = manifest.index.get(&IndexKind::Python);
        let known = match index.and_then(|index| index.list.as_ref()) {
            None => Vec::new(),
            Some(path) => serde_json::from_str(&pack.tree().text(path)?)
                .map_err(|source| IndexError::List { path: path.clone(), source })?,
        };
        let build = manifest.build.python.as_ref().map(|python| &python.requirements);
        let pins = match index.and_then(|index| index.constraints.as_ref()).or(build) {
            None => Vec::new(),
            Some(path) => requirements::parse(&pack.tree().text(path)?, path)?,
        };
        let pins = pins.into_iter().map(|pin| Requirement::new(pin.name, format!("=={}", pin.version))).collect();
        let store = WheelStore::new(downloads.join("wheels"));
        Ok(Self { pip, store, known, pins, resolved: Mutex::default() })
    }

    /// The packages that belong to the pack.
    pub fn pins(&self) -> &[Requirement] {
        &self.pins
    }

    /// Says more about a package for which nothing fits: unknown, or not as a wheel.
    fn why_none(&self, requirement: &str, fitting: &str) -> Failure {
        // pip writes `name==1 (from who wants it)`
        let requirement = requirement.split(" (from").next().unwrap_or(requirement);
        let name: String =
            requirement.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect();
        if fitting != "none" {
            return failure::no_version(requirement, fitting);
        }
        match self.pip.versions(&name) {
            Ok(versions) if !versions.is_empty() => failure::wheels_only(&name),
            Ok(_) | Err(PipError::NoMatch { .. }) => failure::unknown(&name, self.known.iter().map(|known| known.name.as_str())),
            Err(error) => failure::of_pip(&error),
        }
    }
}

impl Index for PythonIndex {
    fn search(&self, query: &str, limit: u32) -> Result<Vec<PackageRef>, Failure> {
        let query = query.to_lowercase();
        let mut found: Vec<&Known> = self
            .known
            .iter()
            .filter(|known| known.name.to_lowercase().contains(&query) || known.summary.to_lowercase().contains(&query))
            .collect();
        // a hit in the name comes before one in the words
        found.sort_by_key(|known| (!known.name.to_lowercase().contains(&query), known.name.to_lowercase()));
        let package = |known: &Known| PackageRef {
            name: known.name.clone(),
            version: String::new(),
            digest: UNKNOWN,
            summary: known.summary.clone(),
            size: 0,
            yanked: false,
            extra: Settings::new(),
        };
        Ok(found.into_iter().take(limit as usize).map(package).collect())
    }

    fn versions(&self, name: &str) -> Result<Vec<PackageRef>, Failure> {
        check_name(name)?;
        let versions = self.pip.wheel_versions(name).map_err(|error| match error {
            PipError::NoMatch { .. } => self.why_none(name, "none"),
            error => failure::of_pip(&error),
        })?;
        let summary = self.known.iter().find(|known| normalise(&known.name) == normalise(name)).map(|known| &known.summary);
        let package = |version: String| PackageRef {
            name: name.to_owned(),
            version,
            digest: UNKNOWN,
            summary: summary.cloned().unwrap_or_default(),
            size: 0,
            yanked: false,
            extra: Settings::new(),
        };
        Ok(versions.into_iter().map(package).collect())
    }

    fn resolve_all(&self, wanted: &[Requirement], constraints: &[Requirement], target: &str) -> Result<Vec<PackageRef>, Failure> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let wanted_lines = wanted.iter().map(line).collect::<Result<Vec<_>, _>>()?;
        let constraint_lines = self.pins.iter().chain(constraints).map(line).collect::<Result<BTreeSet<_>, _>>()?;
        let constraint_lines: Vec<String> = constraint_lines.into_iter().collect();
        let target = For::parse(target);
        let report = self.pip.report(&wanted_lines, &constraint_lines, &target).map_err(|error| match error {
            PipError::NoMatch { requirement, versions } => self.why_none(&requirement, &versions),
            error => failure::of_pip(&error),
        })?;
        let pinned: BTreeSet<String> = self.pins.iter().chain(constraints).map(|pin| normalise(&pin.name)).collect();
        let packages = report::packages(&report)?;
        let own: Vec<PackageRef> = packages.into_iter().filter(|package| !pinned.contains(&normalise(&package.name))).collect();
        if let Ok(mut resolved) = self.resolved.lock() {
            resolved.extend(own.iter().map(|package| (package.digest, target.clone())));
        }
        Ok(own)
    }

    fn fetch(&self, what: &PackageRef) -> Result<Box<dyn Tree>, Failure> {
        check_name(&what.name)?;
        if what.digest == UNKNOWN || !is_version(&what.version) {
            let message = format!("`{}` is not exact: it has to be resolved before it is fetched", what.name);
            return Err(Failure::invalid("not-exact", message, None));
        }
        let target = self.resolved.lock().ok().and_then(|resolved| resolved.get(&what.digest).cloned());
        let pin = Pinned {
            name: what.name.clone(),
            version: what.version.clone(),
            marker: String::new(),
            digests: vec![what.digest],
            line: 0,
        };
        let wheel = self.store.fetch_one(&self.pip, &pin, target.as_ref()).map_err(|error| failure::of_wheel(&error))?;
        let content = fs::read(&wheel.path).map_err(|error| Failure::Unavailable(format!("`{}`: {error}", wheel.file)))?;
        let (mut listing, mut blobs) = (Listing::new(), MemoryBlobs::new());
        let node = Node { kind: Kind::File, size: content.len() as u64, digest: blobs.put(content) };
        if node.digest != what.digest {
            return Err(failure::other_digest(&what.name, &what.digest, &node.digest));
        }
        listing.insert(wheel.file, node).map_err(|error| Failure::Internal(error.to_string()))?;
        Ok(Box::new(Snapshot::new(listing, Arc::new(blobs))))
    }
}

fn check_name(name: &str) -> Result<(), Failure> {
    if is_name(name) {
        return Ok(());
    }
    Err(Failure::invalid("bad-name", format!("`{}` is not the name of a package", name.escape_debug()), None))
}

/// A line of a requirements file that can be nothing but a name and versions.
fn line(requirement: &Requirement) -> Result<String, Failure> {
    check_name(&requirement.name)?;
    let versions = requirement.versions.trim();
    let fine = versions.split(',').all(|part| {
        let part = part.trim();
        let version = part.trim_start_matches(['=', '<', '>', '!', '~']);
        version.len() < part.len() && is_version(version.trim().trim_end_matches(".*"))
    });
    if fine || versions.is_empty() {
        return Ok(format!("{}{versions}", requirement.name));
    }
    let message = format!("`{}` says nothing about versions of `{}`", versions.escape_debug(), requirement.name);
    Err(Failure::invalid("bad-versions", message, Some("write `==1.0`, `>=2,<3`, or nothing for any")))
}

#[cfg(test)]
mod tests;
