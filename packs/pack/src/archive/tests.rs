mod accepted;
mod flips;
mod raw;
mod refused;

use super::*;

fn read(bytes: &[u8]) -> Result<Archive, ArchiveError> {
    Archive::read(bytes, &Limits::default())
}
