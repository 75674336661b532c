//! Contents: inflated, counted, checked and hashed in one pass.

use super::{central::Entry, error::ArchiveError, location::Method};
use crate::{hash::Hasher, listing::Kind};
use flate2::{Decompress, FlushDecompress, Status};
use silver_plugin_api::{Digest, path::MAX_PATH};

const BUFFER: usize = 64 * 1024;

/// Checks contents, one after the other; each thread has one.
pub(super) struct Checker {
    inflater: Decompress,
    buffer: Vec<u8>,
}

impl Checker {
    pub(super) fn new() -> Self {
        Self { inflater: Decompress::new(false), buffer: vec![0; BUFFER] }
    }

    /// The digest of an entry's content, which starts at `start` and is all that its header says.
    pub(super) fn check(&mut self, bytes: &[u8], entry: &Entry, start: u64) -> Result<Digest, ArchiveError> {
        let name = || entry.name.clone();
        let range = usize::try_from(start).ok().zip(usize::try_from(start + entry.packed).ok());
        let packed = range.and_then(|(start, end)| bytes.get(start..end));
        let packed = packed.ok_or(ArchiveError::Header { what: "content", at: start })?;
        let mut sink = Sink { hasher: Hasher::new(), crc: libdeflater::Crc::new(), text: Vec::new(), entry };
        match entry.method {
            Method::Stored => sink.take(packed)?,
            Method::Deflate => self.inflate(packed, &mut sink)?,
        }
        let found = sink.hasher.length();
        if found < entry.size {
            return Err(ArchiveError::Shorter { entry: name(), size: entry.size, found });
        }
        if sink.crc.sum() != entry.crc {
            return Err(ArchiveError::Crc { entry: name() });
        }
        if entry.kind == Some(Kind::Link) {
            check_link(entry, &sink.text)?;
        }
        Ok(sink.hasher.finish())
    }

    fn inflate(&mut self, packed: &[u8], sink: &mut Sink<'_>) -> Result<(), ArchiveError> {
        let broken = || ArchiveError::Deflate { entry: sink.entry.name.clone() };
        self.inflater.reset(false);
        loop {
            let (read, written) = (self.inflater.total_in(), self.inflater.total_out());
            let rest = &packed[usize::try_from(read).unwrap_or(packed.len()).min(packed.len())..];
            let status = self.inflater.decompress(rest, &mut self.buffer, FlushDecompress::None).map_err(|_| broken())?;
            let made = usize::try_from(self.inflater.total_out() - written).unwrap_or(0);
            sink.take(&self.buffer[..made])?;
            if status == Status::StreamEnd {
                break;
            }
            if made == 0 && self.inflater.total_in() == read {
                // nothing in, nothing out: the stream was cut short
                return Err(ArchiveError::Shorter { entry: sink.entry.name.clone(), size: sink.entry.size, found: written });
            }
        }
        let length = packed.len() as u64 - self.inflater.total_in();
        if length > 0 {
            return Err(ArchiveError::Trailing { entry: sink.entry.name.clone(), length });
        }
        Ok(())
    }
}

struct Sink<'a> {
    hasher: Hasher,
    crc: libdeflater::Crc,
    /// The target of a link.
    text: Vec<u8>,
    entry: &'a Entry,
}

impl Sink<'_> {
    fn take(&mut self, content: &[u8]) -> Result<(), ArchiveError> {
        self.hasher.update(content);
        if self.hasher.length() > self.entry.size {
            return Err(ArchiveError::Longer { entry: self.entry.name.clone(), size: self.entry.size });
        }
        self.crc.update(content);
        if self.entry.kind == Some(Kind::Link) && self.text.len() <= MAX_PATH {
            self.text.extend_from_slice(content);
        }
        Ok(())
    }
}

fn check_link(entry: &Entry, target: &[u8]) -> Result<(), ArchiveError> {
    let inside = std::str::from_utf8(target).is_ok_and(|text| entry.path.resolve_link(text).is_ok());
    if inside {
        return Ok(());
    }
    Err(ArchiveError::LinkOut { entry: entry.name.clone(), target: target.escape_ascii().to_string() })
}
