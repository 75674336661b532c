//! How much is read from a foreign archive or directory before it is refused.

/// Bounds against bombs. They are counted while reading, never taken from what a header claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files, links and directories.
    pub entries: usize,
    /// Bytes of one file, unpacked.
    pub file: u64,
    /// Bytes of all files, unpacked.
    pub total: u64,
    /// Bytes of an archive.
    pub archive: u64,
    /// Unpacked bytes per packed byte, over a whole archive.
    pub ratio: u64,
    /// Unpacked bytes below which the ratio does not matter.
    pub ratio_from: u64,
}

impl Default for Limits {
    /// Far above any real application (WordPress is 2,600 files and 60 MB), far below what harms
    /// a laptop.
    fn default() -> Self {
        Self { entries: 200_000, file: 2 << 30, total: 8 << 30, archive: 4 << 30, ratio: 200, ratio_from: 64 << 20 }
    }
}
