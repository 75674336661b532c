//! Zip archives: one validator for whatever is read, one writer whose output depends on nothing
//! but the tree.
//!
//! Reading parses the bytes once into a validated model and rejects, never repairs: every byte
//! belongs to exactly one header or content, both headers of an entry agree, every content was
//! inflated and hashed. Whoever holds an [`Archive`] need not ask again; later reads are checked
//! against the digests that were found here.
//!
//! The headers are read by hand after APPNOTE.TXT 6.3.10, because the validator compares the very
//! fields that zip libraries resolve and hide (disk numbers, both forms of zip64 values, raw
//! counts). Inflating is `zlib-rs`, which tells how much of its input it used; libdeflate, which
//! does not, could not show bytes after the end of a stream. Writing is libdeflate.

mod central;
mod content;
mod end;
mod error;
mod fields;
mod header;
mod layout;
mod location;
mod write;

pub use error::ArchiveError;
pub use location::{Location, Method, ZipBlobs};
pub use write::{WriteError, write};

use crate::{
    hash,
    limits::Limits,
    listing::{Kind, Listing, ListingError, Node, fold},
};
use rayon::prelude::*;
use silver_plugin_api::{Digest, TreePath};
use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{self, Read},
    path::Path,
};

/// A validated archive: its tree, and where each content lies in its bytes.
#[derive(Debug)]
pub struct Archive {
    listing: Listing,
    locations: HashMap<Digest, Location>,
    digest: Digest,
    size: u64,
}

impl Archive {
    /// Validates the bytes of an archive.
    pub fn read(bytes: &[u8], limits: &Limits) -> Result<Self, ArchiveError> {
        let (parsed, digest) = rayon::join(|| parse(bytes, limits), || hash::sha256(bytes));
        let (listing, locations) = parsed?;
        Ok(Self { listing, locations, digest, size: bytes.len() as u64 })
    }

    /// Files and links of the archive.
    pub fn listing(&self) -> &Listing {
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
pub fn open(path: &Path, limits: &Limits) -> Result<(Archive, ZipBlobs), ArchiveError> {
    let (file, bytes) = load(path, limits)?;
    let archive = Archive::read(&bytes, limits)?;
    let blobs = ZipBlobs::new(file, archive.locations.clone());
    Ok((archive, blobs))
}

fn load(path: &Path, limits: &Limits) -> Result<(File, Vec<u8>), ArchiveError> {
    let failed = |source: io::Error| ArchiveError::Io { path: path.to_owned(), source };
    // asked before opening: opening a pipe would wait for its other end
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(ArchiveError::NotAFile { path: path.to_owned() });
    }
    let mut file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    if size > limits.archive {
        return Err(ArchiveError::Limit { entry: path.display().to_string(), limit: limits.archive, of: "bytes of an archive" });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    (&mut file).take(limits.archive).read_to_end(&mut bytes).map_err(failed)?;
    Ok((file, bytes))
}

fn parse(bytes: &[u8], limits: &Limits) -> Result<(Listing, HashMap<Digest, Location>), ArchiveError> {
    let end = end::find(bytes)?;
    let entries = central::read(bytes, &end, limits)?;
    check_names(&entries)?;
    check_declared(bytes, &entries, limits)?;
    let starts = layout::check(bytes, &entries, end.directory)?;
    let contents: Vec<Result<Digest, ArchiveError>> = entries
        .par_iter()
        .zip(&starts)
        .map_init(content::Checker::new, |checker, (entry, start)| checker.check(bytes, entry, *start))
        .collect();
    let (mut listing, mut locations) = (Listing::new(), HashMap::new());
    for ((entry, start), digest) in entries.iter().zip(&starts).zip(contents) {
        let digest = digest?;
        let Some(kind) = entry.kind else { continue };
        locations.entry(digest).or_insert(Location {
            offset: *start,
            packed: entry.packed,
            size: entry.size,
            method: entry.method,
        });
        let node = Node { kind, size: entry.size, digest };
        listing.insert(entry.path.clone(), node).map_err(|source| clash(entry, source))?;
    }
    Ok((listing, locations))
}

fn clash(entry: &central::Entry, source: ListingError) -> ArchiveError {
    ArchiveError::Clash { entry: entry.name.clone(), source }
}

/// Names go together, directories included, before a single content is looked at.
fn check_names(entries: &[central::Entry]) -> Result<(), ArchiveError> {
    let nothing = Node { kind: Kind::File, size: 0, digest: Digest::from_bytes([0; 32]) };
    let mut listing = Listing::new();
    let mut seen: HashSet<&TreePath> = HashSet::with_capacity(entries.len());
    for entry in entries {
        if !seen.insert(&entry.path) {
            return Err(ArchiveError::Duplicate { entry: entry.name.clone() });
        }
        if entry.kind.is_some() {
            listing.insert(entry.path.clone(), nothing).map_err(|source| clash(entry, source))?;
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
    Ok(())
}

/// What the headers declare is within the limits. Inflating stops at the declared size, so this
/// bounds what is really unpacked.
fn check_declared(bytes: &[u8], entries: &[central::Entry], limits: &Limits) -> Result<(), ArchiveError> {
    let mut total: u64 = 0;
    for entry in entries {
        let limit = |limit, of| ArchiveError::Limit { entry: entry.name.clone(), limit, of };
        total = total.saturating_add(entry.size);
        if entry.size > limits.file {
            return Err(limit(limits.file, "bytes in one file"));
        }
        if total > limits.total {
            return Err(limit(limits.total, "bytes in all"));
        }
        if total > limits.ratio_from && total / limits.ratio > bytes.len() as u64 {
            return Err(limit(limits.ratio, "unpacked bytes per packed byte"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
