//! A pack that has been opened: every byte of it was checked.

mod error;
mod seal;

pub use error::PackError;
pub use seal::{publish, seal};

use crate::{
    archive::{self, Archive, Strictness, ZipBlobs},
    limits::Limits,
    listing::{Kind, Listing},
    manifest::{self, Manifest},
    signature::{self, Signature, Subject},
    snapshot::{Blobs, ReadError, Snapshot},
};
use silver_plugin_api::{
    Digest, TreePath,
    plan::{PackRef, UNSIGNED},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// silver's own files in a pack lie below this directory.
pub const SILVER_DIR: &str = ".silver";
/// The lines of all files, except this one and those that say who published it. Its sha256 is the pack digest.
pub const TREE: &str = ".silver/tree";
/// The publisher's signature: see [`crate::signature`].
pub const SIGNATURE: &str = ".silver/signature";
/// How the publisher's key came to follow earlier ones.
pub const ROTATIONS: &str = ".silver/rotations";
/// The bill of materials, CycloneDX.
pub const SBOM: &str = ".silver/sbom.cdx.json";
/// Where each piece came from.
pub const PROVENANCE: &str = ".silver/provenance.json";

/// An opened pack. The archive stays open: contents are read from it when they are wanted, and
/// checked against their digests.
#[derive(Debug, Clone)]
pub struct Pack {
    path: PathBuf,
    manifest: Arc<Manifest>,
    digest: Digest,
    signature: Option<Signature>,
    archive: Arc<Archive>,
    tree: Snapshot,
    /// With silver's own files.
    all: Snapshot,
}

impl Pack {
    /// Opens the pack at `path`: the archive is valid, its content is what `.silver/tree` lists, the
    /// manifest fits its schema, its plugins are those that the manifest names, and its signature, if
    /// it has one, is sound. Whose it is, the caller judges.
    pub fn open(path: &Path) -> Result<Self, PackError> {
        Self::open_within(path, &Limits::default())
    }

    /// As [`Pack::open`], with limits of one's own.
    pub fn open_within(path: &Path, limits: &Limits) -> Result<Self, PackError> {
        let failed = |source| PackError::Archive { pack: path.to_owned(), source };
        // what disagrees with `.silver/tree` is told first: it says more than the form of a header
        let (archive, blobs) = archive::open(path, Strictness::Any, limits).map_err(failed)?;
        Self::of(path, archive, blobs)
    }

    /// As [`Pack::open`], for a file that is known to be the one whose archive was validated before.
    pub fn open_known(path: &Path, archive: Archive) -> Result<Self, PackError> {
        let failed = |source| PackError::Archive { pack: path.to_owned(), source };
        let (archive, blobs) = archive::open_known(path, archive).map_err(failed)?;
        Self::of(path, archive, blobs)
    }

    fn of(path: &Path, archive: Archive, blobs: ZipBlobs) -> Result<Self, PackError> {
        let failed = |source| PackError::Archive { pack: path.to_owned(), source };
        let blobs: Arc<dyn Blobs> = Arc::new(blobs);
        let all = Snapshot::new(archive.listing().clone(), blobs.clone());
        let (digest, lines) = check_tree(path, &all)?;
        archive.demand(Strictness::Pack).map_err(failed)?;
        let tree = Snapshot::new(without_silver(all.listing(), path)?, blobs);
        let manifest = read_manifest(path, &tree)?;
        check_plugins(path, &manifest, tree.listing())?;
        check_shown(path, &manifest, tree.listing())?;
        let signature = check_signature(path, &manifest, digest, &lines, &all)?;
        Ok(Self { path: path.to_owned(), manifest: Arc::new(manifest), digest, signature, archive: Arc::new(archive), tree, all })
    }

    /// The same pack, after its file got another name.
    #[must_use]
    pub fn renamed(self, path: &Path) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// Where the pack is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The pack digest: sha256 of `.silver/tree`.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Who signed it, and whose key that follows; `None` when nobody did.
    pub fn signature(&self) -> Option<&Signature> {
        self.signature.as_ref()
    }

    /// sha256 of the archive's bytes.
    pub fn archive(&self) -> Digest {
        self.archive.digest()
    }

    /// Bytes of the archive.
    pub fn archive_size(&self) -> u64 {
        self.archive.size()
    }

    /// Where contents lie in the archive.
    pub fn layout(&self) -> &Archive {
        &self.archive
    }

    /// All files but silver's own.
    pub fn tree(&self) -> &Snapshot {
        &self.tree
    }

    /// All files, silver's own included.
    pub fn all(&self) -> &Snapshot {
        &self.all
    }

    /// The bill of materials (CycloneDX JSON), if the pack has one.
    pub fn sbom(&self) -> Result<Option<String>, ReadError> {
        self.own(SBOM)
    }

    /// Where each piece came from (JSON), if the pack says so.
    pub fn provenance(&self) -> Result<Option<String>, ReadError> {
        self.own(PROVENANCE)
    }

    /// The pack as plans and records name it.
    pub fn reference(&self) -> PackRef {
        let (info, signature) = (&self.manifest.pack, self.signature());
        PackRef {
            id: info.id.clone(),
            name: info.name.to_string(),
            version: info.version.to_string(),
            app_version: info.app_version(),
            digest: self.digest,
            archive: self.archive(),
            signature: signature.map_or_else(|| UNSIGNED.to_owned(), |signature| signature.key.to_string()),
            rotated_from: signature.iter().flat_map(|signature| &signature.rotated_from).map(ToString::to_string).collect(),
        }
    }

    fn own(&self, name: &str) -> Result<Option<String>, ReadError> {
        match self.all.text(&own_path(name)) {
            Ok(text) => Ok(Some(text)),
            Err(ReadError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn own_path(name: &str) -> TreePath {
    TreePath::new(name).unwrap_or_default()
}

/// Compares `.silver/tree` with the content, in both directions; returns its digest and its lines.
fn check_tree(pack: &Path, all: &Snapshot) -> Result<(Digest, String), PackError> {
    let pack = || pack.to_owned();
    let tree_path = own_path(TREE);
    let apart = [TREE, SIGNATURE, ROTATIONS];
    let Some(node) = all.listing().get(&tree_path) else {
        return Err(PackError::NoTree { pack: pack() });
    };
    let digest = node.digest;
    let text = all.text(&tree_path).map_err(|source| PackError::Read { pack: pack(), source })?;
    if text == all.listing().lines_but(&apart) {
        return Ok((digest, text));
    }
    // they disagree: say where
    let listed = Listing::parse(&text).map_err(|source| PackError::Tree { pack: pack(), source })?;
    let found: Vec<_> = all.listing().iter().filter(|(path, _)| !apart.contains(&path.as_str())).collect();
    for (path, node) in &found {
        match listed.get(path) {
            None => return Err(PackError::NotListed { pack: pack(), path: (*path).clone() }),
            Some(listed) if listed != *node => return Err(PackError::Differs { pack: pack(), path: (*path).clone() }),
            Some(_) => {}
        }
    }
    if let Some((path, _)) = listed.iter().find(|(path, _)| apart.contains(&path.as_str()) || all.listing().get(path).is_none()) {
        return Err(PackError::NotThere { pack: pack(), path: path.clone() });
    }
    Ok((digest, text))
}

fn check_signature(
    pack: &Path,
    manifest: &Manifest,
    digest: Digest,
    lines: &str,
    all: &Snapshot,
) -> Result<Option<Signature>, PackError> {
    let read = |name: &str| {
        let path = own_path(name);
        match all.listing().get(&path) {
            None => Ok(None),
            Some(node) if node.kind != Kind::File || node.size > signature::MAX_BYTES => {
                Err(PackError::NoSignatureFile { pack: pack.to_owned(), path })
            }
            Some(_) => all.text(&path).map(Some).map_err(|source| PackError::Read { pack: pack.to_owned(), source }),
        }
    };
    let (signature, rotations) = (read(SIGNATURE)?, read(ROTATIONS)?);
    let subject = Subject { id: &manifest.pack.id, version: &manifest.pack.version.to_string(), digest };
    signature::check(&subject, lines.as_bytes(), signature.as_deref(), rotations.as_deref())
        .map_err(|source| PackError::Signature { pack: pack.to_owned(), source })
}

fn without_silver(all: &Listing, pack: &Path) -> Result<Listing, PackError> {
    let mut tree = all.clone();
    for (path, _) in all.below(&own_path(SILVER_DIR)) {
        if ![TREE, SIGNATURE, ROTATIONS, SBOM, PROVENANCE].contains(&path.as_str()) {
            return Err(PackError::Reserved { pack: pack.to_owned(), path: path.clone() });
        }
        tree.remove(path);
    }
    Ok(tree)
}

fn read_manifest(pack: &Path, tree: &Snapshot) -> Result<Manifest, PackError> {
    let text = tree.text(&own_path(manifest::FILE_NAME)).map_err(|source| match source {
        ReadError::Missing { .. } => PackError::NoManifest { pack: pack.to_owned() },
        source => PackError::Read { pack: pack.to_owned(), source },
    })?;
    let shown = format!("{}: {}", pack.display(), manifest::FILE_NAME);
    manifest::parse(&text, &shown).map_err(|source| PackError::Manifest { pack: pack.to_owned(), source })
}

/// Each plugin is a file of the pack, with the digest that the manifest gives.
fn check_plugins(pack: &Path, manifest: &Manifest, tree: &Listing) -> Result<(), PackError> {
    for plugin in &manifest.plugin {
        let (pack, file) = (pack.to_owned(), plugin.file.clone());
        let Some(node) = tree.get(&plugin.file) else {
            return Err(PackError::NoPlugin { pack, file });
        };
        if plugin.sha256 != Some(node.digest) {
            return Err(PackError::OtherPlugin { pack, file, named: plugin.sha256, found: node.digest });
        }
    }
    Ok(())
}

/// What the pack shows about itself is in it.
fn check_shown(pack: &Path, manifest: &Manifest, tree: &Listing) -> Result<(), PackError> {
    let shown = [("icon", &manifest.pack.icon), ("notes", &manifest.pack.notes)];
    match shown.into_iter().find(|(_, file)| file.as_ref().is_some_and(|file| tree.get(file).is_none())) {
        Some((field, Some(file))) => Err(PackError::NoFile { pack: pack.to_owned(), field, file: file.clone() }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
