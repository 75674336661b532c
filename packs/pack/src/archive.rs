//! Zip archives: one validator for whatever is read, one writer whose output depends on nothing
//! but the tree.
//!
//! Reading parses the bytes once into a validated model and rejects, never repairs: every byte
//! belongs to exactly one header or content, both headers of an entry agree, every content was
//! inflated and hashed. Whoever holds an [`Archive`] need not ask again; later reads are checked
//! against the digests that were found here. A file is never in memory as a whole: headers are read
//! through a window, contents a piece at a time, on all processors. Of packs more is asked than of
//! other archives: [`Strictness`].
//!
//! The headers are read by hand after APPNOTE.TXT 6.3.10, because the validator compares the very
//! fields that zip libraries resolve and hide (disk numbers, both forms of zip64 values, raw
//! counts). Inflating is `zlib-rs`, which tells how much of its input it used; libdeflate, which
//! does not, could not show bytes after the end of a stream. Writing is libdeflate.

mod ahead;
mod central;
mod content;
mod end;
mod error;
mod fields;
mod header;
mod known;
mod layout;
mod location;
mod source;
mod strictness;
mod write;

pub use ahead::{Ahead, Front};
pub use error::ArchiveError;
pub use location::{Location, Method, ZipBlobs};
pub use strictness::Strictness;
pub use write::{WriteError, write};

use crate::{
    hash,
    limits::Limits,
    listing::{Listing, ListingError, Node, fold},
};
use rayon::prelude::*;
use silver_plugin_api::{Digest, TreePath};
use source::{OnDisk, Source, Window};
use std::{
    collections::{HashMap, HashSet},
    fs::File,
    path::Path,
    sync::Arc,
};

/// Stands for digests that are not known yet.
const UNKNOWN: Digest = Digest::from_bytes([0; 32]);
/// So many bytes are hashed at a time.
const PIECE: usize = 1 << 20;

/// Is given contents that were checked and hashed, each as a whole and perhaps more than once; long ones are left out.
/// Whether the archive that they are in is sound is not known yet.
pub type Keep<'a> = &'a (dyn Fn(&Digest, &[u8]) + Sync);

/// A validated archive: its tree, and where each content lies in its bytes.
#[derive(Debug)]
pub struct Archive {
    listing: Arc<Listing>,
    locations: Arc<HashMap<Digest, Location>>,
    digest: Digest,
    size: u64,
    /// What of it is not as silver writes it.
    deviation: Option<String>,
}

impl Archive {
    /// Validates the bytes of an archive.
    pub fn read(bytes: &[u8], strictness: Strictness, limits: &Limits) -> Result<Self, ArchiveError> {
        Self::of(&bytes, strictness, limits)
    }

    fn of(source: &dyn Source, strictness: Strictness, limits: &Limits) -> Result<Self, ArchiveError> {
        let (parsed, digest) = rayon::join(|| parse(source, limits, None), || hash_all(source));
        Self::found(source, parsed?, digest?, strictness)
    }

    fn found(source: &dyn Source, parsed: Parsed, digest: Digest, strictness: Strictness) -> Result<Self, ArchiveError> {
        let Parsed { listing, locations, deviation } = parsed;
        let (listing, locations) = (Arc::new(listing), Arc::new(locations));
        let archive = Self { listing, locations, digest, size: source.size(), deviation };
        archive.demand(strictness)?;
        Ok(archive)
    }

    /// Refuses what is sound, but not as it is asked here.
    pub fn demand(&self, strictness: Strictness) -> Result<(), ArchiveError> {
        strictness::demand(strictness, self.deviation.as_ref())
    }

    /// Files and links of the archive.
    pub fn listing(&self) -> &Arc<Listing> {
        &self.listing
    }

    /// Where the content with this digest lies.
    pub fn location(&self, digest: &Digest) -> Option<&Location> {
        self.locations.get(digest)
    }

    /// Where every content lies.
    pub fn locations(&self) -> &HashMap<Digest, Location> {
        &self.locations
    }

    /// sha256 of the archive's bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Bytes of the archive.
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// Validates the archive at `path` and keeps it open, so that its contents can be read later, each
/// by its digest.
pub fn open(path: &Path, strictness: Strictness, limits: &Limits) -> Result<(Archive, ZipBlobs), ArchiveError> {
    let file = open_file(path)?;
    let size = bounded(&file, path, limits)?;
    let archive = Archive::of(&OnDisk::new(&file, path, size), strictness, limits)?;
    let blobs = ZipBlobs::new(file, archive.locations.clone());
    Ok((archive, blobs))
}

/// Validates an archive that has arrived, and whose bytes were found to have this digest then: what was found `ahead` is
/// not looked at again.
pub fn arrived(ahead: &Ahead<'_>, digest: Digest, strictness: Strictness, limits: &Limits) -> Result<Archive, ArchiveError> {
    let (file, path) = ahead.place();
    let size = bounded(file, path, limits)?;
    let source = OnDisk::new(file, path, size);
    Archive::found(&source, parse(&source, limits, Some(ahead))?, digest, strictness)
}

fn bounded(file: &File, path: &Path, limits: &Limits) -> Result<u64, ArchiveError> {
    let size = file.metadata().map_err(source::failed(path))?.len();
    if size > limits.archive {
        return Err(ArchiveError::Limit { entry: path.display().to_string(), limit: limits.archive, of: "bytes of an archive" });
    }
    Ok(size)
}

/// As [`open`], for a file that is known to be the archive that was validated before: it is not read now. Contents
/// are checked when they are read, as they always are.
pub fn open_known(path: &Path, archive: Archive) -> Result<(Archive, ZipBlobs), ArchiveError> {
    let blobs = ZipBlobs::new(open_file(path)?, archive.locations.clone());
    Ok((archive, blobs))
}

fn open_file(path: &Path) -> Result<File, ArchiveError> {
    // asked before opening: opening a pipe would wait for its other end
    if !std::fs::metadata(path).map_err(source::failed(path))?.is_file() {
        return Err(ArchiveError::NotAFile { path: path.to_owned() });
    }
    File::open(path).map_err(source::failed(path))
}

fn hash_all(source: &dyn Source) -> Result<Digest, ArchiveError> {
    let mut hasher = hash::Hasher::new();
    let mut buffer = vec![0; PIECE];
    while hasher.length() < source.size() {
        let length = usize::try_from(source.size() - hasher.length()).map_or(PIECE, |left| left.min(PIECE));
        source.fill(hasher.length(), &mut buffer[..length])?;
        hasher.update(&buffer[..length]);
    }
    Ok(hasher.finish())
}

struct Parsed {
    listing: Listing,
    locations: HashMap<Digest, Location>,
    deviation: Option<String>,
}

fn parse(source: &dyn Source, limits: &Limits, ahead: Option<&Ahead<'_>>) -> Result<Parsed, ArchiveError> {
    let mut window = Window::new(source, central::PIECE);
    let end = end::find(&mut window, source.size())?;
    let entries = central::read(&mut window, &end, limits)?;
    drop(window);
    let mut listing = check_names(&entries)?;
    check_declared(source.size(), &entries, limits)?;
    let places = layout::check(source, &entries, end.directory)?;
    let contents: Vec<Result<Digest, ArchiveError>> = entries
        .par_iter()
        .zip(&places)
        .map_init(
            || content::Checker::new(source),
            |checker, (entry, place)| match ahead.and_then(|ahead| ahead.digest(entry, place.start)) {
                Some(digest) => Ok(digest),
                None => checker.check(entry, place.start, ahead.map(|ahead| ahead.keep)),
            },
        )
        .collect();
    let mut locations = HashMap::with_capacity(entries.len());
    for ((entry, place), digest) in entries.iter().zip(&places).zip(contents) {
        let digest = digest?;
        let Some(kind) = entry.kind else { continue };
        locations.entry(digest).or_insert(Location {
            offset: place.start,
            packed: entry.packed,
            size: entry.size,
            method: entry.method,
        });
        let node = Node { kind, size: entry.size, digest };
        listing.insert(entry.path.clone(), node).map_err(|source| clash(entry, source))?;
    }
    let local: Vec<bool> = places.iter().map(|place| place.as_written).collect();
    Ok(Parsed { listing, locations, deviation: strictness::deviation(&entries, &local, &end) })
}

fn clash(entry: &central::Entry, source: ListingError) -> ArchiveError {
    ArchiveError::Clash { entry: entry.name(), source }
}

/// Names go together, directories included, before a single content is looked at. The listing has no
/// digests yet.
fn check_names(entries: &[central::Entry]) -> Result<Listing, ArchiveError> {
    if let Some(listing) = ascending(entries) {
        return Ok(listing);
    }
    let mut listing = Listing::new();
    let mut seen: HashSet<&TreePath> = HashSet::with_capacity(entries.len());
    for entry in entries {
        if !seen.insert(&entry.path) {
            return Err(ArchiveError::Duplicate { entry: entry.name() });
        }
        if let Some(kind) = entry.kind {
            let node = Node { kind, size: entry.size, digest: UNKNOWN };
            listing.insert(entry.path.clone(), node).map_err(|source| clash(entry, source))?;
        }
    }
    let mut directories: HashMap<String, &TreePath> = HashMap::new();
    for entry in entries.iter().filter(|entry| entry.kind.is_none()) {
        listing.check_directory(&entry.path).map_err(|source| clash(entry, source))?;
        if let Some(other) = directories.insert(fold(&entry.path), &entry.path) {
            let source = ListingError::CaseClash { path: entry.path.to_string(), other: other.to_string() };
            return Err(clash(entry, source));
        }
    }
    Ok(listing)
}

/// What the headers declare is within the limits. Inflating stops at the declared size, so this
/// bounds what is really unpacked.
fn check_declared(size: u64, entries: &[central::Entry], limits: &Limits) -> Result<(), ArchiveError> {
    let mut total: u64 = 0;
    for entry in entries {
        let limit = |limit, of| ArchiveError::Limit { entry: entry.name(), limit, of };
        total = total.saturating_add(entry.size);
        if entry.size > limits.file {
            return Err(limit(limits.file, "bytes in one file"));
        }
        if total > limits.total {
            return Err(limit(limits.total, "bytes in all"));
        }
        if total > limits.ratio_from && total / limits.ratio > size {
            return Err(limit(limits.ratio, "unpacked bytes per packed byte"));
        }
    }
    Ok(())
}

/// The listing of files in the order in which silver writes them, unless something is wrong with it.
fn ascending(entries: &[central::Entry]) -> Option<Listing> {
    let nodes: Option<Vec<(TreePath, Node)>> = entries
        .iter()
        .map(|entry| Some((entry.path.clone(), Node { kind: entry.kind?, size: entry.size, digest: UNKNOWN })))
        .collect();
    let nodes = nodes.filter(|nodes| nodes.is_sorted_by(|(one, _), (next, _)| one < next))?;
    Listing::from_ascending(nodes).ok()
}

#[cfg(test)]
mod tests;
