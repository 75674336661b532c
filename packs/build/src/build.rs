//! `silver pack`: a directory with a `pack.toml`, or a zip with one, becomes a pack. The same input gives the same
//! bytes, wherever and whenever it is built; compiled plugins are input, not made here.

mod bill;
mod elf;
mod error;
mod platform;
mod plugins;

pub use error::BuildError;

use crate::{
    keys::SigningKey,
    origin::Origin,
    pip::Pip,
    provenance::{Input, Provenance, Ran},
    recipes::{self, Addition, command::CommandError, debian::Debs},
    sources::{gather, inputs},
    vcs,
};
use silver_pack::{
    archive, hash,
    listing::{Kind, Node},
    manifest::{self, Manifest, PackInfo},
    pack::{self, Pack},
    signature::Subject,
    snapshot::{Blobs, Layers, MemoryBlobs, Snapshot},
};
use silver_plugin_api::{TreePath, path::plain};
use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The platform that a program needs; `None` when it is not native code for Linux.
pub fn native_platform(content: &[u8]) -> Option<silver_pack::platform::Platform> {
    elf::needs(content, "")
}

/// How a pack is built.
pub struct Options<'a> {
    /// How Python packages are reached.
    pub pip: Pip,
    /// A folder of Debian packages that is used in place of apt.
    pub debs: Option<PathBuf>,
    /// Where downloads are kept for the next time; nowhere, when absent.
    pub downloads: Option<PathBuf>,
    /// Is version control asked for the revision of the directory?
    pub vcs: bool,
    /// Who publishes it; nobody signs it, when absent.
    pub sign: Option<&'a SigningKey>,
    /// Told what is being done, before it is.
    pub progress: &'a dyn Fn(&str),
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { pip: Pip::default(), debs: None, downloads: None, vcs: true, sign: None, progress: &|_| {} }
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

/// Builds the pack of the directory `dir`. `out` is the file to write, or a directory that gets
/// `<name>-<version>.zip`.
pub fn build_pack(dir: &Path, out: &Path, options: &Options<'_>) -> Result<Built, BuildError> {
    build_pack_of(&Origin::directory(dir)?, out, options)
}

/// Builds the pack of a directory or of a zip; `out` as for [`build_pack`].
pub fn build_pack_of(origin: &Origin, out: &Path, options: &Options<'_>) -> Result<Built, BuildError> {
    let manifest = manifest::parse(&origin.text, &origin.manifest)?;
    let out = out.strip_prefix(".").unwrap_or(out);
    let out = if out.as_os_str().is_empty() || out.is_dir() {
        out.join(format!("{}-{}.zip", manifest.pack.name, manifest.pack.version))
    } else {
        out.to_owned()
    };

    (options.progress)("gathering files");
    let made = origin.dir().map(|dir| made(dir, &out)).unwrap_or_default();
    let sources = gather(origin, &manifest, &made)?;
    let (text, plugins, found) = plugins::pin(&origin.text, &manifest, &sources)?;
    let mut warnings = [origin.warnings.clone(), found].concat();
    let mut addition = recipes(origin, &manifest, &sources, options)?;
    let commands = commands(origin, &manifest, &made, &mut addition, options)?;
    warnings.append(&mut addition.warnings);
    let tree = addition.onto(&sources)?;

    let (text, found) = platform::record(&text, &manifest, &tree);
    warnings.extend(found);
    let tree = with_manifest(&tree, &text)?;
    let provenance = Provenance {
        format: 1,
        silver: env!("CARGO_PKG_VERSION"),
        source: origin.dir().filter(|_| options.vcs).and_then(vcs::source),
        zip: origin.archive().map(|(file, digest)| Input { file: file.to_owned(), digest }),
        packages: std::mem::take(&mut addition.packages),
        commands,
        plugins: plugins.iter().map(|(file, digest)| Input { file: file.to_string(), digest: *digest }).collect(),
    };
    let sbom = bill::make(&manifest, std::mem::take(&mut addition.components), &plugins);
    let sealed =
        pack::seal(&tree, Some(&sbom.to_json()), Some(&provenance.to_json())).map_err(crate::sources::SourceError::from)?;
    let sealed = match options.sign {
        Some(key) => signed(&sealed, &manifest.pack, key)?,
        None => sealed,
    };

    (options.progress)("packing");
    Ok(Built { pack: publish(&sealed, &out)?, warnings })
}

/// What is fetched.
fn recipes(origin: &Origin, manifest: &Manifest, sources: &Snapshot, options: &Options<'_>) -> Result<Addition, BuildError> {
    let temporary = tempfile::tempdir().map_err(|source| BuildError::Write { path: "a temporary directory".into(), source })?;
    let downloads = options.downloads.as_deref().unwrap_or(temporary.path());
    let mut addition = Addition::default();
    if let Some(python) = &manifest.build.python {
        addition.merge(recipes::python::make(python, sources, downloads, options)?)?;
    }
    if let Some(npm) = &manifest.build.npm {
        (options.progress)("fetching packages with npm");
        addition.merge(recipes::npm::make(manifest, npm, sources, origin)?)?;
    }
    if let Some(debian) = &manifest.build.debian {
        let debs = Debs { cache: &downloads.join("debs"), folder: options.debs.as_deref() };
        let told = |pin: &str| (options.progress)(&format!("fetching {pin}"));
        addition.merge(recipes::debian::make(debian, sources, &debs, &told)?)?;
    }
    addition.scratch.push(temporary);
    Ok(addition)
}

/// What commands make, each where the results of those before it lie, too.
fn commands(
    origin: &Origin,
    manifest: &Manifest,
    made: &BTreeSet<TreePath>,
    addition: &mut Addition,
    options: &Options<'_>,
) -> Result<Vec<Ran>, BuildError> {
    let mut ran = Vec::new();
    for row in &manifest.build.command {
        (options.progress)(&format!("running {}", plain(&row.command.join(" "))));
        let inputs = inputs(origin, manifest, row, made)?;
        let outputs = recipes::command::make(row, &addition.onto(&inputs)?)?;
        // outputs take the place of what lay there
        for output in &row.outputs {
            let old: Vec<TreePath> =
                addition.listing.below(output).map(|(path, _)| path.clone()).chain([output.clone()]).collect();
            for path in old {
                addition.listing.remove(&path);
            }
        }
        addition
            .merge(outputs)
            .map_err(|source| CommandError::Clash { command: row.command.join(" "), source: source.into() })?;
        let outputs = row.outputs.iter().map(ToString::to_string).collect();
        ran.push(Ran { command: row.command.clone(), outputs });
    }
    Ok(ran)
}

/// What was sealed, with the publisher's signature; the pack digest stays.
fn signed(sealed: &Snapshot, info: &PackInfo, key: &SigningKey) -> Result<Snapshot, BuildError> {
    let lines = sealed.text(&TreePath::new(pack::TREE).unwrap_or_default())?;
    let (version, digest) = (info.version.to_string(), hash::sha256(lines.as_bytes()));
    let signature = key.sign(&Subject { id: &info.id, version: &version, digest }, &lines);
    Ok(pack::publish(sealed, &signature, key.rotations()).map_err(crate::sources::SourceError::from)?)
}

/// The packs that were made into the source directory before are no part of it.
fn made(dir: &Path, out: &Path) -> BTreeSet<TreePath> {
    let full = |path: &Path| path.canonicalize().ok();
    let inside = out.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    let inside = inside.and_then(full).zip(full(dir)).and_then(|(parent, dir)| Some(parent.strip_prefix(dir).ok()?.to_owned()));
    let path = inside.zip(out.file_name()).and_then(|(inside, name)| TreePath::new(inside.join(name).to_str()?).ok());
    path.into_iter().collect()
}

/// The tree with the completed manifest.
fn with_manifest(tree: &Snapshot, text: &str) -> Result<Snapshot, BuildError> {
    let (mut listing, mut own) = ((**tree.listing()).clone(), MemoryBlobs::new());
    let node = Node { kind: Kind::File, size: text.len() as u64, digest: own.put(text.as_bytes()) };
    let name = TreePath::new(manifest::FILE_NAME).unwrap_or_default();
    listing.insert(name, node).map_err(crate::sources::SourceError::from)?;
    let stores: Vec<Arc<dyn Blobs>> = vec![Arc::new(own), tree.blobs().clone()];
    Ok(Snapshot::new(listing, Arc::new(Layers::new(stores))))
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
mod recipe_tests;
#[cfg(test)]
mod tests;
