//! Headers as silver writes them. The writer writes them; of a pack the reader demands them.

use super::location::Method;
use crate::listing::Kind;

/// 1980-01-01, the first day that the format knows, at midnight.
const TIME: [u8; 4] = [0, 0, 1 << 5 | 1, 0];
/// Unix, version 2.0.
const MADE_BY: u16 = 0x0314;
const NEEDED: u16 = 20; // 2.0: deflate
const UTF8: u16 = 1 << 11;

/// What the headers of an entry say.
pub(super) struct Header<'a> {
    pub(super) path: &'a str,
    pub(super) kind: Kind,
    pub(super) method: Method,
    pub(super) crc: u32,
    pub(super) packed: u32,
    pub(super) size: u32,
}

impl Header<'_> {
    /// The local header, with the name.
    pub(super) fn local(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(30 + self.path.len());
        bytes.extend(b"PK\x03\x04");
        self.shared(&mut bytes);
        bytes.extend(self.path.as_bytes());
        bytes
    }

    /// The central header, with the name. `offset` is where the local header is.
    pub(super) fn central(&self, offset: u32) -> Vec<u8> {
        let mode: u32 = match self.kind {
            Kind::File => 0o100_644,
            Kind::Executable => 0o100_755,
            Kind::Link => 0o120_777,
        };
        let mut bytes = Vec::with_capacity(46 + self.path.len());
        bytes.extend(b"PK\x01\x02");
        bytes.extend(MADE_BY.to_le_bytes());
        self.shared(&mut bytes);
        bytes.extend([0; 6]); // no comment, disk 0, no internal attributes
        bytes.extend((mode << 16).to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        bytes.extend(self.path.as_bytes());
        bytes
    }

    fn shared(&self, bytes: &mut Vec<u8>) {
        bytes.extend(NEEDED.to_le_bytes());
        bytes.extend(if self.path.is_ascii() { 0 } else { UTF8 }.to_le_bytes());
        bytes.extend((self.method as u16).to_le_bytes());
        bytes.extend(TIME);
        bytes.extend(self.crc.to_le_bytes());
        bytes.extend(self.packed.to_le_bytes());
        bytes.extend(self.size.to_le_bytes());
        // a path is at most 1,024 bytes
        bytes.extend(u16::try_from(self.path.len()).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend([0; 2]); // no extra fields
    }
}

/// All that follows the central headers: `entries` of them, `length` bytes from `offset` on.
pub(super) fn end(entries: u64, length: u32, offset: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let small = u16::try_from(entries).ok().filter(|entries| *entries != u16::MAX);
    if small.is_none() {
        bytes.extend(b"PK\x06\x06");
        bytes.extend(44_u64.to_le_bytes());
        bytes.extend(MADE_BY.to_le_bytes());
        bytes.extend(45_u16.to_le_bytes()); // 4.5: zip64
        bytes.extend([0; 8]); // disks
        for value in [entries, entries, length.into(), offset.into()] {
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend(b"PK\x06\x07");
        bytes.extend(0_u32.to_le_bytes());
        bytes.extend((u64::from(offset) + u64::from(length)).to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
    }
    let small = small.unwrap_or(u16::MAX).to_le_bytes();
    bytes.extend(b"PK\x05\x06");
    bytes.extend([0; 4]); // disks
    bytes.extend(small);
    bytes.extend(small);
    bytes.extend(length.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes.extend([0; 2]); // no comment
    bytes
}
