//! A builder of raw zip bytes, in which everything can be made wrong.

use libdeflater::{CompressionLvl, Compressor};

/// One entry; every field is written as it is given.
#[derive(Clone)]
pub(super) struct RawEntry {
    pub(super) local: Header,
    pub(super) central: Header,
    pub(super) content: Vec<u8>,
    /// Written after the content.
    pub(super) descriptor: Vec<u8>,
    pub(super) attributes: u32,
    pub(super) disk: u16,
    /// On which system it was made: 0 is DOS, 3 is Unix.
    pub(super) host: u8,
    /// Added to the offset in the central header.
    pub(super) shift: i64,
    /// Replaces the offset in the 32-bit field.
    pub(super) offset: Option<u32>,
    pub(super) in_local: bool,
    pub(super) in_central: bool,
}

#[derive(Clone, Default)]
pub(super) struct Header {
    pub(super) name: Vec<u8>,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed: u32,
    pub(super) size: u32,
    pub(super) extra: Vec<u8>,
}

pub(super) fn deflate(content: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(CompressionLvl::best());
    let mut packed = vec![0; compressor.deflate_compress_bound(content.len())];
    let length = compressor.deflate_compress(content, &mut packed).unwrap();
    packed.truncate(length);
    packed
}

impl RawEntry {
    pub(super) fn stored(name: &[u8], content: &[u8]) -> Self {
        Self::packed(name, content, content.to_vec(), 0)
    }

    pub(super) fn deflated(name: &[u8], content: &[u8]) -> Self {
        Self::packed(name, content, deflate(content), 8)
    }

    pub(super) fn link(name: &[u8], target: &[u8]) -> Self {
        Self { attributes: 0o120_777 << 16, ..Self::stored(name, target) }
    }

    pub(super) fn packed(name: &[u8], content: &[u8], packed: Vec<u8>, method: u16) -> Self {
        let header = Header {
            name: name.to_vec(),
            flags: if name.is_ascii() { 0 } else { 1 << 11 },
            method,
            crc: libdeflater::crc32(content),
            packed: u32::try_from(packed.len()).unwrap(),
            size: u32::try_from(content.len()).unwrap(),
            extra: Vec::new(),
        };
        let directory = name.ends_with(b"/");
        Self {
            local: header.clone(),
            central: header,
            content: packed,
            descriptor: Vec::new(),
            attributes: if directory { 0o040_755 << 16 | 0x10 } else { 0o100_644 << 16 },
            disk: 0,
            host: 3,
            shift: 0,
            offset: None,
            in_local: true,
            in_central: true,
        }
    }

    /// As a packer makes it that cannot seek: sizes and checksum after the content.
    pub(super) fn streamed(mut self, signature: bool, wide: bool) -> Self {
        for header in [&mut self.local, &mut self.central] {
            header.flags |= 1 << 3;
        }
        self.descriptor = if signature { b"PK\x07\x08".to_vec() } else { Vec::new() };
        self.descriptor.extend(self.central.crc.to_le_bytes());
        for value in [self.central.packed, self.central.size] {
            if wide {
                self.descriptor.extend(u64::from(value).to_le_bytes());
            } else {
                self.descriptor.extend(value.to_le_bytes());
            }
        }
        (self.local.crc, self.local.packed, self.local.size) = (0, 0, 0);
        self
    }

    /// With its sizes in zip64 fields.
    pub(super) fn zip64(mut self) -> Self {
        for header in [&mut self.local, &mut self.central] {
            header.extra = vec![1, 0, 16, 0];
            header.extra.extend(u64::from(header.size).to_le_bytes());
            header.extra.extend(u64::from(header.packed).to_le_bytes());
            (header.size, header.packed) = (u32::MAX, u32::MAX);
        }
        self
    }

    /// Changes both headers alike.
    pub(super) fn both(mut self, change: impl Fn(&mut Header)) -> Self {
        change(&mut self.local);
        change(&mut self.central);
        self
    }
}

#[derive(Clone, Default)]
pub(super) struct RawZip {
    pub(super) prefix: Vec<u8>,
    pub(super) entries: Vec<RawEntry>,
    /// Between the last content and the central directory.
    pub(super) gap: Vec<u8>,
    /// After the last central header, inside the central directory.
    pub(super) directory_gap: Vec<u8>,
    pub(super) comment: Vec<u8>,
    pub(super) suffix: Vec<u8>,
    pub(super) zip64: bool,
    /// Change the bytes of the end record (22), of the zip64 end record (56) and its locator (20).
    pub(super) end: Vec<(usize, u8)>,
    pub(super) end64: Vec<(usize, u8)>,
    pub(super) locator: Vec<(usize, u8)>,
}

impl RawZip {
    pub(super) fn of(entries: Vec<RawEntry>) -> Self {
        Self { entries, ..Self::default() }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = self.prefix.clone();
        let mut directory = Vec::new();
        let mut count = 0_u16;
        for entry in &self.entries {
            let offset = i64::try_from(out.len()).unwrap() + entry.shift;
            if entry.in_local {
                out.extend(b"PK\x03\x04\x14\x00");
                fields(&mut out, &entry.local);
                out.extend(&entry.local.name);
                out.extend(&entry.local.extra);
                out.extend(&entry.content);
                out.extend(&entry.descriptor);
            }
            if entry.in_central {
                count += 1;
                directory.extend(b"PK\x01\x02\x14");
                directory.push(entry.host);
                directory.extend(b"\x14\x00");
                fields(&mut directory, &entry.central);
                directory.extend([0; 2]); // comment
                directory.extend(entry.disk.to_le_bytes());
                directory.extend([0; 2]);
                directory.extend(entry.attributes.to_le_bytes());
                directory.extend(entry.offset.unwrap_or(u32::try_from(offset).unwrap()).to_le_bytes());
                directory.extend(&entry.central.name);
                directory.extend(&entry.central.extra);
            }
        }
        out.extend(&self.gap);
        let start = u32::try_from(out.len()).unwrap();
        directory.extend(&self.directory_gap);
        let length = u32::try_from(directory.len()).unwrap();
        out.extend(directory);
        if self.zip64 {
            let at = out.len() as u64;
            let mut record = b"PK\x06\x06".to_vec();
            record.extend(44_u64.to_le_bytes());
            record.extend([45, 3, 45, 0]);
            record.extend([0; 8]);
            for value in [u64::from(count), u64::from(count), u64::from(length), u64::from(start)] {
                record.extend(value.to_le_bytes());
            }
            let mut locator = b"PK\x06\x07\0\0\0\0".to_vec();
            locator.extend(at.to_le_bytes());
            locator.extend(1_u32.to_le_bytes());
            change(&mut record, &self.end64);
            change(&mut locator, &self.locator);
            out.extend(record);
            out.extend(locator);
        }
        let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
        if self.zip64 {
            end.extend([0xff; 12]);
        } else {
            end.extend(count.to_le_bytes());
            end.extend(count.to_le_bytes());
            end.extend(length.to_le_bytes());
            end.extend(start.to_le_bytes());
        }
        end.extend(u16::try_from(self.comment.len()).unwrap().to_le_bytes());
        change(&mut end, &self.end);
        out.extend(end);
        out.extend(&self.comment);
        out.extend(&self.suffix);
        out
    }
}

fn change(record: &mut [u8], changes: &[(usize, u8)]) {
    for (at, byte) in changes {
        record[*at] = *byte;
    }
}

fn fields(out: &mut Vec<u8>, header: &Header) {
    out.extend(header.flags.to_le_bytes());
    out.extend(header.method.to_le_bytes());
    out.extend([0, 0, 0x21, 0]);
    for value in [header.crc, header.packed, header.size] {
        out.extend(value.to_le_bytes());
    }
    out.extend(u16::try_from(header.name.len()).unwrap().to_le_bytes());
    out.extend(u16::try_from(header.extra.len()).unwrap().to_le_bytes());
}
