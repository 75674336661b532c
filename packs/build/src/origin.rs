//! What a pack is made of: a directory, or a zip that somebody else made.

use crate::sources::SourceError;
use silver_pack::{
    archive::{self, ArchiveError, Strictness},
    limits::Limits,
    listing::{Kind, Listing, Node},
    manifest,
    snapshot::{Layers, MemoryBlobs, ReadError, Snapshot},
};
use silver_plugin_api::{Digest, TreePath};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What macOS puts beside the files in its zips.
pub(crate) const MAC_LITTER: &str = "__MACOSX";

/// Why what a pack is made of cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// The zip is not sound.
    #[error("cannot make a pack of `{}`", zip.display())]
    Archive {
        /// Which.
        zip: PathBuf,
        /// What is wrong.
        #[source]
        source: ArchiveError,
    },
    /// No manifest in the directory.
    #[error("`{}` has no `pack.toml`", dir.display())]
    NoManifest {
        /// The directory.
        dir: PathBuf,
    },
    /// No manifest, neither inside nor beside.
    #[error("`{}` has no `pack.toml` inside", zip.display())]
    NoManifestInside {
        /// The zip.
        zip: PathBuf,
    },
    /// Two manifests.
    #[error("`{}` has a `pack.toml` of its own, beside which `{}` cannot be another", zip.display(), manifest.display())]
    TwoManifests {
        /// The zip.
        zip: PathBuf,
        /// The other one.
        manifest: PathBuf,
    },
    /// The manifest, or the zip's files, cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of the zip cannot be read.
    #[error("cannot read a file of `{}`", zip.display())]
    File {
        /// The zip.
        zip: PathBuf,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// What is inside cannot be the files of a pack.
    #[error("cannot take the files of `{}`", zip.display())]
    Files {
        /// The zip.
        zip: PathBuf,
        /// Why.
        #[source]
        source: SourceError,
    },
}

impl OriginError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Archive { source, .. } => source.hint(),
            Self::NoManifest { .. } => {
                Some("name the source directory of a pack; see `packs/reference/hello` for a small one".to_owned())
            }
            Self::NoManifestInside { .. } => Some("name one that lies beside it: `--manifest FILE`".to_owned()),
            Self::TwoManifests { .. } => Some("leave `--manifest` out, or take the one out of the zip".to_owned()),
            Self::Read { .. } => None,
            Self::File { source, .. } => source.hint(),
            Self::Files { source, .. } => source.hint(),
        }
    }

    /// Are the bytes other than they should be?
    pub fn is_integrity(&self) -> bool {
        matches!(self, Self::Archive { source, .. } if source.is_integrity())
    }
}

/// What a pack is made of.
#[derive(Debug, Clone)]
pub struct Origin {
    from: From,
    /// The manifest's text.
    pub(crate) text: String,
    /// The manifest, for people.
    pub(crate) manifest: String,
    /// What the person should know.
    pub(crate) warnings: Vec<String>,
}

#[derive(Debug, Clone)]
enum From {
    Directory(PathBuf),
    Zip { tree: Snapshot, name: String, digest: Digest },
}

impl Origin {
    /// A directory with a `pack.toml`.
    pub fn directory(dir: &Path) -> Result<Self, OriginError> {
        let path = dir.join(manifest::FILE_NAME);
        let text = fs::read_to_string(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => OriginError::NoManifest { dir: dir.to_owned() },
            _ => OriginError::Read { path: path.clone(), source },
        })?;
        Ok(Self { from: From::Directory(dir.to_owned()), text, manifest: path.display().to_string(), warnings: Vec::new() })
    }

    /// A sound zip, whoever made it, with a `pack.toml` inside, or with the one at `beside`. Where
    /// everything lies below one directory, as in zips of a directory, that one is taken off.
    pub fn zip(zip: &Path, beside: Option<&Path>) -> Result<Self, OriginError> {
        let archive = archive::open(zip, Strictness::Any, &Limits::default());
        let (archive, blobs) = archive.map_err(|source| OriginError::Archive { zip: zip.to_owned(), source })?;
        let whole = Snapshot::new(archive.listing().clone(), Arc::new(blobs));
        let mut warnings = Vec::new();
        let mut tree = whole;
        if let Some(wrapping) = wrapping(tree.listing()) {
            tree = unwrapped(&tree, &wrapping).map_err(|source| OriginError::Files { zip: zip.to_owned(), source })?;
            warnings.push(format!("everything in the zip lies below `{wrapping}/`: the pack has what is below it"));
        }
        let name = TreePath::new(manifest::FILE_NAME).unwrap_or_default();
        let inside = tree.listing().get(&name).is_some();
        let (text, manifest) = match beside {
            Some(manifest) if inside => {
                return Err(OriginError::TwoManifests { zip: zip.to_owned(), manifest: manifest.to_owned() });
            }
            Some(path) => {
                let read = |source| OriginError::Read { path: path.to_owned(), source };
                let text = fs::read_to_string(path).map_err(read)?;
                tree = with(&tree, name, &text).map_err(|source| OriginError::Files { zip: zip.to_owned(), source })?;
                (text, path.display().to_string())
            }
            None if inside => {
                let text = tree.text(&name).map_err(|source| OriginError::File { zip: zip.to_owned(), source })?;
                (text, format!("{}: {}", zip.display(), manifest::FILE_NAME))
            }
            None => return Err(OriginError::NoManifestInside { zip: zip.to_owned() }),
        };
        let name = zip.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { from: From::Zip { tree, name, digest: archive.digest() }, text, manifest, warnings })
    }

    /// The files that `keep` wants; it is asked as by [`Snapshot::capture_if`].
    pub(crate) fn capture(&self, keep: &dyn Fn(&TreePath) -> bool) -> Result<Snapshot, SourceError> {
        match &self.from {
            From::Directory(dir) => Ok(Snapshot::capture_if(dir, &Limits::default(), keep)?),
            From::Zip { tree, .. } => {
                let above = |path: &TreePath| {
                    std::iter::successors(path.parent(), TreePath::parent).all(|dir| dir.is_root() || keep(&dir))
                };
                let mut listing = Listing::new();
                for (path, node) in tree.listing().iter().filter(|(path, _)| keep(path) && above(path)) {
                    listing.insert(path.clone(), *node)?;
                }
                Ok(Snapshot::new(listing, tree.blobs().clone()))
            }
        }
    }

    /// Copies a file to `to`.
    pub(crate) fn copy(&self, path: &TreePath, to: &Path) -> io::Result<()> {
        match &self.from {
            From::Directory(dir) => fs::copy(dir.join(path.as_str()), to).map(drop),
            From::Zip { tree, .. } => {
                let mut content = tree.open(path).map_err(io::Error::other)?;
                io::copy(&mut content, &mut fs::File::create(to)?).map(drop)
            }
        }
    }

    /// The directory, if it is one.
    pub(crate) fn dir(&self) -> Option<&Path> {
        match &self.from {
            From::Directory(dir) => Some(dir),
            From::Zip { .. } => None,
        }
    }

    /// The zip, if it is one: file name, digest of its bytes.
    pub(crate) fn archive(&self) -> Option<(&str, Digest)> {
        match &self.from {
            From::Directory(_) => None,
            From::Zip { name, digest, .. } => Some((name, *digest)),
        }
    }
}

/// The one directory below which everything lies.
fn wrapping(listing: &Listing) -> Option<TreePath> {
    let mut tops = listing.iter().map(|(path, _)| path.split_once('/').map_or((path.as_str(), false), |(top, _)| (top, true)));
    let is_litter = |top: &(&str, bool)| top.0 == MAC_LITTER || *top == (".DS_Store", false);
    let (top, true) = tops.find(|top| !is_litter(top))? else { return None };
    tops.all(|other| other == (top, true) || is_litter(&other)).then(|| TreePath::new(top).ok())?
}

fn unwrapped(tree: &Snapshot, top: &TreePath) -> Result<Snapshot, SourceError> {
    let mut listing = Listing::new();
    for (path, node) in tree.listing().below(top) {
        let into = path.below(top).unwrap_or_default();
        if node.kind == Kind::Link && into.resolve_link(&tree.link_target(path).unwrap_or_default()).is_err() {
            return Err(SourceError::Link { path: path.clone(), into });
        }
        listing.insert(into, *node)?;
    }
    Ok(Snapshot::new(listing, tree.blobs().clone()))
}

fn with(tree: &Snapshot, name: TreePath, text: &str) -> Result<Snapshot, SourceError> {
    let (mut listing, mut own) = ((**tree.listing()).clone(), MemoryBlobs::new());
    let node = Node { kind: Kind::File, size: text.len() as u64, digest: own.put(text.as_bytes()) };
    listing.insert(name, node)?;
    Ok(Snapshot::new(listing, Arc::new(Layers::new(vec![Arc::new(own), tree.blobs().clone()]))))
}
