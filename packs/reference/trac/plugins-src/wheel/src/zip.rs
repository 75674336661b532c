//! One small file out of a wheel, without reading the rest of it: the archive's directory stands at
//! its end, and trees are read by range.
//!
//! This is no safety boundary: the host has verified the wheel's digest, and pip is what installs it.

use silver_plugin::{Failure, Tree, TreePath};
use std::fmt;

/// The most that an archive's directory may take.
const MAX_DIRECTORY: u64 = 8 << 20;
/// The most that a file that is looked into may hold.
const MAX_CONTENT: usize = 1 << 20;
/// End-of-directory record without a comment, and with the longest one.
const END: usize = 22;
const END_WITH_COMMENT: u64 = END as u64 + 0xffff;

/// Why a wheel cannot be read.
#[derive(Debug)]
pub enum ZipError {
    /// The tree does not give it.
    Tree(Failure),
    /// It is no zip archive, or one of a kind that wheels are not.
    Format(&'static str),
}

impl fmt::Display for ZipError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree(failure) => failure.fmt(f),
            Self::Format(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for ZipError {}

impl From<Failure> for ZipError {
    fn from(failure: Failure) -> Self {
        Self::Tree(failure)
    }
}

/// The content of the first file of the archive at `path` whose name `wanted` says yes to.
pub(crate) fn find(tree: &dyn Tree, path: &TreePath, wanted: impl Fn(&str) -> bool) -> Result<Option<Vec<u8>>, ZipError> {
    let size = tree.stat(path).ok_or_else(|| Failure::NotFound(path.to_string()))?.size;
    let directory = directory(tree, path, size)?;
    let mut rest = directory.as_slice();
    while !rest.is_empty() {
        let entry = Entry::parse(&mut rest)?;
        if wanted(&entry.name) {
            return content(tree, path, &entry).map(Some);
        }
    }
    Ok(None)
}

/// The central directory.
fn directory(tree: &dyn Tree, path: &TreePath, size: u64) -> Result<Vec<u8>, ZipError> {
    let length = size.min(END_WITH_COMMENT);
    let tail = range(tree, path, size - length, length)?;
    let end = tail.windows(4).rposition(|window| window == b"PK\x05\x06").ok_or(ZipError::Format("it is no zip archive"))?;
    let end = tail.get(end..end + END).ok_or(ZipError::Format("it is cut off"))?;
    let (length, offset) = (u64::from(word(end, 12)?), u64::from(word(end, 16)?));
    if length > MAX_DIRECTORY || offset.saturating_add(length) > size {
        return Err(ZipError::Format("its directory does not lie inside of it"));
    }
    range(tree, path, offset, length)
}

/// What the directory says of a file.
struct Entry {
    name: String,
    method: u16,
    packed: u64,
    offset: u64,
}

impl Entry {
    /// Takes one from the front.
    fn parse(rest: &mut &[u8]) -> Result<Self, ZipError> {
        if !rest.starts_with(b"PK\x01\x02") {
            return Err(ZipError::Format("its directory is damaged"));
        }
        let name_end = 46 + usize::from(half(rest, 28)?);
        let end = name_end + usize::from(half(rest, 30)?) + usize::from(half(rest, 32)?);
        let name = rest.get(46..name_end).ok_or(ZipError::Format("its directory is cut off"))?;
        let entry = Self {
            name: String::from_utf8_lossy(name).into_owned(),
            method: half(rest, 10)?,
            packed: u64::from(word(rest, 20)?),
            offset: u64::from(word(rest, 42)?),
        };
        *rest = rest.get(end..).ok_or(ZipError::Format("its directory is cut off"))?;
        Ok(entry)
    }
}

fn content(tree: &dyn Tree, path: &TreePath, entry: &Entry) -> Result<Vec<u8>, ZipError> {
    let header = range(tree, path, entry.offset, 30)?;
    let start = entry.offset + 30 + u64::from(half(&header, 26)?) + u64::from(half(&header, 28)?);
    if entry.packed > MAX_CONTENT as u64 {
        return Err(ZipError::Format("a file in it is too large to be looked into"));
    }
    let packed = range(tree, path, start, entry.packed)?;
    match entry.method {
        0 => Ok(packed),
        8 => miniz_oxide::inflate::decompress_to_vec_with_limit(&packed, MAX_CONTENT)
            .map_err(|_| ZipError::Format("a file in it is damaged or too large to be looked into")),
        _ => Err(ZipError::Format("a file in it is packed in a way that wheels do not use")),
    }
}

/// Exactly this range.
fn range(tree: &dyn Tree, path: &TreePath, offset: u64, length: u64) -> Result<Vec<u8>, ZipError> {
    let cut = ZipError::Format("it is cut off");
    let Ok(wanted) = u32::try_from(length) else { return Err(cut) };
    let bytes = tree.read_range(path, offset, wanted)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(cut) }
}

fn half(bytes: &[u8], at: usize) -> Result<u16, ZipError> {
    let bytes = bytes.get(at..at + 2).and_then(|bytes| bytes.try_into().ok());
    bytes.map(u16::from_le_bytes).ok_or(ZipError::Format("it is cut off"))
}

fn word(bytes: &[u8], at: usize) -> Result<u32, ZipError> {
    let bytes = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    bytes.map(u32::from_le_bytes).ok_or(ZipError::Format("it is cut off"))
}
