//! The end of an archive: where its central directory is.

use super::{error::ArchiveError, fields::Fields, header, source::Window};

const SIGNATURE: u32 = 0x0605_4b50;
const SIGNATURE_BYTES: [u8; 4] = *b"PK\x05\x06";
const LENGTH: usize = 22;
const LOCATOR: u32 = 0x0706_4b50;
const LOCATOR_LENGTH: usize = 20;
const ZIP64: u32 = 0x0606_4b50;
const ZIP64_LENGTH: usize = 56;
/// The longest end: both records of zip64, the end record, its comment.
pub(super) const LONGEST: usize = ZIP64_LENGTH + LOCATOR_LENGTH + LENGTH + u16::MAX as usize;

/// Where the central directory is and what it is said to hold.
pub(super) struct End {
    /// Offset of the central directory.
    pub(super) directory: u64,
    /// Its length.
    pub(super) length: u64,
    /// How many entries.
    pub(super) entries: u64,
    /// Is all that follows the central directory as silver writes it?
    pub(super) as_written: bool,
}

/// Finds the end record in a source of `size` bytes: the last one, reaching exactly to its end.
pub(super) fn find(window: &mut Window<'_>, size: u64) -> Result<End, ArchiveError> {
    let start = size.saturating_sub(LONGEST as u64);
    let tail = window.get(start, usize::try_from(size - start).unwrap_or(LONGEST))?.unwrap_or_default();
    // no end record is further from the end than its longest comment lets it
    let tail = &tail[tail.len().saturating_sub(LENGTH + usize::from(u16::MAX))..];
    let start = size - tail.len() as u64;
    let length = tail.len();
    let reach = |at: usize| {
        let comment = tail.get(at + 20..at + 22)?;
        Some(at + LENGTH + usize::from(u16::from_le_bytes([comment[0], comment[1]])))
    };
    let last = signatures(tail).next().ok_or(ArchiveError::NoEnd)?;
    let reached = reach(last);
    let other = signatures(tail).skip(1).find(|at| reach(*at) == Some(length));
    let offset = |at: usize| start + at as u64;
    match (reached, other) {
        (Some(end), Some(other)) if end == length => Err(ArchiveError::TwoEnds { first: offset(other), second: offset(last) }),
        (_, Some(_)) => Err(ArchiveError::EndInComment { at: offset(last) }),
        (Some(end), None) if end == length => read(window, offset(last), size),
        (Some(end), None) if end < length => Err(ArchiveError::Unaccounted { at: offset(end), length: (length - end) as u64 }),
        _ => Err(ArchiveError::Header { what: "an end record", at: offset(last) }),
    }
}

/// Places of end signatures, from the last to the first.
fn signatures(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    bytes.windows(4).enumerate().rev().filter(|(_, window)| *window == SIGNATURE_BYTES).map(|(at, _)| at)
}

fn read(window: &mut Window<'_>, at: u64, size: u64) -> Result<End, ArchiveError> {
    let header = window.get(at, LENGTH)?.and_then(|bytes| Fields::of(bytes, SIGNATURE));
    let mut fields = header.ok_or(ArchiveError::Header { what: "an end record", at })?;
    let (disk, directory_disk) = (fields.u16(), fields.u16());
    let (here, entries) = (fields.u16(), fields.u16());
    let (length, directory) = (fields.u32(), fields.u32());
    let small = [u64::from(here), u64::from(entries), u64::from(length), u64::from(directory)];
    let full = [u64::from(u16::MAX), u64::from(u16::MAX), u64::from(u32::MAX), u64::from(u32::MAX)];
    let wide = zip64(window, at)?;
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
    let as_written = written(window, directory_end, size, entries, length, directory)?;
    Ok(End { directory, length, entries, as_written })
}

/// Is all from `at` on what silver writes after this directory?
fn written(window: &mut Window<'_>, at: u64, size: u64, entries: u64, length: u64, directory: u64) -> Result<bool, ArchiveError> {
    let (Ok(length), Ok(directory)) = (u32::try_from(length), u32::try_from(directory)) else { return Ok(false) };
    let wanted = header::end(entries, length, directory);
    Ok(size - at == wanted.len() as u64 && window.get(at, wanted.len())? == Some(&wanted[..]))
}

/// The zip64 end record and its offset, if there is one.
fn zip64(window: &mut Window<'_>, end: u64) -> Result<Option<([u64; 4], u64)>, ArchiveError> {
    let Some(locator) = end.checked_sub(LOCATOR_LENGTH as u64) else { return Ok(None) };
    let header = window.get(locator, LOCATOR_LENGTH)?.and_then(|bytes| Fields::of(bytes, LOCATOR));
    let Some(mut fields) = header else { return Ok(None) };
    let (disk, at, disks) = (fields.u32(), fields.u64(), fields.u32());
    if disk != 0 || disks > 1 {
        return Err(ArchiveError::MultiDisk);
    }
    if locator.checked_sub(ZIP64_LENGTH as u64) != Some(at) {
        return Err(ArchiveError::Zip64 { why: "the record is not where its locator says" });
    }
    let header = window.get(at, ZIP64_LENGTH)?.and_then(|bytes| Fields::of(bytes, ZIP64));
    let mut fields = header.ok_or(ArchiveError::Zip64 { why: "the record is not where its locator says" })?;
    if fields.u64() != ZIP64_LENGTH as u64 - 12 {
        return Err(ArchiveError::Zip64 { why: "the record has another length than it should" });
    }
    fields.skip::<4>(); // versions
    if fields.u32() != 0 || fields.u32() != 0 {
        return Err(ArchiveError::MultiDisk);
    }
    Ok(Some(([fields.u64(), fields.u64(), fields.u64(), fields.u64()], at)))
}
