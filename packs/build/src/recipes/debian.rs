//! `build.debian`: files of Debian packages, downloaded with this machine's apt configuration (or
//! taken from a folder), pinned by version and sha256.
//!
//! Packages of a distribution lean on each other by links; a pack stands alone. So links are
//! replaced by what they lead to, in any of the pinned packages, and a link that leads to nothing
//! there is refused: the author either pins the package that has it, or leaves the link out.

mod fetch;
mod lock;
mod root;

pub(crate) use fetch::Debs;
pub use lock::PinError;
pub use root::{RootError, Trouble};

use super::{Addition, DiskBlobs, add, join};
use crate::{
    process,
    provenance::Package,
    sbom::{Component, Property},
    sources::SourceError,
};
use lock::Pin;
use root::{Item, Root};
use silver_pack::{
    hash,
    limits::Limits,
    manifest::{CopyRule, DebianBuild, Glob},
    snapshot::{ReadError, Snapshot},
};
use silver_plugin_api::{Digest, TreePath, path::plain};
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

/// A link that could not be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLink {
    /// Where it is, below the packages' root.
    pub path: String,
    /// Its target.
    pub target: String,
    /// What is wrong with it.
    pub trouble: Trouble,
}

/// Why the packages could not be had or used.
#[derive(Debug, thiserror::Error)]
pub enum DebianError {
    /// The lock is wrong.
    #[error("the pinned packages are not exact")]
    Pins(#[from] PinError),
    /// The lock cannot be read.
    #[error("cannot read a file of `build.debian`")]
    Read(#[from] ReadError),
    /// A program failed.
    #[error("`{program}` failed for `{about}`: {why}")]
    Program {
        /// `apt-get`, `dpkg-deb`.
        program: String,
        /// The package.
        about: String,
        /// In its own words.
        why: String,
    },
    /// Nothing came.
    #[error("there is no package `{pin}`")]
    Absent {
        /// `name=version`.
        pin: String,
    },
    /// Other bytes than the pinned ones.
    #[error("`{pin}` has the digest {found}, but {pinned} is pinned")]
    OtherFile {
        /// `name=version`.
        pin: String,
        /// What came.
        found: Digest,
        /// What the lock says.
        pinned: Digest,
    },
    /// The file of a pinned digest is another package.
    #[error("the file with the digest that is pinned for `{pin}` is the package `{found}`")]
    OtherPackage {
        /// `name=version`.
        pin: String,
        /// `name=version`.
        found: String,
    },
    /// The cache cannot be used.
    #[error("cannot use the download cache at `{}`", path.display())]
    Cache {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The packages do not go together.
    #[error("the unpacked packages cannot be used")]
    Root(#[from] RootError),
    /// A rule names nothing.
    #[error("`{path}`, which `build.debian.copy` names, is not in these packages: {}", trouble.as_str())]
    Missing {
        /// What.
        path: TreePath,
        /// Why it is not found.
        trouble: Trouble,
    },
    /// Links that lead to nothing.
    #[error("{}", told(.0))]
    Links(Vec<BadLink>),
    /// More than a pack may hold.
    #[error("the packages have more than {limit} files, links followed")]
    Limit {
        /// How many.
        limit: usize,
    },
    /// The files do not go together with the rest of the pack.
    #[error("the files do not go together with the rest of the pack")]
    Clash(#[from] SourceError),
}

impl DebianError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Pins(error) => return Some(error.hint()),
            Self::Read(error) => return error.hint(),
            Self::Clash(error) => return error.hint(),
            Self::Program { program, .. } if program == "dpkg-deb" => "install `dpkg`, and check the file",
            Self::Program { .. } | Self::Absent { .. } => {
                "renew the lists (`apt-get update`), and compare with `apt-cache policy NAME`: archives drop old versions; \
                 `--debs DIR` takes packages from a folder"
            }
            Self::OtherFile { .. } | Self::OtherPackage { .. } => {
                "the file was replaced, or the pin is wrong: find out which before changing it"
            }
            Self::Missing { .. } => "`dpkg-deb -c FILE` lists the paths of a package, without the leading `./`",
            Self::Links(_) => {
                "add the packages that have the targets to the lock, or leave the links out with `exclude` of a row of \
                 `build.debian.copy`"
            }
            Self::Root(RootError::Twice(_)) => "leave out one of the two packages",
            Self::Limit { .. } => "take less of them with `build.debian.copy`",
            Self::Cache { .. } | Self::Root(_) => return None,
        };
        Some(hint.to_owned())
    }

    /// Did other bytes come than the pinned ones?
    pub fn is_integrity(&self) -> bool {
        matches!(self, Self::OtherFile { .. } | Self::OtherPackage { .. })
    }
}

fn told(links: &[BadLink]) -> String {
    let all = links.iter().map(|link| format!("{} → {}: {}", link.path, link.target, link.trouble.as_str()));
    let all = process::below(all);
    format!("{} of the packages lead nowhere:{all}", if links.len() == 1 { "a link" } else { "links" })
}

/// Gathers the files.
pub(crate) fn make(
    debian: &DebianBuild,
    sources: &Snapshot,
    debs: &Debs<'_>,
    told: &dyn Fn(&str),
) -> Result<Addition, DebianError> {
    let pins = lock::parse(&sources.text(&debian.packages)?, &debian.packages)?;
    let cache = |source| DebianError::Cache { path: debs.cache.to_owned(), source };
    let scratch = tempfile::tempdir().map_err(cache)?;
    let (mut root, mut addition) = (Root::default(), Addition::default());
    for (at, pin) in pins.iter().enumerate() {
        let deb = debs.get(pin, told)?;
        let fields = control(&deb, pin)?;
        // each in a directory of its own: none is unpacked through links of another
        let dir = scratch.path().join(at.to_string());
        fetch::run(Command::new("dpkg-deb").arg("-x").arg(&deb).arg(&dir), &pin.asked())?;
        root.add(&dir)?;
        addition.packages.push(described(pin, &fields));
        addition.components.push(component(pin, &fields));
    }
    let everything = [CopyRule { from: TreePath::root(), into: Some(TreePath::root()), exclude: Vec::new() }];
    let rules: &[CopyRule] = if debian.copy.is_empty() { &everything } else { &debian.copy };
    let mut taking = Taking { root: &root, addition, blobs: DiskBlobs::default(), bad: Vec::new(), within: Vec::new() };
    for rule in rules {
        taking.rule(rule)?;
    }
    if !taking.bad.is_empty() {
        return Err(DebianError::Links(taking.bad));
    }
    let Taking { mut addition, blobs, .. } = taking;
    addition.blobs.push(Arc::new(blobs));
    addition.scratch.push(scratch);
    Ok(addition)
}

/// What a package says of itself: name, version, architecture.
fn control(deb: &Path, pin: &Pin) -> Result<[String; 3], DebianError> {
    let mut command = Command::new("dpkg-deb");
    let text = fetch::run(command.arg("-f").arg(deb).args(["Package", "Version", "Architecture"]), &pin.asked())?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        plain(line.unwrap_or_default()).into_owned()
    };
    let fields = [field("Package"), field("Version"), field("Architecture")];
    if fields[0] == pin.name && fields[1] == pin.version {
        return Ok(fields);
    }
    Err(DebianError::OtherPackage { pin: pin.asked(), found: format!("{}={}", fields[0], fields[1]) })
}

fn described(pin: &Pin, [name, version, _]: &[String; 3]) -> Package {
    let (name, version) = (name.clone(), version.clone());
    Package { kind: "deb", name, version, file: String::new(), digest: pin.digest.to_string() }
}

fn component(pin: &Pin, [name, version, architecture]: &[String; 3]) -> Component {
    // Ubuntu's versions say so
    let vendor = if version.contains("ubuntu") { "ubuntu" } else { "debian" };
    let encoded = version.replace('+', "%2B").replace(':', "%3A");
    Component {
        kind: "library",
        bom_ref: format!("deb:{name}={version}"),
        name: name.clone(),
        version: version.clone(),
        hashes: vec![pin.digest.into()],
        purl: Some(format!("pkg:deb/{vendor}/{name}@{encoded}?arch={architecture}")),
        properties: vec![Property { name: "silver:pin", value: pin.asked() }],
        ..Component::default()
    }
}

struct Taking<'a> {
    root: &'a Root,
    addition: Addition,
    blobs: DiskBlobs,
    bad: Vec<BadLink>,
    /// The directories that are being taken, where they really are.
    within: Vec<Vec<String>>,
}

impl Taking<'_> {
    fn rule(&mut self, rule: &CopyRule) -> Result<(), DebianError> {
        let missing = |trouble| DebianError::Missing { path: rule.from.clone(), trouble };
        let (at, item) = self.root.resolve(&rule.from).map_err(missing)?;
        let into = rule.into.clone().unwrap_or_else(|| rule.from.clone());
        match item {
            Some(Item::File { at, executable }) => self.file(at, *executable, into),
            _ => self.directory(rule, &at, &TreePath::root(), &into),
        }
    }

    /// Takes the directory that really is at `at` and shall lie at `below` of what the rule takes.
    fn directory(&mut self, rule: &CopyRule, at: &[String], below: &TreePath, into: &TreePath) -> Result<(), DebianError> {
        let Some(children) = self.root.children(at) else { return Ok(()) };
        self.within.push(at.to_vec());
        for (name, item) in children {
            let inside = join(below, &TreePath::new(name).unwrap_or_default())?;
            if rule.exclude.iter().any(|glob: &Glob| glob.matches(&inside)) {
                continue;
            }
            let path = [at, std::slice::from_ref(name)].concat().join("/");
            let mut bad = |trouble| {
                let target = if let Item::Link(target) = item { target.clone() } else { String::new() };
                self.bad.push(BadLink { path: path.clone(), target, trouble });
            };
            match self.root.resolve(&path) {
                Err(trouble) => bad(trouble),
                Ok((_, Some(Item::File { at, executable }))) => self.file(at, *executable, join(into, &inside)?)?,
                Ok((real, _)) if self.within.contains(&real) => bad(Trouble::Loops),
                Ok((real, _)) => self.directory(rule, &real, &inside, into)?,
            }
        }
        self.within.pop();
        Ok(())
    }

    fn file(&mut self, at: &Path, executable: bool, path: TreePath) -> Result<(), DebianError> {
        let limit = Limits::default().entries;
        if self.addition.listing.len() >= limit {
            return Err(DebianError::Limit { limit });
        }
        let read = || hash::copy_hashed(&mut File::open(at)?, &mut io::sink());
        let (digest, size) = read().map_err(RootError::Read)?;
        let node = self.blobs.put(at.to_owned(), digest, size, executable);
        Ok(add(&mut self.addition.listing, path, node)?)
    }
}
