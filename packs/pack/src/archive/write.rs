//! Writing: the bytes depend on the tree and on nothing else, not on the machine, the number of
//! processors, or who writes.
//!
//! Small contents are packed whole by libdeflate, many at once; big ones in pieces by zlib-rs, many
//! pieces at once, so that no big content has to be in memory. Both encoders give the same bytes on
//! every machine; their versions are pinned by `Cargo.lock`, and a test knows what they make.
//!
//! What is stored as it is: links, contents whose name has one of the suffixes of [`PACKED`], and
//! contents of which packing would save less than [`GAIN`].

mod pieces;

use super::{
    header::{self, Header},
    location::Method,
};
use crate::{
    listing::{Kind, Node},
    snapshot::{ReadError, Snapshot},
};
use libdeflater::{CompressionLvl, Compressor};
use pieces::PieceError;
use rayon::prelude::*;
use silver_plugin_api::TreePath;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// The level of libdeflate: packs are a little smaller than those of `zip -6`, in two thirds of its
/// processor time. Level 8 takes half as much again and saves one per cent.
const LEVEL: i32 = 6;
/// How many bytes of small contents are packed at a time, while those before are written.
const BATCH: u64 = 16 << 20;
/// Contents over this size are packed in pieces.
const BIG: u64 = 4 << 20;
/// A content is packed if that saves one byte of so many at least.
const GAIN: usize = 32;
/// Suffixes of contents that are packed already and gain nothing from being packed again.
const PACKED: [&str; 36] = [
    "7z", "aac", "apk", "avif", "br", "bz2", "deb", "docx", "epub", "flac", "gif", "gz", "heic", "jar", "jpeg", "jpg", "lz4",
    "m4a", "mkv", "mov", "mp3", "mp4", "odt", "ogg", "opus", "phar", "png", "tgz", "webm", "webp", "whl", "woff", "woff2", "xz",
    "zip", "zst",
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

/// Writes `tree` as an archive to where `to` stands, and returns how many bytes it has: entries
/// sorted by path bytes, timestamps 1980, modes 0644 and 0755, no extra fields. Contents are packed
/// on all processors; what is held in memory at once does not grow with the tree.
pub fn write(tree: &Snapshot, to: &mut (impl Write + Seek + Send)) -> Result<u64, WriteError> {
    let start = to.stream_position()?;
    let mut out = Archive { to, start, size: 0, directory: Vec::new(), entries: 0 };
    let nodes: Vec<(&TreePath, &Node)> = tree.listing().iter().collect();
    let mut rest = nodes.as_slice();
    let mut ready: Vec<Small> = Vec::new();
    loop {
        let (batch, after) = rest.split_at(batch_length(rest));
        let (written, packed) = rayon::join(
            || ready.drain(..).try_for_each(|small| out.small(&small)),
            || batch.par_iter().map_init(compressor, |compressor, (path, node)| small(tree, path, **node, compressor)).collect(),
        );
        written?;
        let packed: Result<Vec<Small>, ReadError> = packed;
        ready = packed?;
        rest = after;
        if let Some((&(path, node), after)) = rest.split_first().filter(|((_, node), _)| node.size > BIG) {
            ready.drain(..).try_for_each(|small| out.small(&small))?;
            out.big(tree, path, *node)?;
            rest = after;
        }
        if rest.is_empty() && ready.is_empty() {
            return out.finish();
        }
    }
}

/// How many of the first nodes are small and make a batch.
fn batch_length(nodes: &[(&TreePath, &Node)]) -> usize {
    let mut total = 0;
    let over = nodes.iter().position(|(_, node)| {
        total += node.size;
        node.size > BIG || total > BATCH
    });
    over.unwrap_or(nodes.len())
}

fn compressor() -> Compressor {
    // one of 0 to 12
    Compressor::new(CompressionLvl::new(LEVEL).unwrap_or_default())
}

/// A content that is ready to be written.
struct Small<'t> {
    path: &'t TreePath,
    node: Node,
    method: Method,
    crc: u32,
    content: Vec<u8>,
}

fn small<'t>(tree: &Snapshot, path: &'t TreePath, node: Node, compressor: &mut Compressor) -> Result<Small<'t>, ReadError> {
    let content = match node.kind {
        Kind::Link => tree.link_target(path)?.into_bytes(),
        Kind::File | Kind::Executable => {
            let mut content = Vec::with_capacity(usize::try_from(node.size).unwrap_or(0));
            tree.open(path)?.read_to_end(&mut content).map_err(|error| ReadError::io(path, error))?;
            content
        }
    };
    let crc = libdeflater::crc32(&content);
    if node.kind != Kind::Link && !is_packed(path) {
        // where the output does not fit, packing gains too little
        let mut packed = vec![0; content.len() - content.len().div_ceil(GAIN)];
        if let Ok(length) = compressor.deflate_compress(&content, &mut packed) {
            packed.truncate(length);
            return Ok(Small { path, node, method: Method::Deflate, crc, content: packed });
        }
    }
    Ok(Small { path, node, method: Method::Stored, crc, content })
}

/// Does the name say that the content is packed already?
fn is_packed(path: &TreePath) -> bool {
    let suffix = path.name().rsplit_once('.').map(|(_, suffix)| suffix.to_ascii_lowercase());
    suffix.is_some_and(|suffix| PACKED.binary_search(&suffix.as_str()).is_ok())
}

struct Archive<'a, W> {
    to: &'a mut W,
    /// Where the archive begins.
    start: u64,
    size: u64,
    /// The central headers.
    directory: Vec<u8>,
    entries: u64,
}

impl<W: Write + Seek> Archive<'_, W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.size += bytes.len() as u64;
        self.to.write_all(bytes)
    }

    fn small(&mut self, small: &Small<'_>) -> Result<(), WriteError> {
        let Small { path, node, method, crc, content } = small;
        let at = self.size;
        let header = header(path, *node, *method, *crc, content.len() as u64, at)?;
        self.put(&header.local())?;
        self.put(content)?;
        self.list(&header, at, path)
    }

    /// What stands in the header is known when the content has been written.
    fn big(&mut self, tree: &Snapshot, path: &TreePath, node: Node) -> Result<(), WriteError> {
        let at = self.size;
        self.put(&header(path, node, Method::Stored, 0, 0, at)?.local())?;
        let begin = self.size;
        let content = tree.open(path)?;
        let packed = pieces::pack(content, is_packed(path), &mut |bytes| {
            // asked before each piece: nothing is written that cannot be part of the archive
            header(path, node, Method::Stored, 0, self.size - begin + bytes.len() as u64, at)?;
            Ok(self.put(bytes)?)
        });
        let (method, crc) = packed.map_err(|error| match error {
            PieceError::Read(source) => ReadError::io(path, source).into(),
            PieceError::Write(error) => error,
        })?;
        let header = header(path, node, method, crc, self.size - begin, at)?;
        self.to.seek(SeekFrom::Start(self.start + at))?;
        self.to.write_all(&header.local())?;
        self.to.seek(SeekFrom::Start(self.start + self.size))?;
        self.list(&header, at, path)
    }

    /// Adds an entry that begins at `offset` to the directory.
    fn list(&mut self, header: &Header<'_>, offset: u64, path: &TreePath) -> Result<(), WriteError> {
        let offset = u32::try_from(offset).map_err(|_| WriteError::TooBig { path: path.clone() })?;
        self.directory.extend(header.central(offset));
        self.entries += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<u64, WriteError> {
        let too_big = |_| WriteError::TooBig { path: TreePath::root() };
        let (length, offset) =
            (u32::try_from(self.directory.len()).map_err(too_big)?, u32::try_from(self.size).map_err(too_big)?);
        let directory = std::mem::take(&mut self.directory);
        self.put(&directory)?;
        self.put(&header::end(self.entries, length, offset))?;
        self.to.flush()?;
        Ok(self.size)
    }
}

/// The header of an entry that begins at `offset` and has `packed` bytes of content.
fn header(path: &TreePath, node: Node, method: Method, crc: u32, packed: u64, offset: u64) -> Result<Header<'_>, WriteError> {
    let too_big = || WriteError::TooBig { path: path.clone() };
    let (length, size) = (u32::try_from(packed).ok(), u32::try_from(node.size).ok());
    let (length, size) = length.zip(size).ok_or_else(too_big)?;
    let header = Header { path: path.as_str(), kind: node.kind, method, crc, packed: length, size };
    if offset + packed + header.local().len() as u64 >= u64::from(u32::MAX) {
        return Err(too_big());
    }
    Ok(header)
}
