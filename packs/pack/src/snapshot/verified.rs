//! A reader that checks what it read.

use crate::hash::Hasher;
use silver_plugin_api::Digest;
use std::io::{self, Read};

/// Content that is not what its digest says; the inner error of an `InvalidData` [`io::Error`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the content is not {expected}: {found} and {length} bytes were read")]
pub struct Altered {
    /// What it should be.
    pub expected: Digest,
    /// What it is (of as much as was read).
    pub found: Digest,
    /// How much was read.
    pub length: u64,
}

/// Reads a content and fails at its end, instead of ending, when it is not the expected one.
/// Never gives more than the expected length.
pub struct Verified<R> {
    inner: R,
    hasher: Hasher,
    digest: Digest,
    size: u64,
    checked: bool,
}

impl<R: Read> Verified<R> {
    /// Reads `inner`, which must have this digest and size.
    pub fn new(inner: R, digest: Digest, size: u64) -> Self {
        Self { inner, hasher: Hasher::new(), digest, size, checked: false }
    }

    fn check(&mut self) -> io::Result<usize> {
        if self.checked {
            return Ok(0);
        }
        let length = self.hasher.length();
        let found = self.hasher.clone().finish();
        if length != self.size || found != self.digest {
            return Err(self.altered(found, length));
        }
        self.checked = true;
        Ok(0)
    }

    fn altered(&self, found: Digest, length: u64) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, Altered { expected: self.digest, found, length })
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = self.inner.read(buffer)?;
        if read == 0 {
            return self.check();
        }
        self.hasher.update(&buffer[..read]);
        if self.hasher.length() > self.size {
            return Err(self.altered(self.hasher.clone().finish(), self.hasher.length()));
        }
        Ok(read)
    }
}
