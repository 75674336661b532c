//! Where an archive's bytes come from: memory or a file, of which never more than a part is in memory.

use super::error::ArchiveError;
use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// Bytes that can be read at any place, by many at once.
pub(super) trait Source: Sync {
    /// How many.
    fn size(&self) -> u64;

    /// Fills `buffer` with the bytes from `at` on, which are below [`Source::size`].
    fn fill(&self, at: u64, buffer: &mut [u8]) -> Result<(), ArchiveError>;
}

impl Source for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn fill(&self, at: u64, buffer: &mut [u8]) -> Result<(), ArchiveError> {
        let part = usize::try_from(at).ok().and_then(|start| self.get(start..start.checked_add(buffer.len())?));
        buffer.copy_from_slice(part.ok_or(ArchiveError::Header { what: "the archive", at })?);
        Ok(())
    }
}

/// A file as large as it was when it was opened. Its contents are checked again whenever they are read.
pub(super) struct OnDisk<'a> {
    file: &'a File,
    path: &'a Path,
    size: u64,
}

impl<'a> OnDisk<'a> {
    /// The first `size` bytes of `file`; `path` is for people.
    pub(super) fn new(file: &'a File, path: &'a Path, size: u64) -> Self {
        Self { file, path, size }
    }
}

impl Source for OnDisk<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn fill(&self, at: u64, buffer: &mut [u8]) -> Result<(), ArchiveError> {
        self.file.read_exact_at(buffer, at).map_err(failed(self.path))
    }
}

/// The error of a file that cannot be read.
pub(super) fn failed(path: &Path) -> impl FnOnce(io::Error) -> ArchiveError {
    let path: PathBuf = path.to_owned();
    |source| ArchiveError::Io { path, source }
}

/// A part of a source that moves along with whoever reads headers.
pub(super) struct Window<'a> {
    source: &'a dyn Source,
    /// How many bytes are read at a time.
    piece: usize,
    at: u64,
    held: Vec<u8>,
}

impl<'a> Window<'a> {
    /// Nothing has been read yet.
    pub(super) fn new(source: &'a dyn Source, piece: usize) -> Self {
        Self { source, piece, at: 0, held: Vec::new() }
    }

    /// The `length` bytes at `at`; `None` where there are fewer.
    pub(super) fn get(&mut self, at: u64, length: usize) -> Result<Option<&[u8]>, ArchiveError> {
        let Some(end) = at.checked_add(length as u64).filter(|end| *end <= self.source.size()) else { return Ok(None) };
        if at < self.at || end > self.at + self.held.len() as u64 {
            let left = usize::try_from(self.source.size() - at).unwrap_or(usize::MAX);
            self.held.clear(); // nothing is held should reading fail
            self.held.resize(length.max(self.piece.min(left)), 0);
            self.at = at;
            if let Err(error) = self.source.fill(at, &mut self.held) {
                self.held.clear();
                return Err(error);
            }
        }
        let start = usize::try_from(at - self.at).unwrap_or(usize::MAX);
        Ok(self.held.get(start..start.saturating_add(length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_gives_what_is_there_wherever_it_stands() {
        let bytes: Vec<u8> = (0..=255).collect();
        let source = bytes.as_slice();
        let mut window = Window::new(&source, 16);
        for (at, length) in [(0, 4), (2, 20), (250, 6), (250, 7), (10, 1), (0, 256), (u64::MAX, 2), (256, 0), (257, 0)] {
            let wanted = usize::try_from(at).ok().and_then(|start| bytes.get(start..start.checked_add(length)?));
            assert_eq!(window.get(at, length).unwrap(), wanted, "{length} at {at}");
        }
    }

    #[test]
    fn a_file_that_became_shorter_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("short");
        std::fs::write(&path, b"1234").unwrap();
        let file = File::open(&path).unwrap();
        let source = OnDisk::new(&file, &path, 8);
        let mut window = Window::new(&source, 2);
        assert_eq!(window.get(0, 4).unwrap(), Some(&b"1234"[..]));
        assert!(matches!(window.get(2, 4), Err(ArchiveError::Io { .. })));
        assert_eq!(window.get(0, 4).unwrap(), Some(&b"1234"[..]));
    }
}
