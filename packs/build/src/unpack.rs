//! Packages become trees: archives are validated and unpacked, all else is a tree of one file.

mod tar;

pub use tar::TarError;

use crate::store::Stored;
use silver_pack::{
    archive::{self, ArchiveError, Strictness},
    limits::Limits,
    listing::{Kind, Listing, ListingError, Node},
    manifest::IndexKind,
    snapshot::{Blobs, MemoryBlobs, Snapshot},
};
use silver_plugin_api::TreePath;
use std::{fs, io, path::Path, sync::Arc};

/// A package as a tree.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its files.
    pub tree: Snapshot,
    /// Was it an archive? Otherwise the tree is one file.
    pub unpacked: bool,
}

/// Why a package cannot be a tree.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It cannot be read.
    #[error("cannot read `{file}`")]
    Read {
        /// Its file name.
        file: TreePath,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Not a sound zip.
    #[error("`{file}` is not a package that can be trusted: {source}")]
    Zip {
        /// Its file name.
        file: TreePath,
        /// What is wrong.
        #[source]
        source: Box<ArchiveError>,
    },
    /// Not a sound tar.
    #[error("`{file}` is not a package that can be trusted: {source}")]
    Tar {
        /// Its file name.
        file: TreePath,
        /// What is wrong.
        #[source]
        source: TarError,
    },
    /// A packing that is not read here.
    #[error("`{file}` is packed in a way that is not supported")]
    Packing {
        /// Its file name.
        file: TreePath,
    },
    /// It has nothing in it.
    #[error("`{file}` is empty")]
    Empty {
        /// Its file name.
        file: TreePath,
    },
}

impl UnpackError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Read { .. } => None,
            Self::Zip { .. } | Self::Tar { .. } | Self::Empty { .. } => {
                Some("tell the publisher of the package; nothing of it was used".to_owned())
            }
            Self::Packing { .. } => Some("pack it as .zip or .tar.gz".to_owned()),
        }
    }
}

/// The limits of one package: it is held in memory.
fn limits() -> Limits {
    Limits { entries: 50_000, file: 256 << 20, total: 512 << 20, archive: 256 << 20, ..Limits::default() }
}

/// The tree of a package. Wheels of Python stay one file: they are installed, not unpacked. A
/// directory that holds everything else of an archive is left out.
pub fn open(kind: IndexKind, package: &Stored) -> Result<Package, UnpackError> {
    let file = || package.file.clone();
    let name = package.file.to_ascii_lowercase();
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
    if kind == IndexKind::Python || !ends(&[".zip", ".tar.gz", ".tgz", ".tar", ".tar.xz", ".tar.bz2", ".tar.zst", ".7z", ".rar"])
    {
        return one_file(package);
    }
    let (listing, blobs): (Listing, Arc<dyn Blobs>) = if ends(&[".zip"]) {
        let zip = archive::open(&package.path, Strictness::Any, &limits());
        let (archive, blobs) = zip.map_err(|source| UnpackError::Zip { file: file(), source: Box::new(source) })?;
        (Listing::clone(archive.listing()), Arc::new(blobs))
    } else if ends(&[".tar.gz", ".tgz"]) {
        let packed = fs::File::open(&package.path).map_err(|source| UnpackError::Read { file: file(), source })?;
        let (listing, blobs) = tar::read_gz(packed, &limits()).map_err(|source| UnpackError::Tar { file: file(), source })?;
        (listing, Arc::new(blobs))
    } else {
        return Err(UnpackError::Packing { file: file() });
    };
    if listing.is_empty() {
        return Err(UnpackError::Empty { file: file() });
    }
    Ok(Package { tree: Snapshot::new(without_top(listing), blobs), unpacked: true })
}

/// Wheels stay packed until they are installed; before one is kept, it has to be as sound as a pack.
pub(crate) fn check_wheel(path: &Path) -> Result<(), UnpackError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let failed = |source| UnpackError::Zip { file: TreePath::new(&name).unwrap_or_default(), source: Box::new(source) };
    archive::open(path, Strictness::Any, &limits()).map(drop).map_err(failed)
}

/// The tree of a tarball of npm.
pub(crate) fn tgz(content: &[u8]) -> Result<Snapshot, TarError> {
    let (listing, blobs) = tar::read_gz(content, &limits())?;
    Ok(Snapshot::new(without_top(listing), Arc::new(blobs)))
}

fn one_file(package: &Stored) -> Result<Package, UnpackError> {
    let failed = |source| UnpackError::Read { file: package.file.clone(), source };
    let content = fs::read(&package.path).map_err(failed)?;
    let (mut listing, mut blobs) = (Listing::new(), MemoryBlobs::new());
    let node = Node { kind: Kind::File, size: content.len() as u64, digest: blobs.put(content) };
    listing.insert(package.file.clone(), node).map_err(|error: ListingError| failed(io::Error::other(error)))?;
    Ok(Package { tree: Snapshot::new(listing, Arc::new(blobs)), unpacked: false })
}

/// The listing without the one directory that everything is in, if there is one.
fn without_top(listing: Listing) -> Listing {
    let Some(top) = listing.iter().next().and_then(|(path, _)| path.split_once('/')).and_then(|(top, _)| TreePath::new(top).ok())
    else {
        return listing;
    };
    let mut inside = Listing::new();
    for (path, node) in &listing {
        let inner = path.below(&top).filter(|inner| !inner.is_root());
        let Some(inner) = inner else { return listing };
        if inside.insert(inner, *node).is_err() {
            return listing;
        }
    }
    inside
}

#[cfg(test)]
pub(crate) mod tests {
    pub(crate) use super::tar::tests::npm_package;
    use super::*;
    use crate::store::FileStore;

    fn stored(dir: &std::path::Path, name: &str, content: &[u8]) -> Stored {
        FileStore::new(dir.to_owned()).put(&TreePath::new(name).unwrap(), content).unwrap()
    }

    fn zip(files: &[(&str, &str)]) -> Vec<u8> {
        let (mut listing, mut blobs) = (Listing::new(), MemoryBlobs::new());
        for (path, content) in files {
            let node = Node { kind: Kind::File, size: content.len() as u64, digest: blobs.put(content.as_bytes()) };
            listing.insert(TreePath::new(path).unwrap(), node).unwrap();
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.zip");
        archive::write(&Snapshot::new(listing, Arc::new(blobs)), &mut fs::File::create(&path).unwrap()).unwrap();
        fs::read(path).unwrap()
    }

    fn paths(package: &Package) -> Vec<String> {
        package.tree.listing().iter().map(|(path, _)| path.to_string()).collect()
    }

    #[test]
    fn archives_are_unpacked_and_all_else_is_one_file() {
        let dir = tempfile::tempdir().unwrap();
        let nested = zip(&[("site/a.php", "a"), ("site/b/c.php", "c")]);
        let package = open(IndexKind::Directory, &stored(dir.path(), "site-1.zip", &nested)).unwrap();
        assert_eq!((paths(&package), package.unpacked), (vec!["a.php".to_owned(), "b/c.php".to_owned()], true));
        let flat = zip(&[("a.php", "a"), ("b/c.php", "c")]);
        let package = open(IndexKind::Directory, &stored(dir.path(), "flat-1.zip", &flat)).unwrap();
        assert_eq!(paths(&package), ["a.php", "b/c.php"]);
        for (kind, name) in
            [(IndexKind::Directory, "x-1-py3-none-any.whl"), (IndexKind::Python, "x-1.zip"), (IndexKind::Directory, "x-1.py")]
        {
            let package = open(kind, &stored(dir.path(), name, &flat)).unwrap();
            assert_eq!((paths(&package), package.unpacked), (vec![name.to_owned()], false));
        }
    }

    #[test]
    fn what_cannot_be_trusted_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |name: &str, content: &[u8]| open(IndexKind::Directory, &stored(dir.path(), name, content)).unwrap_err();
        assert!(matches!(refused("a-1.zip", b"no zip"), UnpackError::Zip { .. }));
        assert!(matches!(refused("b-1.zip", &zip(&[])), UnpackError::Empty { .. }));
        assert!(matches!(refused("c-1.tar.gz", b"no gzip"), UnpackError::Tar { .. }));
        let error = refused("d-1.tar.xz", b"");
        assert!(error.to_string().contains("not supported") && error.hint().unwrap().contains(".tar.gz"));
    }
}
