//! Registries of npm, through the machine's own npm and its configuration. npm resolves, and checks
//! what it downloads; scripts of packages are never run.
//!
//! Packages are hoisted as npm does it: what is given is one package for each place below
//! `node_modules`, and its name is that place (`a`, `@scope/b`, `a/node_modules/c`).

mod folder;
mod lock;

use super::{
    IndexError, PackageIndex, UNKNOWN, failure,
    known::{self, Known},
};
use crate::{
    npm,
    process::{self, RunError},
    store::{FileStore, Stored},
};
use folder::Registry;
use lock::Locked;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};
use silver_pack::{hash, manifest::IndexKind, pack::Pack};
use silver_plugin_api::{
    Failure, Settings, Tree,
    index::{Index, PackageRef, Requirement},
    path::plain,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// How long npm may take.
const PATIENCE: Duration = Duration::from_mins(10);
/// Packages in one call of npm.
const AT_ONCE: usize = 50;

/// A registry as one pack uses it.
pub struct NpmIndex {
    registry: Option<String>,
    folder: Option<PathBuf>,
    store: FileStore,
    known: Vec<Known>,
    pins: Vec<(String, String)>,
}

impl NpmIndex {
    /// The index as `pack` uses it (`[index.npm]`), at another address or in a folder of tarballs if
    /// the operator has it there. Packages are kept below `downloads`.
    pub fn new(pack: &Pack, registry: Option<String>, folder: Option<PathBuf>, downloads: &Path) -> Result<Self, IndexError> {
        let index = pack.manifest().index.get(&IndexKind::Npm);
        let constraints = index.and_then(|index| index.constraints.as_ref());
        let pins = match constraints.or(pack.manifest().build.npm.as_ref().map(|npm| &npm.lock)) {
            None => Vec::new(),
            Some(path) => {
                lock::pins(&pack.tree().text(path)?).map_err(|source| IndexError::List { path: path.clone(), source })?
            }
        };
        let store = FileStore::new(downloads.join("npm"));
        Ok(Self { registry, folder, store, known: known::read(pack, index)?, pins })
    }

    /// A registry of the folder, if packages come from one. It is there until it is dropped.
    fn served(&self) -> Result<Option<Registry>, Failure> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let shown = folder.display();
        Registry::serve(folder)
            .map(Some)
            .map_err(|error| Failure::Unavailable(format!("the package index at `{shown}` cannot be read: {error}")))
    }

    fn npm(&self, work: &Path, served: Option<&Registry>, arguments: &[String]) -> Result<String, Failure> {
        let mut command = Command::new("npm");
        command.current_dir(work).args(arguments);
        npm::run_nothing(&mut command);
        command.args(["--no-audit", "--no-fund", "--no-progress", "--loglevel=error", "--fetch-retries=1"]);
        if let Some(address) = served.map(Registry::address).or(self.registry.clone()) {
            command.arg(format!("--registry={address}"));
        }
        if served.is_some() {
            // answers of another folder's registry are not this one's
            command.arg("--cache").arg(work.join(".npm-cache"));
        }
        command.env("LC_ALL", "C.UTF-8").env("npm_config_update_notifier", "false");
        let output = process::run(&mut command, PATIENCE).map_err(|error| match error {
            RunError::Start(error) => {
                Failure::Unavailable(format!("`npm` cannot be started: {error} (install Node.js with npm)"))
            }
            RunError::Timeout(limit) => Failure::Unavailable(format!("npm took longer than {} s", limit.as_secs())),
        })?;
        if output.status.success() { Ok(output.stdout) } else { Err(self.explain(&output.stderr)) }
    }

    /// What npm's words mean.
    fn explain(&self, said: &str) -> Failure {
        let lines: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("npm error")).map(str::trim).collect();
        let code = lines.iter().find_map(|line| line.strip_prefix("code ")).unwrap_or_default();
        let told: Vec<&str> = lines
            .iter()
            .copied()
            .filter(|line| {
                !line.is_empty() && !line.starts_with("code ") && !line.contains("complete log") && !line.contains("eresolve")
            })
            .take(10)
            .collect();
        let told = plain(&told.join("; ")).into_owned();
        if npm::wanted_git(said) {
            let message = format!("a package is not of a registry, but in git: {told}");
            return Failure::invalid("not-pinned", message, Some(lock::OF_A_REGISTRY));
        }
        match code {
            "ERESOLVE" => {
                let help = "choose a version that goes with the pack's own packages, or another version of the pack";
                Failure::invalid("conflict", format!("the requirements exclude each other: {told}"), Some(help))
            }
            "ETARGET" => Failure::invalid("no-version", told, Some("name a version that the index has, or none for the newest")),
            "EINTEGRITY" => Failure::invalid("other-digest", format!("the index gives another file: {told}"), None),
            "E404" => {
                let name = said.split('\'').nth(1).and_then(|what| what.rsplit_once('@')).map_or("", |(name, _)| name);
                failure::unknown(name, self.known.iter().map(|known| known.name.as_str()))
            }
            "ECONNREFUSED" | "ENOTFOUND" | "EAI_AGAIN" | "ETIMEDOUT" | "ECONNRESET" | "E500" | "E502" | "E503" => {
                Failure::Unavailable(format!("the package index cannot be reached: {told}"))
            }
            _ => Failure::Unavailable(format!("npm failed: {told}")),
        }
    }

    /// Downloads the tarballs of these packages, and keeps each whose sha512 is the one of npm's lock.
    fn download(&self, work: &Path, served: Option<&Registry>, locked: &[&Locked]) -> Result<Vec<Stored>, Failure> {
        let mut arguments = vec!["pack".to_owned(), "--json".to_owned()];
        arguments.extend(locked.iter().map(|one| format!("{}@{}", one.name, one.version)));
        let incoming = self.store.incoming().map_err(|error| unavailable(&error))?;
        arguments.push(format!("--pack-destination={}", incoming.path().display()));
        let said = self.npm(work, served, &arguments)?;
        let rows: Vec<Value> =
            serde_json::from_str(&said).map_err(|_| Failure::Unavailable("npm does not say what it packed".into()))?;
        let mut stored = Vec::new();
        for one in locked {
            let is = |row: &&Value| row["name"] == one.name.as_str() && row["version"] == one.version.as_str();
            let file = rows.iter().find(is).and_then(|row| row["filename"].as_str()).unwrap_or_default();
            let file = file.replace('@', "").replace('/', "-");
            let path = incoming.path().join(&file);
            let content =
                fs::read(&path).map_err(|error| Failure::Unavailable(format!("npm gave no `{}`: {error}", one.name)))?;
            let digest = hash::sha256(&content);
            if one.sha512.as_ref().is_some_and(|sha512| Sha512::digest(&content)[..] != sha512[..]) {
                let message = format!("the index gives another file for `{}` {}: {digest}", one.name, one.version);
                return Err(Failure::invalid("other-digest", message, Some("find out why before trying again")));
            }
            // two places may have the same package
            let kept = match self.store.get(&digest) {
                Some(kept) => Some(kept),
                None => self.store.keep(&path, digest).map_err(|error| unavailable(&error))?,
            };
            stored.push(kept.ok_or_else(|| Failure::Internal(format!("`{file}` cannot be the name of a file")))?);
        }
        Ok(stored)
    }
}

impl Index for NpmIndex {
    fn search(&self, query: &str, limit: u32) -> Result<Vec<PackageRef>, Failure> {
        Ok(known::search(&self.known, query, limit))
    }

    fn versions(&self, name: &str) -> Result<Vec<PackageRef>, Failure> {
        check_name(name)?;
        let work = tempfile::tempdir().map_err(|error| unavailable(&error))?;
        let arguments = ["view", name, "versions", "--json"].map(str::to_owned);
        let said = self.npm(work.path(), self.served()?.as_ref(), &arguments)?;
        let versions: Value =
            serde_json::from_str(&said).map_err(|_| Failure::Unavailable("npm does not list versions".into()))?;
        let all = match versions {
            Value::String(one) => vec![one],
            list => list.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
        };
        Ok(all.iter().rev().map(|version| known::package(name, version, "")).collect())
    }

    fn resolve_all(&self, wanted: &[Requirement], constraints: &[Requirement], target: &str) -> Result<Vec<PackageRef>, Failure> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let work = tempfile::tempdir().map_err(|error| unavailable(&error))?;
        let mut dependencies = serde_json::Map::new();
        let pins = constraints.iter().map(|pin| (pin.name.clone(), pin.versions.trim_start_matches('=').to_owned()));
        for (name, version) in self.pins.iter().cloned().chain(pins) {
            check_name(&name)?;
            // the pack's own packages, without what they need: npm then holds all else against them
            let stub = format!("pins/{}", dependencies.len());
            let dir = work.path().join(&stub);
            let text = json!({ "name": name, "version": version }).to_string();
            fs::create_dir_all(&dir)
                .and_then(|()| fs::write(dir.join("package.json"), text))
                .map_err(|error| unavailable(&error))?;
            dependencies.insert(name, format!("file:./{stub}").into());
        }
        for requirement in wanted {
            check(requirement)?;
            if let Some((name, version)) = self.pins.iter().find(|(name, _)| *name == requirement.name) {
                let message = format!(
                    "the requirements exclude each other: `{}` {} is wanted, the pack has {name} {version}",
                    requirement.name, requirement.versions
                );
                return Err(Failure::invalid("conflict", message, Some("it is part of the pack: take it out of [plugins]")));
            }
            let versions = if requirement.versions.trim().is_empty() { "*" } else { requirement.versions.trim() };
            dependencies.insert(requirement.name.clone(), versions.into());
        }
        let text = json!({ "name": "silver", "version": "1.0.0", "private": true, "dependencies": dependencies }).to_string();
        fs::write(work.path().join("package.json"), text).map_err(|error| unavailable(&error))?;
        let served = self.served()?;
        self.npm(work.path(), served.as_ref(), &["install", "--package-lock-only", "--omit=dev"].map(str::to_owned))?;
        let lock = fs::read_to_string(work.path().join("package-lock.json")).map_err(|error| unavailable(&error))?;
        let locked = lock::closure(&lock, target)?;
        let mut packages = Vec::new();
        for some in locked.chunks(AT_ONCE) {
            let some: Vec<&Locked> = some.iter().collect();
            let files = self.download(work.path(), served.as_ref(), &some)?;
            packages.extend(some.iter().zip(&files).map(|(one, file)| reference(one, file)));
        }
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(packages)
    }

    fn fetch(&self, what: &PackageRef) -> Result<Box<dyn Tree>, Failure> {
        Ok(Box::new(self.package(what)?.1.tree))
    }
}

impl PackageIndex for NpmIndex {
    fn kind(&self) -> IndexKind {
        IndexKind::Npm
    }

    fn file(&self, what: &PackageRef) -> Result<Stored, Failure> {
        if what.digest == UNKNOWN {
            return Err(failure::not_exact(&what.name));
        }
        if let Some(stored) = self.store.get(&what.digest) {
            return Ok(stored);
        }
        let name = lock::name_of(&what.name);
        check(&Requirement::new(name, what.version.clone()))?;
        let work = tempfile::tempdir().map_err(|error| unavailable(&error))?;
        let one = Locked {
            place: what.name.clone(),
            name: name.to_owned(),
            version: what.version.clone(),
            sha512: None,
            script: false,
        };
        let found = self.download(work.path(), self.served()?.as_ref(), &[&one])?.remove(0);
        if found.digest != what.digest {
            return Err(failure::other_digest(&what.name, &what.digest, &found.digest));
        }
        Ok(found)
    }
}

fn reference(one: &Locked, file: &Stored) -> PackageRef {
    let summary = if one.script { "wants to run a script when it is installed, which is not done" } else { "" };
    PackageRef {
        name: one.place.clone(),
        version: one.version.clone(),
        digest: file.digest,
        summary: summary.to_owned(),
        size: 0,
        yanked: false,
        extra: Settings::new(),
    }
}

fn unavailable(error: &io::Error) -> Failure {
    Failure::Unavailable(error.to_string())
}

/// A name, and versions that are a range: no address, path or tag of git.
fn check(requirement: &Requirement) -> Result<(), Failure> {
    check_name(&requirement.name)?;
    let fine = |c: char| c.is_ascii_alphanumeric() || " .^~<>=|*+-".contains(c);
    if requirement.versions.chars().all(fine) && !requirement.versions.trim().starts_with("==") {
        return Ok(());
    }
    let message = format!("`{}` says nothing about versions of `{}`", requirement.versions.escape_debug(), requirement.name);
    Err(Failure::invalid("bad-versions", message, Some("write `NAME@1.2.3`, `NAME@^1.2`, or nothing for the newest")))
}

fn check_name(name: &str) -> Result<(), Failure> {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    let sound = match name.strip_prefix('@').map(|rest| rest.split_once('/')) {
        None => part(name),
        Some(scoped) => scoped.is_some_and(|(scope, name)| part(scope) && part(name)),
    };
    if sound {
        return Ok(());
    }
    Err(Failure::invalid("bad-name", format!("`{}` is not the name of a package", name.escape_debug()), None))
}

#[cfg(test)]
mod tests;
