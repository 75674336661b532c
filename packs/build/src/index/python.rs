//! Indexes of Python packages, through the machine's own pip.

mod report;

use super::{
    EXTRA_BUILT_FROM, IndexError, PackageIndex, UNKNOWN, failure,
    known::{self, Known},
};
use crate::{
    pip::{For, Pip, PipError},
    requirements::{self, Pinned, is_name, is_version, normalise},
    sdist,
    store::Stored,
    wheels::WheelStore,
};
use silver_pack::{customization::Target, manifest::IndexKind, pack::Pack};
use silver_plugin_api::{
    Digest, Failure, Tree,
    index::{Index, PackageRef, Requirement},
};
use std::{
    collections::{BTreeSet, HashMap},
    fs, io,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The Python package index of this machine's pip, as one pack uses it: `search` looks through the
/// pack's list, and whatever is resolved has to agree with the pack's pins. Wheels only.
pub struct PythonIndex {
    pip: Pip,
    store: WheelStore,
    known: Vec<Known>,
    pins: Vec<Requirement>,
    /// The platform of this machine, for which pip needs no description.
    here: Option<String>,
    /// Who agrees to the building of source packages.
    consent: Option<Box<Consent>>,
    /// Wheels that were built here, and the folder in which pip finds them.
    built: Mutex<Built>,
    /// For which machine a package was resolved, so that `fetch` asks for the same file.
    resolved: Mutex<HashMap<Digest, For>>,
}

/// Asked before a source package is built, with name, version and the digest of its file.
pub type Consent = dyn Fn(&str, &str, &Digest) -> bool;

/// Wheels that were built here.
#[derive(Default)]
struct Built {
    folder: Option<tempfile::TempDir>,
    /// By the digest of the wheel, that of the source package.
    sources: HashMap<Digest, Digest>,
}

impl Built {
    /// Lets pip find a wheel.
    fn add(&mut self, wheel: &Stored, source: Digest) -> io::Result<()> {
        let folder = match &self.folder {
            Some(folder) => folder,
            None => self.folder.insert(tempfile::tempdir()?),
        };
        fs::copy(&wheel.path, folder.path().join(wheel.file.name()))?;
        self.sources.insert(wheel.digest, source);
        Ok(())
    }
}

impl PythonIndex {
    /// The index as `pack` uses it (`[index.python]`), reached through `pip`; wheels are kept below
    /// `downloads`.
    pub fn new(pack: &Pack, pip: Pip, downloads: &Path) -> Result<Self, IndexError> {
        let manifest = pack.manifest();
        let index = manifest.index.get(&IndexKind::Python);
        let known = known::read(pack, index)?;
        let build = manifest.build.python.as_ref().map(|python| &python.requirements);
        let pins = match index.and_then(|index| index.constraints.as_ref()).or(build) {
            None => Vec::new(),
            Some(path) => requirements::parse(&pack.tree().text(path)?, path)?,
        };
        let pins = pins.into_iter().map(|pin| Requirement::new(pin.name, format!("=={}", pin.version))).collect();
        let store = WheelStore::new(downloads.join("wheels"));
        Ok(Self { pip, store, known, pins, here: None, consent: None, built: Mutex::default(), resolved: Mutex::default() })
    }

    /// The same, told which platform this machine is.
    #[must_use]
    pub fn of_machine(self, here: &Target) -> Self {
        Self { here: Some(here.to_string()), ..self }
    }

    /// The same, with somebody who may agree to the building of source packages.
    #[must_use]
    pub fn with_consent(self, consent: Box<Consent>) -> Self {
        Self { consent: Some(consent), ..self }
    }

    /// Lets wheels that were built here before be found: each with the digest of its source package.
    pub fn with_built(self, wheels: &[(Stored, Digest)]) -> io::Result<Self> {
        for (wheel, source) in wheels {
            self.built().add(wheel, *source)?;
        }
        Ok(self)
    }

    fn built(&self) -> MutexGuard<'_, Built> {
        self.built.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// pip's report, for which source packages are built as far as somebody agrees to that.
    fn report(&self, wanted: &[String], constraints: &[String], target: &For) -> Result<String, Failure> {
        loop {
            let folder = self.built().folder.as_ref().map(|folder| folder.path().to_owned());
            let pip = Pip { built: folder, ..self.pip.clone() };
            let (requirement, versions) = match pip.report(wanted, constraints, target) {
                Ok(report) => return Ok(report),
                Err(PipError::NoMatch { requirement, versions }) => (requirement, versions),
                Err(error) => return Err(failure::of_pip(&error)),
            };
            let refusal = self.why_none(&requirement, &versions);
            if !failure::is_wheels_only(&refusal) || !self.build(&pip, &requirement, target)? {
                return Err(refusal);
            }
        }
    }

    /// Builds the source package of a requirement that has no wheel; `false` if nobody agrees.
    fn build(&self, pip: &Pip, requirement: &str, target: &For) -> Result<bool, Failure> {
        let Some(consent) = &self.consent else { return Ok(false) };
        let requirement = requirement.split(" (from").next().unwrap_or(requirement).trim();
        let name = name_of(requirement);
        check_name(name)?;
        let store = self.store.files();
        let source = sdist::fetch(pip, name, requirement, store).map_err(|error| failure::of_building(&error))?;
        if self.built().sources.values().any(|built| *built == source.file.digest) {
            // it was built, and pip does not take the wheel
            return Ok(false);
        }
        if !consent(&source.name, &source.version, &source.file.digest) {
            return Ok(false);
        }
        let built = sdist::build(pip, &source, store, target).map_err(|error| failure::of_building(&error))?;
        let added = self.built().add(&built.wheel, built.source);
        added.map(|()| true).map_err(|error| Failure::Unavailable(error.to_string()))
    }

    /// The packages that belong to the pack.
    pub fn pins(&self) -> &[Requirement] {
        &self.pins
    }

    /// Says more about a package for which nothing fits: unknown, or not as a wheel.
    fn why_none(&self, requirement: &str, fitting: &str) -> Failure {
        // pip writes `name==1 (from who wants it)`
        let requirement = requirement.split(" (from").next().unwrap_or(requirement);
        let name = name_of(requirement);
        if fitting != "none" {
            return failure::no_version(requirement, fitting);
        }
        match self.pip.versions(name) {
            Ok(versions) if !versions.is_empty() => failure::wheels_only(name),
            Ok(_) | Err(PipError::NoMatch { .. }) => failure::unknown(name, self.known.iter().map(|known| known.name.as_str())),
            Err(error) => failure::of_pip(&error),
        }
    }
}

impl Index for PythonIndex {
    fn search(&self, query: &str, limit: u32) -> Result<Vec<PackageRef>, Failure> {
        Ok(known::search(&self.known, query, limit))
    }

    fn versions(&self, name: &str) -> Result<Vec<PackageRef>, Failure> {
        check_name(name)?;
        let versions = self.pip.wheel_versions(name).map_err(|error| match error {
            PipError::NoMatch { .. } => self.why_none(name, "none"),
            error => failure::of_pip(&error),
        })?;
        let summary = self.known.iter().find(|known| normalise(&known.name) == normalise(name)).map(|known| &known.summary);
        let summary = summary.map_or("", String::as_str);
        Ok(versions.iter().map(|version| known::package(name, version, summary)).collect())
    }

    fn resolve_all(&self, wanted: &[Requirement], constraints: &[Requirement], target: &str) -> Result<Vec<PackageRef>, Failure> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let wanted_lines = wanted.iter().map(line).collect::<Result<Vec<_>, _>>()?;
        let constraint_lines = self.pins.iter().chain(constraints).map(line).collect::<Result<BTreeSet<_>, _>>()?;
        let constraint_lines: Vec<String> = constraint_lines.into_iter().collect();
        let target = if self.here.as_deref() == Some(target) { For::Here } else { For::parse(target) };
        let report = self.report(&wanted_lines, &constraint_lines, &target)?;
        let pinned: BTreeSet<String> = self.pins.iter().chain(constraints).map(|pin| normalise(&pin.name)).collect();
        let packages = report::packages(&report)?;
        let mut own: Vec<PackageRef> =
            packages.into_iter().filter(|package| !pinned.contains(&normalise(&package.name))).collect();
        for package in &mut own {
            if let Some(source) = self.built().sources.get(&package.digest) {
                package.extra.insert(EXTRA_BUILT_FROM.to_owned(), source.to_string());
            }
        }
        if let Ok(mut resolved) = self.resolved.lock() {
            resolved.extend(own.iter().map(|package| (package.digest, target.clone())));
        }
        Ok(own)
    }

    fn fetch(&self, what: &PackageRef) -> Result<Box<dyn Tree>, Failure> {
        Ok(Box::new(self.package(what)?.1.tree))
    }
}

impl PackageIndex for PythonIndex {
    fn kind(&self) -> IndexKind {
        IndexKind::Python
    }

    fn file(&self, what: &PackageRef) -> Result<Stored, Failure> {
        check_name(&what.name)?;
        if what.digest == UNKNOWN || !is_version(&what.version) {
            return Err(failure::not_exact(&what.name));
        }
        let target = self.resolved.lock().ok().and_then(|resolved| resolved.get(&what.digest).cloned());
        let pin = Pinned {
            name: what.name.clone(),
            version: what.version.clone(),
            marker: String::new(),
            digests: vec![what.digest],
            line: 0,
        };
        self.store.fetch_one(&self.pip, &pin, target.as_ref()).map_err(|error| failure::of_wheel(&error))
    }
}

/// The name that a requirement begins with.
fn name_of(requirement: &str) -> &str {
    let end = requirement.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')));
    &requirement[..end.unwrap_or(requirement.len())]
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
