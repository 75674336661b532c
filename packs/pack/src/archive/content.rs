//! Contents: inflated, counted, checked and hashed in one pass, a piece at a time.

use super::{Keep, central::Entry, error::ArchiveError, location::Method, source::Source};
use crate::{hash::Hasher, listing::Kind};
use flate2::{Decompress, FlushDecompress, Status};
use silver_plugin_api::{Digest, path::MAX_PATH};

const BUFFER: usize = 64 * 1024;
/// Only contents up to so many bytes are handed on.
pub(super) const WHOLE: u64 = 4 << 20;

/// Checks contents, one after the other; each thread has one.
pub(super) struct Checker<'a> {
    source: &'a dyn Source,
    inflater: Decompress,
    packed: Vec<u8>,
    buffer: Vec<u8>,
    whole: Vec<u8>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(source: &'a dyn Source) -> Self {
        Self { source, inflater: Decompress::new(false), packed: vec![0; BUFFER], buffer: vec![0; BUFFER], whole: Vec::new() }
    }

    /// The digest of an entry's content, which starts at `start` and is all that its header says. `keep` is given it,
    /// unless it is long.
    pub(super) fn check(&mut self, entry: &Entry, start: u64, keep: Option<Keep<'_>>) -> Result<Digest, ArchiveError> {
        let keep = keep.filter(|_| entry.size <= WHOLE);
        let mut whole = std::mem::take(&mut self.whole);
        whole.clear();
        let (hasher, crc) = (Hasher::new(), libdeflater::Crc::new());
        let mut sink = Sink { hasher, crc, text: Vec::new(), whole: keep.is_some().then_some(&mut whole), entry };
        let mut rest = Rest { source: self.source, at: start, left: entry.packed };
        match entry.method {
            Method::Stored => {
                while let Some(piece) = rest.next(&mut self.packed)? {
                    sink.take(piece)?;
                }
            }
            Method::Deflate => self.inflate(rest, &mut sink)?,
        }
        let found = sink.hasher.length();
        if found < entry.size {
            return Err(ArchiveError::Shorter { entry: entry.name(), size: entry.size, found });
        }
        if sink.crc.sum() != entry.crc {
            return Err(ArchiveError::Crc { entry: entry.name() });
        }
        if entry.kind == Some(Kind::Link) {
            check_link(entry, &sink.text)?;
        }
        let digest = sink.hasher.finish();
        if let Some(keep) = keep {
            keep(&digest, &whole);
        }
        self.whole = whole;
        Ok(digest)
    }

    fn inflate(&mut self, mut rest: Rest<'_>, sink: &mut Sink<'_>) -> Result<(), ArchiveError> {
        let entry = sink.entry;
        self.inflater.reset(false);
        loop {
            let piece = rest.next(&mut self.packed)?.unwrap_or_default();
            let (before, last) = (self.inflater.total_in(), piece.is_empty());
            loop {
                let (read, written) = (self.inflater.total_in(), self.inflater.total_out());
                let input = &piece[usize::try_from(read - before).unwrap_or(piece.len()).min(piece.len())..];
                let status = self.inflater.decompress(input, &mut self.buffer, FlushDecompress::None);
                let status = status.map_err(|_| ArchiveError::Deflate { entry: entry.name() })?;
                let made = usize::try_from(self.inflater.total_out() - written).unwrap_or(0);
                sink.take(&self.buffer[..made])?;
                if status == Status::StreamEnd {
                    return match entry.packed - self.inflater.total_in() {
                        0 => Ok(()),
                        length => Err(ArchiveError::Trailing { entry: entry.name(), length }),
                    };
                }
                if made == 0 && self.inflater.total_in() == read {
                    // nothing in, nothing out: it wants more
                    break;
                }
            }
            if last {
                // the stream was cut short
                let found = self.inflater.total_out();
                return Err(ArchiveError::Shorter { entry: entry.name(), size: entry.size, found });
            }
        }
    }
}

/// What is still to be read of a packed content.
struct Rest<'a> {
    source: &'a dyn Source,
    at: u64,
    left: u64,
}

impl Rest<'_> {
    /// The next piece; `None` at the end.
    fn next<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<&'b [u8]>, ArchiveError> {
        let length = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if length == 0 {
            return Ok(None);
        }
        self.source.fill(self.at, &mut buffer[..length])?;
        self.at += length as u64;
        self.left -= length as u64;
        Ok(Some(&buffer[..length]))
    }
}

struct Sink<'a> {
    hasher: Hasher,
    crc: libdeflater::Crc,
    /// The target of a link.
    text: Vec<u8>,
    /// All of it, where somebody wants it.
    whole: Option<&'a mut Vec<u8>>,
    entry: &'a Entry,
}

impl Sink<'_> {
    fn take(&mut self, content: &[u8]) -> Result<(), ArchiveError> {
        self.hasher.update(content);
        if self.hasher.length() > self.entry.size {
            return Err(ArchiveError::Longer { entry: self.entry.name(), size: self.entry.size });
        }
        self.crc.update(content);
        if let Some(whole) = &mut self.whole {
            whole.extend_from_slice(content);
        }
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
    Err(ArchiveError::LinkOut { entry: entry.name(), target: target.escape_ascii().to_string() })
}
