//! Images of nodes, made once on this machine and kept by what they are made from.
//!
//! | entry of the cache | what |
//! |---|---|
//! | `base-<digest>/` | a bare Debian 12 as a hoster delivers it: systemd, sshd, Python, sudo |
//! | `apt-<digest>/` | a package repository: what `silver setup-node` and the tests install; nodes have no route out |
//! | `ready-<digest>/` | what is laid over the base so that all of those packages are installed, and not enabled |
//!
//! An entry is built beside its place and renamed; whoever builds holds the lock of the directory.

mod base;
mod mirror;
mod ready;
mod sources;

pub use base::USER;

use crate::{ProviderError, provider::Watch};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where nodes find the package repository.
pub const REPOSITORY: &str = "/srv/apt";

/// A kind of image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A bare Debian 12.
    #[serde(rename = "debian-12")]
    Bare,
    /// The same with the packages that a set-up node has, none of them enabled: for what is not about installing.
    #[serde(rename = "debian-12-ready")]
    Ready,
}

/// Every kind, the one that is taken by itself first.
pub const KINDS: [Kind; 2] = [Kind::Bare, Kind::Ready];

impl Kind {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "debian-12",
            Self::Ready => "debian-12-ready",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Result<Self, ProviderError> {
        KINDS.into_iter().find(|kind| kind.name() == name).ok_or_else(|| ProviderError::NoSuchImage(name.into()))
    }

    fn what(self) -> &'static str {
        match self {
            Self::Bare => "a bare Debian 12 with sshd",
            Self::Ready => "the same with the packages of a node that is set up, none of them enabled",
        }
    }
}

/// An image on this machine: directories that are only read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Image {
    /// What it is.
    pub kind: Kind,
    /// Its layers, the topmost first.
    pub layers: Vec<PathBuf>,
    /// The package repository that belongs to it.
    pub repository: PathBuf,
}

/// What a provider says of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageInfo {
    /// Its name.
    pub name: String,
    /// What it is, in words.
    pub what: String,
    /// Where it lies, when it has been made.
    pub place: Option<PathBuf>,
}

/// The images of this machine.
#[derive(Debug, Clone)]
pub struct Images {
    dir: PathBuf,
}

impl Images {
    /// Those that are kept in this directory.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The image, made now if it is not there: that takes minutes, and the network.
    pub fn ensure(&self, kind: Kind, watch: Watch<'_>) -> Result<Image, ProviderError> {
        let sources = sources::find()?;
        let recipe = base::recipe(&sources);
        let base = self.entry("base", &recipe, watch, "a bare Debian 12", |dir| base::build(&sources, dir))?;
        let mirrored = format!("{recipe}{}", mirror::recipe());
        let repository =
            self.entry("apt", &mirrored, watch, "the packages that nodes install", |dir| mirror::build(&base, &sources, dir))?;
        let mut layers = vec![base.clone()];
        if kind == Kind::Ready {
            let recipe = format!("{mirrored}{}", ready::recipe());
            let ready = self.entry("ready", &recipe, watch, "a layer with those packages installed", |dir| {
                ready::build(&base, &repository, dir)
            })?;
            layers.insert(0, ready);
        }
        Ok(Image { kind, layers, repository })
    }

    /// Every kind of image, and whether it has been made as it would be made now.
    pub fn list(&self) -> Result<Vec<ImageInfo>, ProviderError> {
        let base = base::recipe(&sources::find()?);
        let ready = format!("{base}{}{}", mirror::recipe(), ready::recipe());
        let info = |(kind, recipe): (Kind, &str)| {
            let place = self.place(if kind == Kind::Bare { "base" } else { "ready" }, recipe);
            ImageInfo { name: kind.name().into(), what: kind.what().into(), place: place.exists().then_some(place) }
        };
        Ok([(Kind::Bare, base.as_str()), (Kind::Ready, &ready)].map(info).into())
    }

    fn place(&self, name: &str, recipe: &str) -> PathBuf {
        let digest = hex::encode(Sha256::digest(recipe));
        self.dir.join(format!("{name}-{}", &digest[..16]))
    }

    /// The entry that this recipe makes; `build` fills an empty directory.
    fn entry(
        &self,
        name: &str,
        recipe: &str,
        watch: Watch<'_>,
        what: &str,
        build: impl FnOnce(&Path) -> Result<(), ProviderError>,
    ) -> Result<PathBuf, ProviderError> {
        let place = self.place(name, recipe);
        if place.exists() {
            return Ok(place);
        }
        fs::create_dir_all(&self.dir).map_err(ProviderError::file(&self.dir, "make the directory"))?;
        let lock = self.dir.join("lock");
        let held = fs::File::create(&lock).and_then(|file| file.lock().map(|()| file));
        let _held = held.map_err(ProviderError::file(&lock, "lock"))?;
        if place.exists() {
            return Ok(place); // somebody else has just made it
        }
        watch(&format!("making {what}: this happens once, and takes a minute or two"));
        let building = self.dir.join("building");
        if building.exists() {
            // of somebody who was killed: the lock is ours
            fs::remove_dir_all(&building).map_err(ProviderError::file(&building, "remove"))?;
        }
        fs::create_dir(&building).map_err(ProviderError::file(&building, "make the directory"))?;
        build(&building)?;
        fs::rename(&building, &place).map_err(ProviderError::file(&place, "rename it into place"))?;
        Ok(place)
    }
}

/// Runs a script in a mount namespace of its own: whatever it mounts is gone with it.
fn in_mounts<'a>(text: &str, arguments: impl IntoIterator<Item = &'a str>) -> Result<String, ProviderError> {
    crate::run::run(&mut crate::run::script(&["unshare", "--mount", "--propagation", "private"], text, arguments))
}

/// A path as an argument of a script. What is not UTF-8 is not found there, and the script says so.
fn word(path: &Path) -> std::borrow::Cow<'_, str> {
    path.to_string_lossy()
}
