mod accepted;
mod flips;
mod raw;
mod refused;
mod written;

use super::*;

fn read(bytes: &[u8]) -> Result<Archive, ArchiveError> {
    Archive::read(bytes, &Limits::default())
}
