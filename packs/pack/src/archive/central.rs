//! The central directory: what the archive says it holds.

use super::{
    end::End,
    error::ArchiveError,
    fields::{Extra, Fields, NONE, shown},
    location::Method,
};
use crate::{limits::Limits, listing::Kind};
use silver_plugin_api::TreePath;

const SIGNATURE: u32 = 0x0201_4b50;
const LENGTH: usize = 46;

/// Encrypted content.
const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// Sizes and checksum follow the content in a data descriptor.
pub(super) const STREAMED: u16 = 1 << 3;
/// The name is UTF-8.
const UTF8: u16 = 1 << 11;
/// How hard the packer tried; says nothing about the content.
const EFFORT: u16 = 1 << 1 | 1 << 2;

/// An entry as its central header declares it.
pub(super) struct Entry {
    /// For people: the name with control characters escaped.
    pub(super) name: String,
    /// The name's bytes.
    pub(super) raw_name: Vec<u8>,
    pub(super) path: TreePath,
    /// `None`: a directory.
    pub(super) kind: Option<Kind>,
    pub(super) flags: u16,
    pub(super) method: Method,
    pub(super) crc: u32,
    pub(super) packed: u64,
    pub(super) size: u64,
    /// Offset of the local header.
    pub(super) offset: u64,
}

/// Reads every entry.
pub(super) fn read(bytes: &[u8], end: &End, limits: &Limits) -> Result<Vec<Entry>, ArchiveError> {
    if end.entries > limits.entries as u64 {
        let entry = "the central directory".to_owned();
        return Err(ArchiveError::Limit { entry, limit: limits.entries as u64, of: "entries" });
    }
    // `end` has checked that the directory lies inside the file
    let stop = end.directory + end.length;
    let directory = bytes.get(..usize::try_from(stop).unwrap_or(usize::MAX)).unwrap_or(bytes);
    let mut entries = Vec::new();
    let mut at = end.directory;
    while at < stop {
        if entries.len() as u64 >= end.entries {
            return Err(match Fields::at(directory, at, LENGTH, SIGNATURE) {
                Some(_) => ArchiveError::Count { of: "entries", said: end.entries, found: end.entries + 1 },
                None => ArchiveError::Unaccounted { at, length: stop - at },
            });
        }
        let (entry, next) = read_entry(directory, at)?;
        entries.push(entry);
        at = next;
    }
    if entries.len() as u64 != end.entries {
        return Err(ArchiveError::Count { of: "entries", said: end.entries, found: entries.len() as u64 });
    }
    Ok(entries)
}

fn read_entry(directory: &[u8], at: u64) -> Result<(Entry, u64), ArchiveError> {
    let cut = || ArchiveError::Header { what: "a central header", at };
    let mut fields = Fields::at(directory, at, LENGTH, SIGNATURE).ok_or_else(cut)?;
    fields.skip::<4>(); // versions
    let (flags, method) = (fields.u16(), fields.u16());
    fields.skip::<4>(); // time and date mean nothing to a tree
    let crc = fields.u32();
    let (mut packed, mut size) = (u64::from(fields.u32()), u64::from(fields.u32()));
    let (name_length, extra_length, comment_length) = (fields.u16(), fields.u16(), fields.u16());
    let disk = fields.u16();
    fields.skip::<2>(); // internal attributes
    let attributes = fields.u32();
    let mut offset = u64::from(fields.u32());

    let start = usize::try_from(at).map_err(|_| cut())? + LENGTH;
    let variable = directory.get(start..).unwrap_or_default();
    let (raw_name, rest) = variable.split_at_checked(usize::from(name_length)).ok_or_else(cut)?;
    let (extra, rest) = rest.split_at_checked(usize::from(extra_length)).ok_or_else(cut)?;
    if rest.len() < usize::from(comment_length) {
        return Err(cut());
    }
    let next = at + LENGTH as u64 + u64::from(name_length) + u64::from(extra_length) + u64::from(comment_length);

    if raw_name.is_empty() {
        return Err(ArchiveError::NoName { at });
    }
    let name = shown(raw_name);
    let extra = Extra::read(extra, &name)?;
    extra.check_unicode_path(raw_name, &name)?;
    extra.widen(&mut [&mut size, &mut packed, &mut offset], &name)?;
    if disk != 0 {
        return Err(ArchiveError::MultiDisk);
    }
    if flags & ENCRYPTED != 0 || extra.encrypted() {
        return Err(ArchiveError::Encrypted { entry: name });
    }
    let unknown = flags & !(ENCRYPTED | STREAMED | UTF8 | EFFORT);
    if unknown != 0 {
        return Err(ArchiveError::Flags { entry: name, flags: unknown });
    }
    let method = match method {
        0 => Method::Stored,
        8 => Method::Deflate,
        method => return Err(ArchiveError::Method { entry: name, method }),
    };
    let marked = flags & UTF8 != 0 || extra.has_unicode_path() || raw_name.is_ascii();
    let text = std::str::from_utf8(raw_name).ok().filter(|_| marked);
    let text = text.ok_or_else(|| ArchiveError::NotUtf8 { entry: name.clone() })?;
    let (path_text, directory) = text.strip_suffix('/').map_or((text, false), |path| (path, true));
    let path = TreePath::new(path_text).map_err(|source| ArchiveError::Name { entry: name.clone(), source })?;
    if path.is_root() {
        return Err(ArchiveError::NoName { at });
    }
    let kind = kind(attributes, directory, &name)?;
    if kind.is_none() && (size != 0 || packed != 0) {
        return Err(ArchiveError::DirectoryContent { entry: name });
    }
    if method == Method::Stored && size != packed {
        return Err(ArchiveError::Differs { entry: name, field: "size and packed size of stored content" });
    }
    debug_assert_eq!(NONE, u64::from(u32::MAX));
    Ok((Entry { name, raw_name: raw_name.to_owned(), path, kind, flags, method, crc, packed, size, offset }, next))
}

/// What the attributes make of an entry. The upper half is a Unix mode, whatever system the
/// archive says it was made on: some tools apply it regardless. Without one, a name that ends with
/// a slash is a directory and all else a file.
fn kind(attributes: u32, directory: bool, name: &str) -> Result<Option<Kind>, ArchiveError> {
    let mode = attributes >> 16;
    let wrong = |what| Err(ArchiveError::Kind { entry: name.to_owned(), what });
    for (bit, name_of_bit) in [(0o4000, "setuid"), (0o2000, "setgid"), (0o1000, "sticky")] {
        if mode & bit != 0 {
            return Err(ArchiveError::Mode { entry: name.to_owned(), bit: name_of_bit });
        }
    }
    if attributes & 0x10 != 0 && !directory {
        return wrong("a directory, but its name does not end with a slash");
    }
    let file = if mode & 0o100 == 0 { Kind::File } else { Kind::Executable };
    match (mode & 0o170_000, directory) {
        (0 | 0o040_000, true) => Ok(None),
        (0 | 0o100_000, false) => Ok(Some(file)),
        (0o120_000, false) => Ok(Some(Kind::Link)),
        (0o040_000, false) => wrong("a directory, but its name does not end with a slash"),
        (0o100_000 | 0o120_000, true) => wrong("not a directory, but its name ends with a slash"),
        (0o010_000, _) => wrong("a named pipe"),
        (0o020_000 | 0o060_000, _) => wrong("a device"),
        (0o140_000, _) => wrong("a socket"),
        _ => wrong("neither a file, a directory nor a link"),
    }
}
