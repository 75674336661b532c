//! Source packages of Python: built into wheels here, in a sandbox without network. Building one runs
//! its code, so it is done only for who agreed to that.
//!
//! pip itself runs code of a source package as soon as it looks at it; it is therefore found and
//! fetched without pip's resolver, and what its build needs is read from it as data.

use crate::{
    pip::{For, Pip, PipError},
    requirements::is_name,
    sandboxed,
    store::{FileStore, Stored},
    unpack::{self, UnpackError},
    wheels::wheel_name,
};
use silver_pack::{
    customization::normalized,
    hash,
    manifest::IndexKind,
    sandbox::{self, Sandbox},
};
use silver_plugin_api::{Digest, TreePath, path::plain};
use std::{fs, io, path::Path, time::Duration};

/// How long one build may take.
const PATIENCE: Duration = Duration::from_mins(10);
/// Where things are in the sandbox.
const SOURCE: &str = "/build/source";
const NEEDS: &str = "/build/needs";
const OUT: &str = "/build/out";
/// 1980, the earliest time that a zip can hold: a wheel shall not tell when it was built.
const EPOCH: &str = "315532800";
/// What a source package that does not say needs (PEP 517).
const LEGACY: [&str; 2] = ["setuptools", "wheel"];

/// A wheel that was built here.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    pub(crate) wheel: Stored,
    /// sha256 of the source package.
    pub(crate) source: Digest,
}

/// Why a source package was not built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    #[error("the index has no source package of `{0}` either")]
    None(String),
    #[error("the source package of `{name}` cannot be fetched: {source}")]
    Fetch { name: String, source: PipError },
    #[error("the index gives another file than it says for `{0}`")]
    OtherDigest(String),
    #[error("{0}")]
    Unpack(#[from] UnpackError),
    #[error("`{name}` says in its pyproject.toml that its build needs `{what}`, which cannot be had: {why}")]
    Needs { name: String, what: String, why: String },
    #[error("source packages are built in the sandbox `{program}`, which does not work here: {why}", program = sandbox::PROGRAM)]
    NoSandbox { why: String },
    #[error("`{name}` cannot be built: {why}")]
    Failed { name: String, why: String },
    #[error("`{file}` runs on this machine only, and it is wanted for {target}")]
    OtherMachine { file: TreePath, target: String },
    #[error("cannot prepare a directory to build in")]
    Directory(#[from] io::Error),
}

impl BuildError {
    /// The way out.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::None(_) | Self::Directory(_) => None,
            Self::Fetch { source, .. } => source.hint(),
            Self::OtherDigest(_) => Some("find out why before trying again".into()),
            Self::Unpack(error) => error.hint(),
            Self::Needs { .. } => Some("what a build needs is taken as wheels from the same index".into()),
            Self::NoSandbox { .. } => Some(sandbox::HINT.into()),
            Self::Failed { .. } => {
                Some("it had no network, and saw only what its pyproject.toml asks for; ask its author for a wheel".into())
            }
            Self::OtherMachine { .. } => Some("lock it on a machine of that platform, or ask its author for a wheel".into()),
        }
    }
}

/// A source package that was fetched, and not looked at yet.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) file: Stored,
}

/// Fetches the newest source package that fits `requirement` (a line that was checked).
pub(crate) fn fetch(pip: &Pip, name: &str, requirement: &str, store: &FileStore) -> Result<Source, BuildError> {
    let incoming = store.incoming()?;
    let failed = |source| match source {
        PipError::NoMatch { .. } => BuildError::None(name.to_owned()),
        source => BuildError::Fetch { name: name.to_owned(), source },
    };
    let found = pip.source(requirement, incoming.path()).map_err(failed)?;
    let path = incoming.path().join(Path::new(&found.file).file_name().unwrap_or_default());
    let digest = hash::sha256(&fs::read(&path)?);
    if found.sha256.as_ref().is_some_and(|said| *said != digest.hex()) {
        return Err(BuildError::OtherDigest(name.to_owned()));
    }
    let file = store.keep(&path, digest)?.ok_or_else(|| io::Error::other("the name of the file is none"))?;
    Ok(Source { name: name.to_owned(), version: found.version, file })
}

/// Builds it; wheels are kept in `store`. Of another platform only what runs everywhere can be built.
pub(crate) fn build(pip: &Pip, source: &Source, store: &FileStore, target: &For) -> Result<Built, BuildError> {
    sandboxed::probe().map_err(|why| BuildError::NoSandbox { why })?;
    let needs = needs(source)?;
    let work = tempfile::tempdir()?;
    let dir = |name: &str| -> io::Result<_> {
        let dir = work.path().canonicalize()?.join(name);
        fs::create_dir(&dir).map(|()| dir)
    };
    let (source_dir, needs_dir, out) = (dir("source")?, dir("needs")?, dir("out")?);
    fs::copy(&source.file.path, source_dir.join(source.file.file.name()))?;
    pip.wheels(&needs, &needs_dir).map_err(|error| BuildError::Needs {
        name: source.name.clone(),
        what: needs.join(", "),
        why: error.to_string(),
    })?;

    let failed = |why: String| BuildError::Failed { name: source.name.clone(), why };
    let (python, home) = pip.interpreter().map_err(|error| failed(error.to_string()))?;
    let mut sandbox = Sandbox::new();
    // one that is not the system's
    if !home.starts_with("/usr") {
        sandbox = sandbox.read(&home, &home);
    }
    let sandbox = sandbox
        .read(&source_dir, SOURCE)
        .read(&needs_dir, NEEDS)
        .write(&out, OUT)
        .env("SOURCE_DATE_EPOCH", EPOCH)
        .env("PIP_CONFIG_FILE", "/dev/null")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let file = format!("{SOURCE}/{}", source.file.file.name());
    let command = [
        python.as_os_str(),
        "-m".as_ref(),
        "pip".as_ref(),
        "wheel".as_ref(),
        "--no-input".as_ref(),
        "--disable-pip-version-check".as_ref(),
        "--no-cache-dir".as_ref(),
        "--no-index".as_ref(),
        "--no-deps".as_ref(),
        "--use-pep517".as_ref(),
        "--find-links".as_ref(),
        NEEDS.as_ref(),
        "--wheel-dir".as_ref(),
        OUT.as_ref(),
        file.as_ref(),
    ];
    let output = sandboxed::run(&sandbox, command, PATIENCE).map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let lines: Vec<&str> = output.stdout.lines().chain(output.stderr.lines()).map(str::trim).collect();
        let told = lines.iter().rev().find(|line| line.contains("Error")).or(lines.last()).copied().unwrap_or_default();
        return Err(failed(plain(told).into_owned()));
    }
    let made = fs::read_dir(&out)?.next().transpose()?.ok_or_else(|| failed("there is no wheel".into()))?;
    // the sandbox wrote it: a link could lead anywhere
    if !made.file_type()?.is_file() {
        return Err(failed("what it made is no file".into()));
    }
    let digest = hash::sha256(&fs::read(made.path())?);
    let moved = store.incoming()?;
    let path = moved.path().join(made.file_name());
    fs::copy(made.path(), &path)?;
    unpack::check_wheel(&path)?;
    let wheel = store.keep(&path, digest)?.ok_or_else(|| failed("its wheel has no name".into()))?;
    let same = wheel_name(&wheel.file).is_some_and(|(name, _)| normalized(name) == normalized(&source.name));
    if !same {
        return Err(failed(format!("its wheel is called `{}`", wheel.file)));
    }
    if *target != For::Here && !wheel.file.ends_with("-none-any.whl") {
        return Err(BuildError::OtherMachine { file: wheel.file, target: target.to_string() });
    }
    Ok(Built { wheel, source: source.file.digest })
}

/// What its build needs, as requirements: `[build-system] requires` of pyproject.toml (PEP 518).
fn needs(source: &Source) -> Result<Vec<String>, BuildError> {
    let tree = unpack::open(IndexKind::Directory, &source.file)?.tree;
    let legacy = || LEGACY.map(str::to_owned).to_vec();
    let Ok(text) = tree.text(&TreePath::new("pyproject.toml").unwrap_or_default()) else { return Ok(legacy()) };
    let wrong =
        |what: &str, why: &str| BuildError::Needs { name: source.name.clone(), what: what.to_owned(), why: why.to_owned() };
    let document: toml_edit::DocumentMut = text.parse().map_err(|_| wrong("pyproject.toml", "it is not TOML"))?;
    let Some(requires) = document.get("build-system").and_then(|table| table.get("requires")) else { return Ok(legacy()) };
    let rows = requires.as_array().ok_or_else(|| wrong("requires", "it is not a list"))?;
    let mut needs = Vec::new();
    for row in rows {
        let text = row.as_str().unwrap_or_default().trim();
        if !is_requirement(text) {
            return Err(wrong(&plain(text), "it is not a name and versions"));
        }
        needs.push(text.to_owned());
    }
    Ok(needs)
}

/// A name, extras, versions and a marker: nothing that pip would take for an option, a path or an address.
fn is_requirement(text: &str) -> bool {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))).unwrap_or(text.len());
    is_name(&text[..end]) && !text.contains(['@', '\n', '\r', '\\', '#']) && !text.contains(" -") && !text.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_build_needs_is_a_name_and_versions() {
        for fine in ["setuptools", "setuptools>=61,<80", "hatchling[x] ; python_version < \"3.12\"", "Cython~=3.0"] {
            assert!(is_requirement(fine), "{fine}");
        }
        for wrong in ["", "-r x", "a @ file:///x", "./a", "a\n-r b", "a --index-url=http://x", "a https://x"] {
            assert!(!is_requirement(wrong), "{wrong}");
        }
    }
}
