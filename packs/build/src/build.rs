//! `silver pack DIR`: a directory with a `pack.toml` becomes a pack. The same input gives the same
//! bytes, wherever and whenever it is built; compiled plugins are input, not made here.

mod bill;
mod error;
mod platform;
mod plugins;

pub use error::BuildError;

use crate::{
    pip::Pip,
    provenance::{self, Input, Package, Provenance},
    requirements,
    sources::gather,
    wheels::{Wheel, WheelStore, wheel_name},
};
use silver_pack::{
    archive,
    listing::{Kind, Node},
    manifest::{self, Manifest},
    pack::{self, Pack},
    snapshot::{Blobs, Layers, MemoryBlobs, Snapshot},
};
use silver_plugin_api::{Digest, TreePath};
use std::{
    collections::{BTreeSet, HashMap},
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// How a pack is built.
pub struct Options<'a> {
    /// How Python packages are reached.
    pub pip: Pip,
    /// Where downloads are kept for the next time; nowhere, when absent.
    pub downloads: Option<PathBuf>,
    /// Is version control asked for the revision of the directory?
    pub vcs: bool,
    /// Told what is being done, before it is.
    pub progress: &'a dyn Fn(&str),
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { pip: Pip::default(), downloads: None, vcs: true, progress: &|_| {} }
    }
}

/// A pack that was made.
#[derive(Debug)]
pub struct Built {
    /// The pack, opened again and thereby checked.
    pub pack: Pack,
    /// What the person should know.
    pub warnings: Vec<String>,
}

/// Builds the pack of `dir`. `out` is the file to write, or a directory that gets
/// `<name>-<version>.zip`.
pub fn build_pack(dir: &Path, out: &Path, options: &Options<'_>) -> Result<Built, BuildError> {
    let manifest_path = dir.join(manifest::FILE_NAME);
    let text = fs::read_to_string(&manifest_path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => BuildError::NoManifest { dir: dir.to_owned() },
        _ => BuildError::Read { path: manifest_path.clone(), source },
    })?;
    let manifest = manifest::parse(&text, &manifest_path.display().to_string())?;
    let out = out.strip_prefix(".").unwrap_or(out);
    let out = if out.as_os_str().is_empty() || out.is_dir() {
        out.join(format!("{}-{}.zip", manifest.pack.name, manifest.pack.version))
    } else {
        out.to_owned()
    };

    (options.progress)("gathering files");
    let sources = gather(dir, &manifest, &made(dir, &out))?;
    let temporary = tempfile::tempdir().map_err(|source| BuildError::Write { path: "a temporary directory".into(), source })?;
    let downloads = options.downloads.as_deref().unwrap_or(temporary.path());
    let wheels = wheels(&manifest, &sources, downloads, options)?;
    let (text, plugins, warnings) = plugins::pin(&text, &manifest, &sources)?;
    let text = platform::record(&text, &manifest, wheels.iter().map(|wheel| &*wheel.file));

    let tree = assemble(&manifest, &sources, &wheels, &text)?;
    let provenance = Provenance {
        format: 1,
        silver: env!("CARGO_PKG_VERSION"),
        source: if options.vcs { provenance::source(dir) } else { None },
        packages: wheels.iter().filter_map(|wheel| package(&manifest, wheel)).collect(),
        plugins: plugins.iter().map(|(file, digest)| Input { file: file.to_string(), digest: *digest }).collect(),
    };
    let sbom = bill::make(&manifest, &wheels, &plugins);
    let sealed =
        pack::seal(&tree, Some(&sbom.to_json()), Some(&provenance.to_json())).map_err(crate::sources::SourceError::from)?;

    (options.progress)("packing");
    Ok(Built { pack: publish(&sealed, &out)?, warnings })
}

/// The packs that were made into the source directory before are no part of it.
fn made(dir: &Path, out: &Path) -> BTreeSet<TreePath> {
    let full = |path: &Path| path.canonicalize().ok();
    let inside = out.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    let inside = inside.and_then(full).zip(full(dir)).and_then(|(parent, dir)| Some(parent.strip_prefix(dir).ok()?.to_owned()));
    let path = inside.zip(out.file_name()).and_then(|(inside, name)| TreePath::new(inside.join(name).to_str()?).ok());
    path.into_iter().collect()
}

fn wheels(manifest: &Manifest, sources: &Snapshot, downloads: &Path, options: &Options<'_>) -> Result<Vec<Wheel>, BuildError> {
    let Some(python) = &manifest.build.python else { return Ok(Vec::new()) };
    let text = sources.text(&python.requirements)?;
    let pins = requirements::parse(&text, &python.requirements)?;
    let store = WheelStore::new(downloads.join("wheels"));
    Ok(store.fetch(&options.pip, &pins, &|pin| (options.progress)(&format!("fetching {pin}")))?)
}

fn package(manifest: &Manifest, wheel: &Wheel) -> Option<Package> {
    let (name, version) = wheel_name(&wheel.file)?;
    let file = manifest.build.python.as_ref()?.wheels.join(&wheel.file).ok()?;
    let name = requirements::normalise(name);
    Some(Package { kind: "pypi", name, version: version.to_owned(), file: file.to_string(), digest: wheel.digest })
}

/// Sources, wheels and the completed manifest become one tree.
fn assemble(manifest: &Manifest, sources: &Snapshot, wheels: &[Wheel], text: &str) -> Result<Snapshot, BuildError> {
    let (mut listing, mut own) = ((**sources.listing()).clone(), MemoryBlobs::new());
    let mut files = Files::default();
    for wheel in wheels {
        let Some(python) = &manifest.build.python else { continue };
        let path = python.wheels.join(&wheel.file).map_err(|source| crate::sources::SourceError::Into {
            from: wheel.file.clone(),
            into: python.wheels.clone(),
            source,
        })?;
        let failed = |source| BuildError::Read { path: wheel.path.clone(), source };
        let size = fs::metadata(&wheel.path).map_err(failed)?.len();
        files.0.insert(wheel.digest, wheel.path.clone());
        insert(&mut listing, path, Node { kind: Kind::File, size, digest: wheel.digest })?;
    }
    let digest = own.put(text.as_bytes());
    let name = TreePath::new(manifest::FILE_NAME).unwrap_or_default();
    insert(&mut listing, name, Node { kind: Kind::File, size: text.len() as u64, digest })?;
    let stores: Vec<Arc<dyn Blobs>> = vec![Arc::new(own), sources.blobs().clone(), Arc::new(files)];
    Ok(Snapshot::new(listing, Arc::new(Layers::new(stores))))
}

fn insert(listing: &mut silver_pack::listing::Listing, path: TreePath, node: Node) -> Result<(), BuildError> {
    listing.insert(path, node).map(drop).map_err(|error| crate::sources::SourceError::from(error).into())
}

/// Contents in files of the download cache; their reader checks the digest.
#[derive(Default)]
struct Files(HashMap<Digest, PathBuf>);

impl Blobs for Files {
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        let path = self.0.get(digest).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(Box::new(File::open(path)?))
    }
}

/// Writes beside the destination, opens what was written as anybody would, and only then gives it
/// its name.
fn publish(sealed: &Snapshot, out: &Path) -> Result<Pack, BuildError> {
    let failed = |source| BuildError::Write { path: out.to_owned(), source };
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // a temporary file would be for its owner only; a pack is as any other file of the person
    let readable = fs::Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().prefix(".silver-pack").permissions(readable).tempfile_in(parent).map_err(failed)?;
    archive::write(sealed, &mut io::BufWriter::new(&mut file))
        .map_err(|source| BuildError::Archive { path: out.to_owned(), source })?;
    file.as_file().sync_all().map_err(failed)?;
    let pack = Pack::open(file.path())?;
    file.persist(out).map_err(|error| failed(error.error))?;
    Ok(pack.renamed(out))
}

#[cfg(test)]
mod tests;
