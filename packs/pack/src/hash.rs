//! SHA-256, the only digest that silver computes.

use sha2::Digest as _;
use silver_plugin_api::Digest;
use std::{
    cell::Cell,
    io::{self, Read, Write},
};

/// So many bytes are copied at a time.
const BUFFER: usize = 128 * 1024;

thread_local! {
    /// Of whoever copied last: thousands of small files would otherwise map and unmap as many buffers.
    static BUFFERS: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The digest of `bytes`.
pub fn sha256(bytes: &[u8]) -> Digest {
    Digest::from_bytes(sha2::Sha256::digest(bytes).into())
}

/// Computes a digest of what is written to it.
#[derive(Clone, Default)]
pub struct Hasher {
    state: sha2::Sha256,
    length: u64,
}

impl Hasher {
    /// Nothing hashed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.length += bytes.len() as u64;
    }

    /// How many bytes were added.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The digest of all that was added.
    pub fn finish(self) -> Digest {
        Digest::from_bytes(self.state.finalize().into())
    }
}

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Copies all of `from` into `to`; returns the digest and the length of what was copied.
pub fn copy_hashed(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<(Digest, u64)> {
    let mut buffer = BUFFERS.take();
    buffer.resize(BUFFER, 0);
    let copied = copy_by(&mut buffer, from, to);
    BUFFERS.set(buffer);
    copied
}

fn copy_by(buffer: &mut [u8], from: &mut dyn Read, to: &mut dyn Write) -> io::Result<(Digest, u64)> {
    let mut hasher = Hasher::new();
    loop {
        let read = match from.read(buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
    }
    let length = hasher.length();
    Ok((hasher.finish(), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ways_agree_with_the_published_vector() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc").hex(), abc);
        let mut out = Vec::new();
        let (digest, length) = copy_hashed(&mut &b"abc"[..], &mut out).unwrap();
        assert_eq!((digest.hex().as_str(), length, out.as_slice()), (abc, 3, &b"abc"[..]));
    }
}
