//! The central directory: what the archive says it holds.

use super::{
    end::End,
    error::ArchiveError,
    fields::{Extra, Fields, shown},
    header::Header,
    location::Method,
    source::Window,
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
/// Systems on which a name is the bytes that the file system has, and that are UTF-8 today: Unix and macOS. Info-ZIP
/// does not mark them. From elsewhere a name that is not marked may be of any code page.
const UNIX: [u8; 2] = [3, 19];
/// How hard the packer tried; says nothing about the content.
const EFFORT: u16 = 1 << 1 | 1 << 2;

/// So many bytes of the directory are read at a time.
pub(super) const PIECE: usize = 256 * 1024;

/// An entry as its central header declares it.
pub(super) struct Entry {
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
    /// Is the central header as silver writes it?
    pub(super) as_written: bool,
}

impl Entry {
    /// The name in the headers; a path has nothing that a terminal must not be shown.
    pub(super) fn name(&self) -> String {
        let slash = if self.kind.is_none() { "/" } else { "" };
        format!("{}{slash}", self.path)
    }

    /// Is this the name?
    pub(super) fn is_named(&self, name: &[u8]) -> bool {
        let path = if self.kind.is_none() { name.strip_suffix(b"/") } else { Some(name) };
        path == Some(self.path.as_bytes())
    }

    /// The headers that silver would write; `None` for what it would not write at all.
    pub(super) fn header(&self) -> Option<Header<'_>> {
        let (packed, size) = (u32::try_from(self.packed).ok()?, u32::try_from(self.size).ok()?);
        Some(Header { path: &self.path, kind: self.kind?, method: self.method, crc: self.crc, packed, size })
    }
}

/// Reads every entry.
pub(super) fn read(window: &mut Window<'_>, end: &End, limits: &Limits) -> Result<Vec<Entry>, ArchiveError> {
    if end.entries > limits.entries as u64 {
        let entry = "the central directory".to_owned();
        return Err(ArchiveError::Limit { entry, limit: limits.entries as u64, of: "entries" });
    }
    // `end` has checked that the directory lies inside the source
    let stop = end.directory + end.length;
    let mut entries = Vec::new();
    let mut at = end.directory;
    while at < stop {
        if entries.len() as u64 >= end.entries {
            let more = stop - at >= LENGTH as u64 && window.get(at, 4)?.is_some_and(|bytes| bytes == SIGNATURE.to_le_bytes());
            return Err(if more {
                ArchiveError::Count { of: "entries", said: end.entries, found: end.entries + 1 }
            } else {
                ArchiveError::Unaccounted { at, length: stop - at }
            });
        }
        let (entry, next) = read_entry(window, at, stop)?;
        entries.push(entry);
        at = next;
    }
    if entries.len() as u64 != end.entries {
        return Err(ArchiveError::Count { of: "entries", said: end.entries, found: entries.len() as u64 });
    }
    Ok(entries)
}

fn read_entry(window: &mut Window<'_>, at: u64, stop: u64) -> Result<(Entry, u64), ArchiveError> {
    let cut = || ArchiveError::Header { what: "a central header", at };
    let fixed = window.get(at, LENGTH)?.and_then(|header| Fields::of(header, SIGNATURE)).filter(|_| stop - at >= LENGTH as u64);
    let mut lengths = fixed.ok_or_else(cut)?;
    lengths.skip::<24>();
    let (name_length, extra_length, comment_length) = (lengths.u16(), lengths.u16(), lengths.u16());
    let length = LENGTH + usize::from(name_length) + usize::from(extra_length) + usize::from(comment_length);
    let next = at + length as u64;
    let header = window.get(at, length)?.filter(|_| next <= stop).ok_or_else(cut)?;

    let mut fields = Fields::of(header, SIGNATURE).ok_or_else(cut)?;
    let made_by = fields.u16();
    fields.skip::<2>(); // version needed
    let (flags, method) = (fields.u16(), fields.u16());
    fields.skip::<4>(); // time and date mean nothing to a tree
    let crc = fields.u32();
    let (mut packed, mut size) = (u64::from(fields.u32()), u64::from(fields.u32()));
    fields.skip::<6>(); // lengths
    let disk = fields.u16();
    fields.skip::<2>(); // internal attributes
    let attributes = fields.u32();
    let mut offset = u64::from(fields.u32());
    let (raw_name, rest) = header[LENGTH..].split_at(usize::from(name_length));
    let extra = &rest[..usize::from(extra_length)];

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
    let unix = UNIX.contains(&made_by.to_be_bytes()[0]);
    let marked = flags & UTF8 != 0 || extra.has_unicode_path() || raw_name.is_ascii() || unix;
    let text = std::str::from_utf8(raw_name).ok().filter(|_| marked);
    let text = text.ok_or_else(|| ArchiveError::NotUtf8 { entry: name.clone() })?;
    let (path_text, directory) = text.strip_suffix('/').map_or((text, false), |path| (path, true));
    let path = TreePath::new(path_text).map_err(|source| ArchiveError::Name { entry: name.clone(), source })?;
    if path.is_root() {
        return Err(ArchiveError::NoName { at });
    }
    let kind = kind(attributes, directory, &name)?;
    // Java deflates nothing for a directory, which takes two bytes: inflating them shows that it is nothing
    if kind.is_none() && (size != 0 || method == Method::Stored && packed != 0) {
        return Err(ArchiveError::DirectoryContent { entry: name });
    }
    if method == Method::Stored && size != packed {
        return Err(ArchiveError::Differs { entry: name, field: "size and packed size of stored content" });
    }
    let mut entry = Entry { path, kind, flags, method, crc, packed, size, offset, as_written: false };
    let written = entry.header().and_then(|header| Some(header.central(u32::try_from(offset).ok()?)));
    entry.as_written = written.as_deref() == Some(header);
    Ok((entry, next))
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
