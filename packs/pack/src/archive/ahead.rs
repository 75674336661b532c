//! An archive that still arrives: contents that are there are inflated, checked and hashed by all processors while the
//! rest comes, so that little is left to do when it is complete.
//!
//! Nothing is believed because of it. Local headers are followed as silver writes them, for as long as that leads
//! anywhere; what was found counts for those contents only of which the validated headers say the same.

use super::{
    Keep,
    central::{Entry, STREAMED},
    content::{Checker, WHOLE},
    fields::Fields,
    layout,
    location::Method,
    source::OnDisk,
};
use crate::{limits::Limits, listing::Kind};
use rayon::Scope;
use silver_plugin_api::{Digest, TreePath};
use std::{
    collections::HashMap,
    fs::File,
    os::unix::fs::FileExt,
    path::Path,
    sync::{Mutex, PoisonError},
};

/// So many packed bytes are one piece of work.
const PIECE: u64 = 256 << 10;

/// What was found out so far.
pub struct Ahead<'a> {
    file: &'a File,
    path: &'a Path,
    limits: Limits,
    pub(super) keep: Keep<'a>,
    /// By where the content starts.
    found: Mutex<HashMap<u64, Found>>,
}

/// What was checked: a content of which the headers say something else is another one.
#[derive(Clone, Copy)]
struct Found {
    method: Method,
    crc: u32,
    packed: u64,
    size: u64,
    digest: Digest,
}

impl<'a> Ahead<'a> {
    /// Of `file`, to which somebody appends; `path` is for people. `keep` is given contents as they are found.
    pub fn new(file: &'a File, path: &'a Path, limits: Limits, keep: Keep<'a>) -> Self {
        Self { file, path, limits, keep, found: Mutex::default() }
    }

    /// Where the next content is looked for.
    pub fn front(&self) -> Front<'_> {
        Front { ahead: self, next: Some(0), entries: 0, unpacked: 0 }
    }

    /// The file, and its name for people.
    pub(super) fn place(&self) -> (&File, &Path) {
        (self.file, self.path)
    }

    /// The digest of the content of an entry that starts there, if it was found.
    pub(super) fn digest(&self, entry: &Entry, start: u64) -> Option<Digest> {
        let found = *self.found.lock().unwrap_or_else(PoisonError::into_inner).get(&start)?;
        let Found { method, crc, packed, size, digest } = found;
        let same = (method, crc, packed, size) == (entry.method, entry.crc, entry.packed, entry.size);
        // of a link more is asked
        (same && entry.kind != Some(Kind::Link)).then_some(digest)
    }

    fn check(&self, contents: &[(Entry, u64)], until: u64) {
        let source = OnDisk::new(self.file, self.path, until);
        let mut checker = Checker::new(&source);
        for (entry, start) in contents {
            // what is wrong is found once more when the archive is complete
            if let Ok(digest) = checker.check(entry, *start, Some(self.keep)) {
                let Entry { method, crc, packed, size, .. } = *entry;
                let found = Found { method, crc, packed, size, digest };
                self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(*start, found);
            }
        }
    }
}

/// How far an archive was followed while it arrived.
pub struct Front<'a> {
    ahead: &'a Ahead<'a>,
    /// Where the next local header is; `None` when there is none any more.
    next: Option<u64>,
    entries: usize,
    unpacked: u64,
}

impl<'a> Front<'a> {
    /// The first `until` bytes are there now.
    pub fn arrived<'scope>(&mut self, scope: &Scope<'scope>, until: u64)
    where
        'a: 'scope,
    {
        let (ahead, mut piece, mut bytes) = (self.ahead, Vec::new(), 0);
        while let Some(at) = self.next {
            let (entry, start) = match read(ahead.file, at, until) {
                Header::There(entry, start) => (entry, start),
                Header::NotYet => break,
                Header::None => {
                    self.next = None; // the central directory, or nothing that silver writes
                    break;
                }
            };
            let end = start.saturating_add(entry.packed);
            if end > until {
                break;
            }
            self.next = self.within(&entry, until).then_some(end);
            if self.next.is_none() {
                break;
            }
            if entry.size <= WHOLE && entry.packed <= WHOLE {
                bytes += entry.packed;
                piece.push((entry, start));
            }
            if bytes >= PIECE {
                let piece = std::mem::take(&mut piece);
                scope.spawn(move |_| ahead.check(&piece, until));
                bytes = 0;
            }
        }
        if !piece.is_empty() {
            scope.spawn(move |_| ahead.check(&piece, until));
        }
    }

    /// Nothing is inflated that is over the limits, whatever the end of the archive will say.
    fn within(&mut self, entry: &Entry, until: u64) -> bool {
        let Limits { entries, total, ratio, ratio_from, .. } = self.ahead.limits;
        self.entries += 1;
        self.unpacked = self.unpacked.saturating_add(entry.size);
        let dense = self.unpacked <= ratio_from || self.unpacked / ratio <= until;
        self.entries <= entries && self.unpacked <= total && dense
    }
}

/// What is at a place where a local header may be.
enum Header {
    /// It is not there yet.
    NotYet,
    /// None as silver writes them.
    None,
    /// An entry, and where its content starts.
    There(Entry, u64),
}

fn read(file: &File, at: u64, until: u64) -> Header {
    let mut fixed = [0; layout::LENGTH];
    let start = at + fixed.len() as u64;
    if start > until || file.read_exact_at(&mut fixed, at).is_err() {
        return Header::NotYet;
    }
    let Some(mut fields) = Fields::of(&fixed, layout::SIGNATURE) else { return Header::None };
    fields.skip::<2>(); // version
    let (flags, method) = (fields.u16(), fields.u16());
    fields.skip::<4>(); // time and date
    let (crc, packed, size) = (fields.u32(), fields.u32(), fields.u32());
    let (name, extra) = (fields.u16(), fields.u16());
    let method = match method {
        0 => Method::Stored,
        8 => Method::Deflate,
        _ => return Header::None,
    };
    if flags & STREAMED != 0 || extra != 0 || packed == u32::MAX || size == u32::MAX {
        return Header::None;
    }
    let (packed, size) = (u64::from(packed), u64::from(size));
    // only errors would name it, and those of now are told to nobody
    let path = TreePath::root();
    let entry = Entry { path, kind: Some(Kind::File), flags, method, crc, packed, size, offset: at, as_written: false };
    Header::There(entry, start + u64::from(name))
}
