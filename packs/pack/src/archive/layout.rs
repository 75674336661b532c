//! Local headers, contents and data descriptors: every byte before the central directory belongs
//! to exactly one entry, and says what the central directory says.

use super::{
    central::{Entry, STREAMED},
    error::ArchiveError,
    fields::{Extra, Fields, shown},
};

const SIGNATURE: u32 = 0x0403_4b50;
const LENGTH: usize = 30;
const DESCRIPTOR: u32 = 0x0807_4b50;

/// Checks the layout; returns where each entry's content starts, in the order of `entries`.
pub(super) fn check(bytes: &[u8], entries: &[Entry], directory: u64) -> Result<Vec<u64>, ArchiveError> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|index| entries[*index].offset);
    let mut starts = vec![0; entries.len()];
    let mut at = 0;
    for (place, index) in order.iter().enumerate() {
        let entry = &entries[*index];
        if entry.offset < at {
            let other = place.checked_sub(1).map_or(entry, |before| &entries[order[before]]);
            return Err(ArchiveError::Overlap { entry: entry.name.clone(), other: other.name.clone() });
        }
        if entry.offset > at {
            return Err(unaccounted(bytes, at, entry.offset.min(directory)));
        }
        let start = local(bytes, entry)?;
        let limit = order.get(place + 1).map_or(directory, |next| entries[*next].offset);
        let end = start.checked_add(entry.packed).filter(|end| *end <= directory);
        let end = end.ok_or(ArchiveError::Header { what: "content", at: start })?;
        at = if entry.flags & STREAMED == 0 { end } else { end + descriptor(bytes, entry, end, limit.min(directory))? };
        starts[*index] = start;
    }
    if at > directory {
        let last = order.last().map(|index| entries[*index].name.clone()).unwrap_or_default();
        return Err(ArchiveError::Overlap { entry: last, other: "the central directory".to_owned() });
    }
    if at < directory {
        return Err(unaccounted(bytes, at, directory));
    }
    Ok(starts)
}

/// Bytes from `at` that no entry owns: a hidden entry, or something else.
fn unaccounted(bytes: &[u8], at: u64, until: u64) -> ArchiveError {
    let Some((fields, name)) = header(bytes, at) else {
        return ArchiveError::Unaccounted { at, length: until.saturating_sub(at) };
    };
    let _ = fields;
    ArchiveError::OnlyLocal { entry: shown(name.name) }
}

struct Header<'a> {
    name: &'a [u8],
    extra: &'a [u8],
    start: u64,
}

fn header(bytes: &[u8], at: u64) -> Option<(Fields<'_>, Header<'_>)> {
    let mut lengths = Fields::at(bytes, at, LENGTH, SIGNATURE)?;
    lengths.skip::<22>();
    let (name, extra) = (usize::from(lengths.u16()), usize::from(lengths.u16()));
    let variable = bytes.get(usize::try_from(at).ok()? + LENGTH..)?;
    let (name, rest) = variable.split_at_checked(name)?;
    let extra = rest.get(..extra)?;
    let start = at + (LENGTH + name.len() + extra.len()) as u64;
    Some((Fields::at(bytes, at, LENGTH, SIGNATURE)?, Header { name, extra, start }))
}

/// Compares the local header of `entry` with the central one; returns where its content starts.
fn local(bytes: &[u8], entry: &Entry) -> Result<u64, ArchiveError> {
    let missing = || ArchiveError::OnlyCentral { entry: entry.name.clone() };
    let (mut fields, header) = header(bytes, entry.offset).ok_or_else(missing)?;
    let differs = |field| Err(ArchiveError::Differs { entry: entry.name.clone(), field });
    fields.skip::<2>(); // version
    let (flags, method) = (fields.u16(), fields.u16());
    fields.skip::<4>(); // time and date
    let crc = fields.u32();
    let (mut packed, mut size) = (u64::from(fields.u32()), u64::from(fields.u32()));
    if header.name != entry.raw_name {
        return differs("name");
    }
    if flags != entry.flags {
        return differs("flags");
    }
    if method != entry.method as u16 {
        return differs("method");
    }
    let extra = Extra::read(header.extra, &entry.name)?;
    extra.check_unicode_path(header.name, &entry.name)?;
    extra.widen(&mut [&mut size, &mut packed], &entry.name)?;
    // a streamed entry did not know these yet
    let later = |value: u64| value == 0 && flags & STREAMED != 0;
    if crc != entry.crc && !later(u64::from(crc)) {
        return differs("checksum");
    }
    if size != entry.size && !later(size) {
        return differs("size");
    }
    if packed != entry.packed && !later(packed) {
        return differs("packed size");
    }
    Ok(header.start)
}

/// The length of the data descriptor at `at`, which may have a signature and 64-bit sizes. Which of
/// the four forms it is follows from the room up to the next header.
fn descriptor(bytes: &[u8], entry: &Entry, at: u64, limit: u64) -> Result<u64, ArchiveError> {
    let wrong = || ArchiveError::Descriptor { entry: entry.name.clone() };
    let start = usize::try_from(at).map_err(|_| wrong())?;
    let stop = usize::try_from(limit).map_err(|_| wrong())?;
    let room = bytes.get(start..stop).ok_or_else(wrong)?;
    let mut forms = Vec::new();
    for signature in [&DESCRIPTOR.to_le_bytes()[..], &[]] {
        let mut wide = [signature, &entry.crc.to_le_bytes()].concat();
        let mut narrow = wide.clone();
        for value in [entry.packed, entry.size] {
            wide.extend(value.to_le_bytes());
            narrow.extend(u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
        }
        forms.extend([wide, narrow]);
    }
    let fits = |form: &&Vec<u8>| room.starts_with(form);
    let exact = forms.iter().filter(fits).find(|form| form.len() == room.len());
    // without an exact one something else follows, which is then reported as such
    exact.or_else(|| forms.iter().find(fits)).map(|form| form.len() as u64).ok_or_else(wrong)
}
