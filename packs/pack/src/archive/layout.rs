//! Local headers, contents and data descriptors: every byte before the central directory belongs
//! to exactly one entry, and says what the central directory says.

use super::{
    central::{Entry, STREAMED},
    error::ArchiveError,
    fields::{Extra, Fields, shown},
    source::{Source, Window},
};
use rayon::prelude::*;

pub(super) const SIGNATURE: u32 = 0x0403_4b50;
pub(super) const LENGTH: usize = 30;
const DESCRIPTOR: u32 = 0x0807_4b50;
/// The longest data descriptor: signature, checksum, two sizes of 64 bits.
const LONGEST_DESCRIPTOR: u64 = 24;
/// So much is read for a local header: it, its name and extra fields, and a few small files after it.
const PIECE: usize = 4096;

/// What the local header of an entry told.
pub(super) struct Place {
    /// Where the content starts.
    pub(super) start: u64,
    /// Where all that belongs to the entry ends.
    end: u64,
    /// Is it as silver writes it?
    pub(super) as_written: bool,
}

/// Checks the layout; returns where each entry is, in the order of `entries`.
pub(super) fn check(source: &dyn Source, entries: &[Entry], directory: u64) -> Result<Vec<Place>, ArchiveError> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|index| entries[*index].offset);
    let next = |place: usize| order.get(place + 1).map_or(directory, |next| entries[*next].offset.min(directory));
    let looked: Vec<Result<Place, ArchiveError>> = (0..order.len())
        .into_par_iter()
        .map_init(|| Window::new(source, PIECE), |window, place| look(window, &entries[order[place]], next(place), directory))
        .collect();
    let mut places: Vec<Option<Place>> = entries.iter().map(|_| None).collect();
    let mut at = 0;
    for (place, (index, looked)) in order.iter().zip(looked).enumerate() {
        let entry = &entries[*index];
        if entry.offset < at {
            let other = place.checked_sub(1).map_or(entry, |before| &entries[order[before]]);
            return Err(ArchiveError::Overlap { entry: entry.name(), other: other.name() });
        }
        if entry.offset > at {
            return Err(unaccounted(source, at, entry.offset.min(directory))?);
        }
        let found = looked?;
        at = found.end;
        places[*index] = Some(found);
    }
    if at > directory {
        let last = order.last().map(|index| entries[*index].name()).unwrap_or_default();
        return Err(ArchiveError::Overlap { entry: last, other: "the central directory".to_owned() });
    }
    if at < directory {
        return Err(unaccounted(source, at, directory)?);
    }
    Ok(places.into_iter().flatten().collect())
}

/// Bytes from `at` that no entry owns: a hidden entry, or something else.
fn unaccounted(source: &dyn Source, at: u64, until: u64) -> Result<ArchiveError, ArchiveError> {
    let mut window = Window::new(source, PIECE);
    Ok(match header(&mut window, at)? {
        Some(header) => ArchiveError::OnlyLocal { entry: shown(header.name()) },
        None => ArchiveError::Unaccounted { at, length: until.saturating_sub(at) },
    })
}

/// A local header with its name and extra fields.
struct Local<'a> {
    bytes: &'a [u8],
    name: usize,
}

impl<'a> Local<'a> {
    fn name(&self) -> &'a [u8] {
        &self.bytes[LENGTH..LENGTH + self.name]
    }

    fn extra(&self) -> &'a [u8] {
        &self.bytes[LENGTH + self.name..]
    }
}

fn header<'w>(window: &'w mut Window<'_>, at: u64) -> Result<Option<Local<'w>>, ArchiveError> {
    let Some(mut lengths) = window.get(at, LENGTH)?.and_then(|fixed| Fields::of(fixed, SIGNATURE)) else { return Ok(None) };
    lengths.skip::<22>();
    let (name, extra) = (usize::from(lengths.u16()), usize::from(lengths.u16()));
    Ok(window.get(at, LENGTH + name + extra)?.map(|bytes| Local { bytes, name }))
}

/// Looks at the local header of `entry`, and at the data descriptor before `next`, the place of the next
/// entry.
fn look(window: &mut Window<'_>, entry: &Entry, next: u64, directory: u64) -> Result<Place, ArchiveError> {
    let (start, as_written) = local(window, entry)?;
    let end = start.checked_add(entry.packed).filter(|end| *end <= directory);
    let end = end.ok_or(ArchiveError::Header { what: "content", at: start })?;
    if entry.flags & STREAMED == 0 {
        return Ok(Place { start, end, as_written });
    }
    let length = descriptor(window, entry, end, next)?;
    Ok(Place { start, end: end + length, as_written: false })
}

/// Compares the local header of `entry` with the central one; returns where its content starts, and
/// whether the header is as silver writes it.
fn local(window: &mut Window<'_>, entry: &Entry) -> Result<(u64, bool), ArchiveError> {
    let missing = || ArchiveError::OnlyCentral { entry: entry.name() };
    let header = header(window, entry.offset)?.ok_or_else(missing)?;
    let mut fields = Fields::of(header.bytes, SIGNATURE).ok_or_else(missing)?;
    let differs = |field| Err(ArchiveError::Differs { entry: entry.name(), field });
    fields.skip::<2>(); // version
    let (flags, method) = (fields.u16(), fields.u16());
    fields.skip::<4>(); // time and date
    let crc = fields.u32();
    let (mut packed, mut size) = (u64::from(fields.u32()), u64::from(fields.u32()));
    if !entry.is_named(header.name()) {
        return differs("name");
    }
    if flags != entry.flags {
        return differs("flags");
    }
    if method != entry.method as u16 {
        return differs("method");
    }
    let extra = Extra::read(header.extra(), &entry.path)?;
    extra.check_unicode_path(header.name(), &entry.path)?;
    extra.widen(&mut [&mut size, &mut packed], &entry.path)?;
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
    let as_written = entry.header().is_some_and(|written| written.local() == header.bytes);
    Ok((entry.offset + header.bytes.len() as u64, as_written))
}

/// The length of the data descriptor at `at`, which may have a signature and 64-bit sizes. Which of
/// the four forms it is follows from the room up to the next header.
fn descriptor(window: &mut Window<'_>, entry: &Entry, at: u64, next: u64) -> Result<u64, ArchiveError> {
    let wrong = || ArchiveError::Descriptor { entry: entry.name() };
    let room = next.checked_sub(at).ok_or_else(wrong)?;
    let length = usize::try_from(room.min(LONGEST_DESCRIPTOR)).map_err(|_| wrong())?;
    let found = window.get(at, length)?.ok_or_else(wrong)?;
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
    let fits = |form: &&Vec<u8>| found.starts_with(form);
    let exact = forms.iter().filter(fits).find(|form| form.len() as u64 == room);
    // without an exact one something else follows, which is then reported as such
    exact.or_else(|| forms.iter().find(fits)).map(|form| form.len() as u64).ok_or_else(wrong)
}
