//! Contents inside an archive file, read when they are wanted.

use crate::snapshot::{Blobs, missing};
use flate2::read::DeflateDecoder;
use serde::{Deserialize, Serialize};
use silver_plugin_api::Digest;
use std::{
    borrow::Borrow,
    cell::RefCell,
    collections::HashMap,
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    sync::Arc,
};

/// How a content is packed. The numbers are those of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// As it is.
    Stored = 0,
    /// RFC 1951.
    Deflate = 8,
}

/// Where a content lies in an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Offset of the packed bytes.
    pub offset: u64,
    /// How many packed bytes.
    pub packed: u64,
    /// How many bytes unpacked.
    pub size: u64,
    /// How they are packed.
    pub method: Method,
}

impl Location {
    /// Reads the content from `archive`, a file or a reference to one. What it gives must be checked against its digest (see
    /// [`crate::snapshot::Verified`]): the file may have changed since it was validated.
    pub fn open<'a, F: Borrow<File> + Send + 'a>(&self, archive: F) -> Box<dyn Read + Send + 'a> {
        let packed = Range { file: archive, at: self.offset, left: self.packed };
        match self.method {
            Method::Stored => Box::new(packed),
            Method::Deflate if self.size <= AT_ONCE && self.packed <= AT_ONCE => {
                Box::new(Whole { packed, wanted: *self, content: None })
            }
            // one byte more than declared is enough to see that there is more
            Method::Deflate => Box::new(DeflateDecoder::new(packed).take(self.size + 1)),
        }
    }
}

/// A content of up to so many bytes is inflated in one go, which is nearly twice as fast.
const AT_ONCE: u64 = 4 << 20;

thread_local! {
    static INFLATER: RefCell<libdeflater::Decompressor> = RefCell::new(libdeflater::Decompressor::new());
}

/// A content that is inflated as a whole when it is first read.
struct Whole<F> {
    packed: Range<F>,
    wanted: Location,
    content: Option<io::Cursor<Vec<u8>>>,
}

impl<F: Borrow<File>> Whole<F> {
    fn inflate(&mut self) -> io::Result<Vec<u8>> {
        let length = |bytes: u64| usize::try_from(bytes).map_err(io::Error::other);
        let mut packed = vec![0; length(self.wanted.packed)?];
        self.packed.read_exact(&mut packed)?;
        let mut content = vec![0; length(self.wanted.size)?];
        let inflate =
            |inflater: &RefCell<libdeflater::Decompressor>| inflater.borrow_mut().deflate_decompress(&packed, &mut content);
        let made = INFLATER.with(inflate).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        content.truncate(made);
        Ok(content)
    }
}

impl<F: Borrow<File>> Read for Whole<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.content.is_none() {
            self.content = Some(io::Cursor::new(self.inflate()?));
        }
        self.content.as_mut().map_or(Ok(0), |content| content.read(buffer))
    }
}

/// The contents of an archive file that has been validated.
#[derive(Debug)]
pub struct ZipBlobs {
    file: File,
    locations: Arc<HashMap<Digest, Location>>,
}

impl ZipBlobs {
    /// The contents of `file` at these locations.
    pub fn new(file: File, locations: Arc<HashMap<Digest, Location>>) -> Self {
        Self { file, locations }
    }
}

impl Blobs for ZipBlobs {
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(self.locations.get(digest).ok_or_else(|| missing(digest))?.open(&self.file))
    }
}

/// A part of a file, read without moving the file's own position, so that many may read at once.
struct Range<F> {
    file: F,
    at: u64,
    left: u64,
}

impl<F: Borrow<File>> Read for Range<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        let read = self.file.borrow().read_at(&mut buffer[..wanted], self.at)?;
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}
