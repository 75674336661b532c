//! Writing: the bytes depend on the tree and on nothing else.

use super::{
    header::{self, Header},
    location::Method,
};
use crate::{
    hash::Hasher,
    listing::{Kind, Node},
    snapshot::{ReadError, Snapshot},
};
use libdeflater::{CompressionLvl, Compressor};
use rayon::prelude::*;
use silver_plugin_api::{Digest, TreePath};
use std::io::{self, Read, Write};

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
    let header = Header { path, kind: node.kind, method: packed.method, crc: packed.crc, packed: length, size };
    out.put(&header.local())?;
    out.put(&packed.content)?;

    directory.extend(header.central(offset));
    Ok(())
}

fn finish(out: &mut Counted<'_>, directory: &[u8], entries: usize) -> Result<(), WriteError> {
    let too_big = |_| WriteError::TooBig { path: TreePath::root() };
    let (offset, length) =
        (u32::try_from(out.hasher.length()).map_err(too_big)?, u32::try_from(directory.len()).map_err(too_big)?);
    out.put(directory)?;
    out.put(&header::end(entries as u64, length, offset))?;
    out.to.flush()?;
    Ok(())
}
