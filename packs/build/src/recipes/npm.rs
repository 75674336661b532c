//! `build.npm`: the packages of a `package-lock.json`, fetched by this machine's npm and its
//! configuration. npm checks every tarball's integrity; scripts of packages are not run.

mod lock;

pub use lock::LockError;

use super::{Addition, add, join};
use crate::{
    npm,
    origin::Origin,
    process::{self, RunError},
    provenance::Package,
    sbom::{Component, Hash, License, Property},
    sources::SourceError,
};
use lock::Locked;
use silver_pack::{
    limits::Limits,
    manifest::{Manifest, NpmBuild},
    snapshot::{CaptureError, ReadError, Snapshot},
};
use silver_plugin_api::TreePath;
use std::{fs, io, path::Path, process::Command, time::Duration};

/// How long npm may take.
const LIMIT: Duration = Duration::from_mins(15);
/// What npm notes for itself; it names the index that was used.
const HIDDEN_LOCK: &str = "node_modules/.package-lock.json";

/// Why the packages could not be had.
#[derive(Debug, thiserror::Error)]
pub enum NpmError {
    /// The lock does not pin everything.
    #[error("the lock of npm is not exact")]
    Lock(#[from] LockError),
    /// A file of the recipe.
    #[error("cannot read a file of `build.npm`")]
    Read(#[from] ReadError),
    /// npm is not there.
    #[error("`npm` cannot be started: {0}")]
    Missing(#[source] io::Error),
    /// Too slow.
    #[error("npm took longer than {} s and was stopped", .0.as_secs())]
    Timeout(Duration),
    /// The index has other bytes than the pinned ones.
    #[error("the index gives another file than the pinned one{0}")]
    Integrity(String),
    /// In npm's own words.
    #[error("npm failed with {status}{said}")]
    Failed {
        /// `status 1`.
        status: String,
        /// What it said, on lines of their own.
        said: String,
    },
    /// The disk.
    #[error("cannot prepare the directory that npm works in")]
    Directory(#[source] io::Error),
    /// What came cannot be part of a pack.
    #[error("a package has what cannot be part of a pack")]
    Output(#[from] CaptureError),
    /// What came does not go together with the rest.
    #[error("the packages do not go together with the rest of the pack")]
    Clash(#[from] SourceError),
}

impl NpmError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Lock(error) => Some(error.hint.to_owned()),
            Self::Read(error) => error.hint(),
            Self::Missing(_) => Some("install Node.js with npm (Debian: `apt-get install npm`)".to_owned()),
            Self::Timeout(_) | Self::Failed { .. } => {
                Some("check `npm config list`, the network, and `npm ci` in a copy of the directory".to_owned())
            }
            Self::Integrity(_) => {
                Some("the file on the index was replaced, or the lock is wrong: find out which before changing it".to_owned())
            }
            Self::Output(error) => error.hint(),
            Self::Clash(error) => error.hint(),
            Self::Directory(_) => None,
        }
    }

    /// Did the index give other bytes than the pinned ones?
    pub fn is_integrity(&self) -> bool {
        matches!(self, Self::Integrity(_))
    }
}

/// Installs the packages in a directory of its own and takes `node_modules` from there.
pub(crate) fn make(manifest: &Manifest, npm: &NpmBuild, sources: &Snapshot, origin: &Origin) -> Result<Addition, NpmError> {
    let text = sources.text(&npm.lock)?;
    let locked = lock::parse(&text, &npm.lock, npm.dev)?;
    let scratch = tempfile::tempdir().map_err(NpmError::Directory)?;
    let beside = npm.lock.parent().unwrap_or_default();
    let package = join(&beside, &path("package.json"))?;
    fs::write(scratch.path().join("package-lock.json"), &text).map_err(NpmError::Directory)?;
    fs::write(scratch.path().join("package.json"), sources.bytes(&package)?).map_err(NpmError::Directory)?;
    for file in locked.iter().filter_map(|one| one.file.as_ref()) {
        let to = scratch.path().join(file.as_str());
        let from = join(&beside, file)?;
        fs::create_dir_all(to.parent().unwrap_or(scratch.path()))
            .and_then(|()| origin.copy(&from, &to))
            .map_err(NpmError::Directory)?;
    }
    install(manifest, npm, scratch.path())?;

    let modules = path("node_modules");
    let keep = |path: &TreePath| match path.below(&modules) {
        Some(below) => path.as_str() != HIDDEN_LOCK && !npm.exclude.iter().any(|glob| glob.matches(&below)),
        None => false,
    };
    let made = Snapshot::capture_if(scratch.path(), &Limits::default(), &keep)?;
    let into = npm.into();
    let mut addition = Addition { blobs: vec![made.blobs().clone()], ..Addition::default() };
    for (path, node) in made.listing().iter() {
        add(&mut addition.listing, join(&into, path)?, *node)?;
    }
    for one in locked.iter().filter(|one| made.listing().is_dir(&one.at)) {
        let at = join(&into, &one.at)?;
        if one.script {
            addition.warnings.push(format!("`{}` of npm wants to run a script when it is installed; it was not run", one.name));
        }
        addition.packages.push(described(one, &at));
        addition.components.push(component(one, &at));
    }
    addition.scratch.push(scratch);
    Ok(addition)
}

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap_or_default()
}

fn install(manifest: &Manifest, npm: &NpmBuild, work: &Path) -> Result<(), NpmError> {
    let mut command = Command::new("npm");
    command.current_dir(work).args(["ci", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error"]);
    npm::run_nothing(&mut command);
    command.arg(if npm.dev { "--include=dev" } else { "--omit=dev" });
    // optional packages with native code are those for the pack's platform
    let arch = manifest.pack.platform.as_ref().map(|platform| platform.processor.as_str());
    let cpu = match arch.unwrap_or(std::env::consts::ARCH) {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    command.args(["--os=linux", "--libc=glibc", &format!("--cpu={cpu}")]);
    command.env("LC_ALL", "C.UTF-8").env("npm_config_update_notifier", "false");
    let output = process::run(&mut command, LIMIT).map_err(|error| match error {
        RunError::Start(error) => NpmError::Missing(error),
        RunError::Timeout(limit) => NpmError::Timeout(limit),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let lines = output.stderr.lines().chain(output.stdout.lines());
    let lines = lines.filter(|line| !line.trim().is_empty() && !line.contains("A complete log of this run"));
    let said = process::below(lines.take(12));
    if output.stderr.contains("EINTEGRITY") {
        return Err(NpmError::Integrity(said));
    }
    Err(NpmError::Failed { status: process::status(output.status), said })
}

fn described(one: &Locked, at: &TreePath) -> Package {
    Package {
        kind: "npm",
        name: one.name.clone(),
        version: one.version.clone(),
        file: at.to_string(),
        digest: format!("sha512:{}", one.sha512),
    }
}

fn component(one: &Locked, at: &TreePath) -> Component {
    Component {
        kind: "library",
        bom_ref: format!("npm:{at}"),
        name: one.name.clone(),
        version: one.version.clone(),
        hashes: vec![Hash::sha512(&one.sha512)],
        licenses: one.license.iter().cloned().map(|name| License::License { name }).collect(),
        purl: Some(format!("pkg:npm/{}@{}", one.name.replacen('@', "%40", 1), one.version)),
        properties: vec![Property { name: "silver:file", value: at.to_string() }],
        ..Component::default()
    }
}
