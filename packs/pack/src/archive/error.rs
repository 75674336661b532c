//! Why an archive is refused.

use crate::listing::ListingError;
use silver_plugin_api::path::PathError;
use std::{io, path::PathBuf};

/// One variant per way in which an archive can be wrong. `entry` is the entry's name as the
/// archive gives it, with control characters escaped.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file could not be read.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A directory, a pipe, a device.
    #[error("`{}` is not a file", path.display())]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
    /// No end record: not an archive at all, or cut short.
    #[error("this is not a zip archive, or it was cut short: its end record is missing")]
    NoEnd,
    /// Two end records could both be the last one.
    #[error("there is more than one end record, at the bytes {first} and {second}")]
    TwoEnds {
        /// Offset of one.
        first: u64,
        /// Offset of the other.
        second: u64,
    },
    /// The archive's comment holds an end record.
    #[error("the archive's comment holds another end record, at byte {at}")]
    EndInComment {
        /// Offset of that one.
        at: u64,
    },
    /// Parts of the archive are said to be on another disk.
    #[error("the archive is spread over several disks")]
    MultiDisk,
    /// The end record counts otherwise than there is.
    #[error("the end record says {said} {of}, but there are {found}")]
    Count {
        /// What is counted.
        of: &'static str,
        /// What the record says.
        said: u64,
        /// What was found.
        found: u64,
    },
    /// The zip64 records are missing, or say otherwise than the plain ones.
    #[error("zip64: {why}")]
    Zip64 {
        /// What is wrong.
        why: &'static str,
    },
    /// A zip64 field of an entry.
    #[error("`{entry}`: the zip64 field {why}")]
    Zip64Field {
        /// Which entry.
        entry: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A header reaches beyond what may hold it.
    #[error("{what} at byte {at} is cut short or is not one")]
    Header {
        /// What was expected.
        what: &'static str,
        /// Offset.
        at: u64,
    },
    /// An entry without a name.
    #[error("the entry at byte {at} has no name")]
    NoName {
        /// Offset of its central header.
        at: u64,
    },
    /// A name that is not UTF-8, or not marked as such.
    #[error("`{entry}`: the name is not UTF-8, or not marked as UTF-8")]
    NotUtf8 {
        /// The name, its bytes escaped.
        entry: String,
    },
    /// A name that a tree cannot hold.
    #[error("`{entry}` cannot be the path of a file")]
    Name {
        /// Which entry.
        entry: String,
        /// Why.
        #[source]
        source: PathError,
    },
    /// The same name twice.
    #[error("`{entry}` is there twice")]
    Duplicate {
        /// Which entry.
        entry: String,
    },
    /// Names that do not go together.
    #[error("`{entry}` cannot stand beside another entry")]
    Clash {
        /// Which entry.
        entry: String,
        /// Which and why.
        #[source]
        source: ListingError,
    },
    /// Neither file, directory nor link; or the name says one thing and the mode another.
    #[error("`{entry}` is {what}")]
    Kind {
        /// Which entry.
        entry: String,
        /// What it is.
        what: &'static str,
    },
    /// A link that leads out of the tree.
    #[error("the link `{entry}` leads out of the pack, to `{target}`")]
    LinkOut {
        /// Which entry.
        entry: String,
        /// Its target, escaped.
        target: String,
    },
    /// A mode that gives more than the right to execute.
    #[error("`{entry}` has the {bit} bit")]
    Mode {
        /// Which entry.
        entry: String,
        /// `setuid`, `setgid` or `sticky`.
        bit: &'static str,
    },
    /// The content is encrypted.
    #[error("`{entry}` is encrypted")]
    Encrypted {
        /// Which entry.
        entry: String,
    },
    /// A general purpose flag that is not understood.
    #[error("`{entry}` has the unknown flags {flags:#06x}")]
    Flags {
        /// Which entry.
        entry: String,
        /// The flags that are not understood.
        flags: u16,
    },
    /// A method other than stored and deflate.
    #[error("`{entry}` is packed by the method {method}; only stored (0) and deflate (8) are read")]
    Method {
        /// Which entry.
        entry: String,
        /// The method's number.
        method: u16,
    },
    /// Extra fields that cannot be walked through.
    #[error("`{entry}` has broken extra fields")]
    Extra {
        /// Which entry.
        entry: String,
    },
    /// The Unicode path field names another file.
    #[error("`{entry}`: the Unicode path field gives another name")]
    UnicodePath {
        /// Which entry.
        entry: String,
    },
    /// Local and central header differ.
    #[error("`{entry}`: the two headers differ in the {field}")]
    Differs {
        /// Which entry.
        entry: String,
        /// In what.
        field: &'static str,
    },
    /// The data descriptor differs from the central header, or is missing.
    #[error("`{entry}`: the data descriptor after the content is missing or disagrees")]
    Descriptor {
        /// Which entry.
        entry: String,
    },
    /// An entry of the central directory whose local header is not there.
    #[error("`{entry}` is in the central directory, but not in the archive")]
    OnlyCentral {
        /// Which entry.
        entry: String,
    },
    /// A local entry that the central directory does not know.
    #[error("`{entry}` is in the archive, but not in the central directory")]
    OnlyLocal {
        /// Which entry.
        entry: String,
    },
    /// Two entries share bytes.
    #[error("`{entry}` and `{other}` share bytes")]
    Overlap {
        /// One.
        entry: String,
        /// The other.
        other: String,
    },
    /// Bytes that belong to nothing.
    #[error("{length} bytes at {at} belong to no entry")]
    Unaccounted {
        /// Offset.
        at: u64,
        /// How many.
        length: u64,
    },
    /// A directory with content.
    #[error("the directory `{entry}` has content")]
    DirectoryContent {
        /// Which entry.
        entry: String,
    },
    /// The content cannot be inflated.
    #[error("`{entry}`: the content is not a deflate stream")]
    Deflate {
        /// Which entry.
        entry: String,
    },
    /// More content than declared.
    #[error("`{entry}` is longer than the {size} bytes that its header declares")]
    Longer {
        /// Which entry.
        entry: String,
        /// Declared.
        size: u64,
    },
    /// Less content than declared.
    #[error("`{entry}` is {found} bytes, shorter than the {size} that its header declares")]
    Shorter {
        /// Which entry.
        entry: String,
        /// Declared.
        size: u64,
        /// Found.
        found: u64,
    },
    /// Bytes after the end of the deflate stream.
    #[error("`{entry}`: {length} bytes follow the end of the deflate stream")]
    Trailing {
        /// Which entry.
        entry: String,
        /// How many.
        length: u64,
    },
    /// Wrong checksum.
    #[error("`{entry}`: the checksum of the content is wrong")]
    Crc {
        /// Which entry.
        entry: String,
    },
    /// A sound archive, but not in the form that packs have (see [`super::Strictness`]).
    #[error("{what} not as silver writes it")]
    NotAsWritten {
        /// What, and `is` or `are`.
        what: String,
    },
    /// A bound against bombs.
    #[error("`{entry}` goes over the limit of {limit} {of}")]
    Limit {
        /// Where it was reached.
        entry: String,
        /// The limit.
        limit: u64,
        /// Of what.
        of: &'static str,
    },
}

impl ArchiveError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "check the path; a pack is made of a directory with `silver pack DIR`"
            }
            Self::Io { .. } => "check that you may read it",
            Self::NotAFile { .. } => "name a pack, a zip file; a directory becomes one with `silver pack DIR`",
            Self::NoEnd | Self::Crc { .. } | Self::Deflate { .. } | Self::Unaccounted { .. } => {
                "get a fresh copy; compare its sha256 with the publisher's"
            }
            Self::Clash { source, .. } => return source.hint(),
            Self::Encrypted { .. } => "ask the publisher for a pack that is not encrypted",
            Self::NotAsWritten { .. } => {
                "another tool has written this pack anew: get the publisher's own, or make one of it with `silver pack --from ZIP`"
            }
            Self::NotUtf8 { .. } => "make the archive again where the locale is UTF-8, or rename the file",
            Self::Method { .. } => "pack it again with deflate, as `zip -r` does",
            Self::Limit { .. } => "this is no ordinary pack; do not unpack it by other means either",
            _ => "do not use this archive: it was made by a broken tool, or to be read differently by different tools",
        };
        Some(hint.to_owned())
    }

    /// Are the bytes other than they should be (as opposed to a file that is no archive)?
    pub fn is_integrity(&self) -> bool {
        !matches!(self, Self::Io { .. } | Self::NotAFile { .. } | Self::NoEnd)
    }
}
