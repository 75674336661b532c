//! App plugins of a customization: resolved for each platform and locked, and brought back by their
//! digests.

use crate::{
    index::{EXTRA_BUILT_FROM, PackageIndex},
    store::{FileStore, Stored},
    unpack::{self, Package, UnpackError},
};
use silver_pack::{
    customization::{AppPluginWanted, LockedPlugin, Target, VENDORED},
    manifest::IndexKind,
    snapshot::Snapshot,
};
use silver_plugin_api::{
    Digest, Failure, Settings, TreePath,
    index::{PackageRef, Requirement},
};
use std::path::Path;

/// What is wanted of one index.
pub struct Wanted<'a> {
    /// Names and versions, as `customize.toml` has them.
    pub plugins: &'a [AppPluginWanted],
    /// Where packages lie in the customization.
    pub into: TreePath,
    /// What is locked so far, for any platform.
    pub locked: &'a [LockedPlugin],
    /// Take the newest versions that fit, not those that are locked?
    pub upgrade: bool,
}

impl Wanted<'_> {
    /// Is everything locked for this platform, and nothing that is not wanted any more?
    fn is_settled(&self, kind: IndexKind, target: &Target) -> bool {
        let rows = || self.locked.iter().filter(|row| row.index == kind && row.fits(target) && row.requested);
        let is = |row: &LockedPlugin, plugin: &AppPluginWanted| row.name == kind.normalized(&plugin.name);
        self.plugins
            .iter()
            .all(|plugin| rows().any(|row| is(row, plugin) && plugin.exact().is_none_or(|version| version == row.version)))
            && rows().all(|row| self.plugins.iter().any(|plugin| is(row, plugin)))
    }

    /// Is it a file that was put into the customization by hand?
    fn is_by_hand(&self, kind: IndexKind, plugin: &AppPluginWanted) -> bool {
        let mut rows = self.locked.iter().filter(|row| row.index == kind && !row.is_resolved());
        rows.any(|row| row.name == kind.normalized(&plugin.name))
    }

    /// The version that is locked, for this platform if possible. All platforms have the same version
    /// of what is wanted.
    fn locked_version(&self, kind: IndexKind, plugin: &AppPluginWanted, target: &Target) -> Option<&str> {
        let same = |row: &&LockedPlugin| row.index == kind && row.requested && row.name == kind.normalized(&plugin.name);
        let mut rows: Vec<&LockedPlugin> = self.locked.iter().filter(same).collect();
        rows.sort_by_key(|row| !row.fits(target));
        rows.first().map(|row| row.version.as_str())
    }
}

/// The rows of `customize.lock` for one platform: the whole closure of what is wanted. Nothing is
/// asked of the index when everything is locked already; a version that is locked stays as long as it
/// fits.
pub fn resolve(index: &dyn PackageIndex, wanted: &Wanted<'_>, target: &Target) -> Result<Vec<LockedPlugin>, Failure> {
    let kind = index.kind();
    if !wanted.upgrade && wanted.is_settled(kind, target) {
        let rows = wanted.locked.iter().filter(|row| row.index == kind && row.fits(target) && row.is_resolved());
        return Ok(rows.cloned().collect());
    }
    let plugins: Vec<&AppPluginWanted> = wanted.plugins.iter().filter(|plugin| !wanted.is_by_hand(kind, plugin)).collect();
    let requirement = |plugin: &AppPluginWanted, keep: bool| {
        let kept = Some(keep && plugin.exact().is_none()).filter(|keep| *keep);
        let kept = kept.and_then(|_| wanted.locked_version(kind, plugin, target));
        match kept {
            Some(version) => (Requirement::new(&plugin.name, exactly(kind, version)), true),
            None => (Requirement::new(&plugin.name, plugin.specifier()), false),
        }
    };
    let with = |keep: bool| {
        let all: Vec<(Requirement, bool)> = plugins.iter().map(|plugin| requirement(plugin, keep)).collect();
        let any_kept = all.iter().any(|(_, kept)| *kept);
        (all.into_iter().map(|(requirement, _)| requirement).collect::<Vec<_>>(), any_kept)
    };
    let target_text = target.of(kind).to_string();
    let ask = |requirements: &[Requirement]| index.resolve_all(requirements, &[], &target_text);
    let packages = match with(!wanted.upgrade) {
        (requirements, true) => match ask(&requirements) {
            Err(Failure::Invalid(_) | Failure::NotFound(_)) => ask(&with(false).0),
            other => other,
        },
        (requirements, false) => ask(&requirements),
    }
    .map_err(|failure| for_target(failure, target))?;
    let is_wanted = |name: &str| plugins.iter().any(|plugin| kind.normalized(&plugin.name) == kind.normalized(name));
    packages.iter().map(|package| fetched(index, package, &wanted.into, target, is_wanted(&package.name))).collect()
}

/// A requirement of one version, in the index's own words.
fn exactly(kind: IndexKind, version: &str) -> String {
    match kind {
        IndexKind::Python | IndexKind::Directory => format!("=={version}"),
        IndexKind::Npm => version.to_owned(),
    }
}

/// With several platforms it matters for which one something cannot be had.
fn for_target(failure: Failure, target: &Target) -> Failure {
    match failure {
        Failure::Invalid(mut findings) => {
            if let Some(first) = findings.first_mut() {
                first.message = format!("{} (for {target})", first.message);
            }
            Failure::Invalid(findings)
        }
        Failure::NotFound(what) => Failure::NotFound(format!("{what} (for {target})")),
        other => other,
    }
}

fn fetched(
    index: &dyn PackageIndex,
    what: &PackageRef,
    into: &TreePath,
    target: &Target,
    requested: bool,
) -> Result<LockedPlugin, Failure> {
    let (file, package) = index.package(what)?;
    let name = index.kind().normalized(&what.name);
    let place = if package.unpacked { name.as_str() } else { file.file.name() };
    let path = into.join(place).map_err(|error| {
        let help = "another directory `into` of the index in pack.toml may do";
        Failure::invalid("path", format!("`{into}/{place}` is no place for {}: {error}", what.name), Some(help))
    })?;
    Ok(row(index.kind(), what, &file, &package, target, path, requested))
}

/// The row of a package that was fetched for one platform, and lies at `path`.
pub fn row(
    kind: IndexKind,
    what: &PackageRef,
    file: &Stored,
    package: &Package,
    target: &Target,
    path: TreePath,
    requested: bool,
) -> LockedPlugin {
    LockedPlugin {
        index: kind,
        name: kind.normalized(&what.name),
        version: what.version.clone(),
        target: target.of(kind).to_string(),
        path,
        digest: file.digest,
        requested,
        file: package.unpacked.then(|| file.file.to_string()),
        tree: package.unpacked.then(|| package.tree.digest()),
        built_from: what.extra.get(EXTRA_BUILT_FROM).and_then(|digest| digest.parse().ok()),
    }
}

/// Where a vendored app plugin lies in the customization.
pub fn vendored(row: &LockedPlugin) -> Result<TreePath, Failure> {
    let path = format!("{VENDORED}/{}/{}", row.index.as_str(), row.file_name());
    TreePath::new(&path).map_err(|error| Failure::invalid("path", format!("`{path}` is no path of a file: {error}"), None))
}

/// The download cache of an index.
pub fn store(downloads: &Path, kind: IndexKind) -> FileStore {
    FileStore::new(downloads.join(match kind {
        IndexKind::Python => "wheels",
        IndexKind::Npm => "npm",
        IndexKind::Directory => "directory",
    }))
}

/// Opens an index, which is needed only for what is neither in the customization nor in the cache.
pub type Open<'a> = dyn Fn(IndexKind) -> Result<Box<dyn PackageIndex + 'a>, Failure> + 'a;

/// Brings the file of a row: from the customization `files` if it is vendored there, from the download
/// cache, or from the index.
pub fn bring(row: &LockedPlugin, files: &Snapshot, downloads: &Path, open: &Open<'_>) -> Result<Stored, Failure> {
    let vendored = vendored(row)?;
    let node = files.listing().get(&vendored);
    if let Some(node) = node.filter(|node| node.digest != row.digest) {
        return Err(other_file(&vendored, &row.digest, &node.digest));
    }
    let store = store(downloads, row.index);
    if let Some(stored) = store.get(&row.digest) {
        return Ok(stored);
    }
    if node.is_some() {
        let content = files.bytes(&vendored)?;
        return store.put(&vendored_name(&vendored), &content).map_err(|error| Failure::Unavailable(error.to_string()));
    }
    if row.built_from.is_some() {
        let message = format!("`{}` {} was built here, and `{vendored}` is not there", row.name, row.version);
        let help = "bring the file back from version control, or build it again: `silver customize lock --upgrade --allow-build`";
        return Err(Failure::invalid("built-is-gone", message, Some(help)));
    }
    open(row.index)?.file(&reference(row))
}

/// As [`bring`], as a tree that is checked against the lock.
pub fn bring_tree(row: &LockedPlugin, files: &Snapshot, downloads: &Path, open: &Open<'_>) -> Result<Package, Failure> {
    let stored = bring(row, files, downloads, open)?;
    let failed = |error: UnpackError| Failure::invalid("bad-package", error.to_string(), error.hint().as_deref());
    let package = unpack::open(row.index, &stored).map_err(failed)?;
    let found = package.unpacked.then(|| package.tree.digest());
    if found != row.tree {
        let message = format!("`{}` {} unpacks to something else than what was locked", row.name, row.version);
        let help = "lock it again: `silver customize lock PACK --customize=DIR --upgrade`";
        return Err(Failure::invalid("other-digest", message, Some(help)));
    }
    Ok(package)
}

fn vendored_name(path: &TreePath) -> TreePath {
    TreePath::new(path.name()).unwrap_or_default()
}

fn reference(row: &LockedPlugin) -> PackageRef {
    PackageRef {
        name: row.name.clone(),
        version: row.version.clone(),
        digest: row.digest,
        summary: String::new(),
        size: 0,
        yanked: false,
        extra: Settings::new(),
    }
}

fn other_file(path: &TreePath, wanted: &Digest, found: &Digest) -> Failure {
    let message = format!("`{path}` is not the file that was locked: it has {}, not {}", found.short(), wanted.short());
    let help = "bring the file back from version control, or remove it and run `silver customize vendor` again";
    Failure::invalid("other-digest", message, Some(help))
}

#[cfg(test)]
mod tests;
