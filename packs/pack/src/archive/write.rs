//! Writing: the bytes depend on the tree and on nothing else.

use super::location::Method;
use crate::{
    hash::Hasher,
    listing::{Kind, Node},
    snapshot::{ReadError, Snapshot},
};
use libdeflater::{CompressionLvl, Compressor};
use rayon::prelude::*;
use silver_plugin_api::{Digest, TreePath};
use std::io::{self, Read, Write};

/// 1980-01-01, the first day that the format knows.
const DATE: u16 = 1 << 5 | 1;
/// Unix, version 2.0.
const MADE_BY: u16 = 0x0314;
const NEEDED: u16 = 20; // 2.0: deflate
const UTF8: u16 = 1 << 11;
/// How many bytes are packed at a time, so that memory stays bounded.
const BATCH: u64 = 128 << 20;
/// Contents that are packed already gain nothing from being packed again.
const PACKED: [&str; 22] = [
    "7z", "avif", "br", "bz2", "gif", "gz", "jar", "jpeg", "jpg", "mp3", "mp4", "ogg", "png", "tgz", "webm", "webp", "whl",
    "woff", "woff2", "xz", "zip", "zst",
];

/// Why an archive could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file of the tree could not be read.
    #[error("cannot pack a file")]
    Read(#[from] ReadError),
    /// The archive could not be written.
    #[error("cannot write the archive")]
    Write(#[from] io::Error),
    /// The archive would need 64-bit offsets.
    #[error("the archive grows over 4 GiB at `{path}`")]
    TooBig {
        /// Where.
        path: TreePath,
    },
}

impl WriteError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::TooBig { .. } => Some("leave out what can be fetched or made on the node".to_owned()),
            Self::Read(error) => error.hint(),
            Self::Write(_) => None,
        }
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// sha256 of the archive's bytes.
    pub digest: Digest,
    /// How many bytes.
    pub size: u64,
}

/// Writes `tree` as an archive: entries sorted by path bytes, timestamps 1980, modes 0644 and 0755,
/// no extra fields, deflate unless that gains nothing. Contents are packed on all processors.
pub fn write(tree: &Snapshot, to: &mut dyn Write) -> Result<Written, WriteError> {
    let mut out = Counted { to, hasher: Hasher::new() };
    let mut directory = Vec::new();
    let nodes: Vec<(&TreePath, &Node)> = tree.listing().iter().collect();
    let mut rest = nodes.as_slice();
    while !rest.is_empty() {
        let (batch, after) = rest.split_at(batch_length(rest));
        let packed: Vec<Result<Packed, ReadError>> = batch
            .par_iter()
            .map_init(|| Compressor::new(CompressionLvl::best()), |compressor, (path, node)| pack(tree, path, node, compressor))
            .collect();
        for ((path, node), packed) in batch.iter().zip(packed) {
            member(&mut out, &mut directory, path, node, &packed?)?;
        }
        rest = after;
    }
    finish(&mut out, &directory, nodes.len())?;
    let size = out.hasher.length();
    Ok(Written { digest: out.hasher.finish(), size })
}

struct Counted<'a> {
    to: &'a mut dyn Write,
    hasher: Hasher,
}

impl Counted<'_> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.to.write_all(bytes)
    }
}

struct Packed {
    method: Method,
    crc: u32,
    content: Vec<u8>,
}

/// How many of the first nodes make a batch; at least one.
fn batch_length(nodes: &[(&TreePath, &Node)]) -> usize {
    let mut total = 0;
    let over = nodes.iter().position(|(_, node)| {
        total += node.size;
        total > BATCH
    });
    over.unwrap_or(nodes.len()).max(1)
}

fn pack(tree: &Snapshot, path: &TreePath, node: &Node, compressor: &mut Compressor) -> Result<Packed, ReadError> {
    let content = match node.kind {
        Kind::Link => tree.link_target(path)?.into_bytes(),
        Kind::File | Kind::Executable => {
            let mut content = Vec::new();
            tree.open(path)?.read_to_end(&mut content).map_err(|error| ReadError::io(path, error))?;
            content
        }
    };
    let crc = libdeflater::crc32(&content);
    let suffix = path.name().rsplit_once('.').map(|(_, suffix)| suffix.to_ascii_lowercase());
    if node.kind == Kind::Link || suffix.is_some_and(|suffix| PACKED.binary_search(&suffix.as_str()).is_ok()) {
        return Ok(Packed { method: Method::Stored, crc, content });
    }
    // an output that must be smaller than the input: where it does not fit, packing gains nothing
    let mut packed = vec![0; content.len().saturating_sub(1)];
    match compressor.deflate_compress(&content, &mut packed) {
        Ok(length) => {
            packed.truncate(length);
            Ok(Packed { method: Method::Deflate, crc, content: packed })
        }
        Err(_) => Ok(Packed { method: Method::Stored, crc, content }),
    }
}

/// Writes local header and content, and adds the central header to `directory`.
fn member(
    out: &mut Counted<'_>,
    directory: &mut Vec<u8>,
    path: &TreePath,
    node: &Node,
    packed: &Packed,
) -> Result<(), WriteError> {
    let too_big = |_| WriteError::TooBig { path: path.clone() };
    let length = u32::try_from(packed.content.len()).map_err(too_big)?;
    let size = u32::try_from(node.size).map_err(too_big)?;
    let offset = u32::try_from(out.hasher.length()).map_err(too_big)?;
    let after = out.hasher.length() + u64::from(length) + 30 + path.len() as u64;
    if after >= u64::from(u32::MAX) {
        return Err(WriteError::TooBig { path: path.clone() });
    }
    // a path is at most 1,024 bytes
    let name_length = u16::try_from(path.len()).unwrap_or(u16::MAX);
    let mode: u32 = match node.kind {
        Kind::File => 0o100_644,
        Kind::Executable => 0o100_755,
        Kind::Link => 0o120_777,
    };
    let mut shared = Vec::with_capacity(26);
    shared.extend(NEEDED.to_le_bytes());
    shared.extend(if path.is_ascii() { 0 } else { UTF8 }.to_le_bytes());
    shared.extend((packed.method as u16).to_le_bytes());
    shared.extend(0_u16.to_le_bytes());
    shared.extend(DATE.to_le_bytes());
    shared.extend(packed.crc.to_le_bytes());
    shared.extend(length.to_le_bytes());
    shared.extend(size.to_le_bytes());
    shared.extend(name_length.to_le_bytes());
    shared.extend(0_u16.to_le_bytes()); // no extra fields

    out.put(b"PK\x03\x04")?;
    out.put(&shared)?;
    out.put(path.as_bytes())?;
    out.put(&packed.content)?;

    directory.extend(b"PK\x01\x02");
    directory.extend(MADE_BY.to_le_bytes());
    directory.extend(shared);
    directory.extend([0; 6]); // no comment, disk 0, no internal attributes
    directory.extend((mode << 16).to_le_bytes());
    directory.extend(offset.to_le_bytes());
    directory.extend(path.as_bytes());
    Ok(())
}

fn finish(out: &mut Counted<'_>, directory: &[u8], entries: usize) -> Result<(), WriteError> {
    let offset = out.hasher.length();
    let too_big = |_| WriteError::TooBig { path: TreePath::root() };
    let (small_offset, length) = (u32::try_from(offset).map_err(too_big)?, u32::try_from(directory.len()).map_err(too_big)?);
    out.put(directory)?;
    let small_entries = u16::try_from(entries).ok().filter(|entries| *entries != u16::MAX);
    if small_entries.is_none() {
        let at = out.hasher.length();
        out.put(b"PK\x06\x06")?;
        out.put(&44_u64.to_le_bytes())?;
        out.put(&MADE_BY.to_le_bytes())?;
        out.put(&45_u16.to_le_bytes())?;
        out.put(&[0; 8])?; // disks
        for value in [entries as u64, entries as u64, directory.len() as u64, offset] {
            out.put(&value.to_le_bytes())?;
        }
        out.put(b"PK\x06\x07")?;
        out.put(&0_u32.to_le_bytes())?;
        out.put(&at.to_le_bytes())?;
        out.put(&1_u32.to_le_bytes())?;
    }
    let small_entries = small_entries.unwrap_or(u16::MAX).to_le_bytes();
    out.put(b"PK\x05\x06")?;
    out.put(&[0; 4])?; // disks
    out.put(&small_entries)?;
    out.put(&small_entries)?;
    out.put(&length.to_le_bytes())?;
    out.put(&small_offset.to_le_bytes())?;
    out.put(&[0; 2])?; // no comment
    out.to.flush()?;
    Ok(())
}
