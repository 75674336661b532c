//! The end of an archive: where its central directory is.

use super::{error::ArchiveError, fields::Fields};

const SIGNATURE: u32 = 0x0605_4b50;
const SIGNATURE_BYTES: [u8; 4] = *b"PK\x05\x06";
const LENGTH: usize = 22;
const LOCATOR: u32 = 0x0706_4b50;
const LOCATOR_LENGTH: u64 = 20;
const ZIP64: u32 = 0x0606_4b50;
const ZIP64_LENGTH: u64 = 56;

/// Where the central directory is and what it is said to hold.
pub(super) struct End {
    /// Offset of the central directory.
    pub(super) directory: u64,
    /// Its length.
    pub(super) length: u64,
    /// How many entries.
    pub(super) entries: u64,
}

/// Finds the end record: the last one of the file, reaching exactly to its end.
pub(super) fn find(bytes: &[u8]) -> Result<End, ArchiveError> {
    let tail = bytes.len().saturating_sub(LENGTH + usize::from(u16::MAX));
    let mut ends = memmem(&bytes[tail..]).map(|at| tail + at);
    let last = ends.next().ok_or(ArchiveError::NoEnd)?;
    let reach = |at: usize| {
        let comment = bytes.get(at + 20..at + 22)?;
        Some(at + LENGTH + usize::from(u16::from_le_bytes([comment[0], comment[1]])))
    };
    let other = ends.find(|at| reach(*at) == Some(bytes.len()));
    match (reach(last), other) {
        (Some(end), Some(other)) if end == bytes.len() => Err(ArchiveError::TwoEnds { first: other, second: last }),
        (_, Some(_)) => Err(ArchiveError::EndInComment { at: last }),
        (Some(end), None) if end == bytes.len() => read(bytes, last),
        (Some(end), None) if end < bytes.len() => {
            Err(ArchiveError::Unaccounted { at: end as u64, length: (bytes.len() - end) as u64 })
        }
        _ => Err(ArchiveError::Header { what: "an end record", at: last as u64 }),
    }
}

/// Offsets of end signatures, from the last to the first.
fn memmem(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    bytes.windows(4).enumerate().rev().filter(|(_, window)| *window == SIGNATURE_BYTES).map(|(at, _)| at)
}

fn read(bytes: &[u8], at: usize) -> Result<End, ArchiveError> {
    let at = at as u64;
    let header = || ArchiveError::Header { what: "an end record", at };
    let mut fields = Fields::at(bytes, at, LENGTH, SIGNATURE).ok_or_else(header)?;
    let (disk, directory_disk) = (fields.u16(), fields.u16());
    let (here, entries) = (fields.u16(), fields.u16());
    let (length, directory) = (fields.u32(), fields.u32());
    let small = [u64::from(here), u64::from(entries), u64::from(length), u64::from(directory)];
    let full = [u64::from(u16::MAX), u64::from(u16::MAX), u64::from(u32::MAX), u64::from(u32::MAX)];
    let wide = zip64(bytes, at)?;
    if wide.is_none() && small.iter().zip(&full).any(|(value, full)| value == full) {
        return Err(ArchiveError::Zip64 { why: "the end record leaves values to a zip64 record that is missing" });
    }
    let disks_full = wide.is_some() && disk == u16::MAX && directory_disk == u16::MAX;
    if (disk != 0 || directory_disk != 0) && !disks_full {
        return Err(ArchiveError::MultiDisk);
    }
    let (values, directory_end) = match wide {
        None => (small, at),
        Some((values, start)) => {
            for ((small, full), wide) in small.iter().zip(&full).zip(&values) {
                if small != full && small != wide {
                    return Err(ArchiveError::Zip64 { why: "the two end records disagree" });
                }
            }
            (values, start)
        }
    };
    let [here, entries, length, directory] = values;
    if here != entries {
        return Err(ArchiveError::MultiDisk);
    }
    let found =
        directory_end.checked_sub(directory).ok_or(ArchiveError::Header { what: "a central directory", at: directory })?;
    if found != length {
        return Err(ArchiveError::Count { of: "bytes of central directory", said: length, found });
    }
    Ok(End { directory, length, entries })
}

/// The zip64 end record and its offset, if there is one.
fn zip64(bytes: &[u8], end: u64) -> Result<Option<([u64; 4], u64)>, ArchiveError> {
    let Some(locator) = end.checked_sub(LOCATOR_LENGTH) else { return Ok(None) };
    let Some(mut fields) = Fields::at(bytes, locator, 20, LOCATOR) else { return Ok(None) };
    let (disk, at, disks) = (fields.u32(), fields.u64(), fields.u32());
    if disk != 0 || disks > 1 {
        return Err(ArchiveError::MultiDisk);
    }
    if locator.checked_sub(ZIP64_LENGTH) != Some(at) {
        return Err(ArchiveError::Zip64 { why: "the record is not where its locator says" });
    }
    let mut fields =
        Fields::at(bytes, at, 56, ZIP64).ok_or(ArchiveError::Zip64 { why: "the record is not where its locator says" })?;
    if fields.u64() != ZIP64_LENGTH - 12 {
        return Err(ArchiveError::Zip64 { why: "the record has another length than it should" });
    }
    fields.skip::<4>(); // versions
    if fields.u32() != 0 || fields.u32() != 0 {
        return Err(ArchiveError::MultiDisk);
    }
    Ok(Some(([fields.u64(), fields.u64(), fields.u64(), fields.u64()], at)))
}
