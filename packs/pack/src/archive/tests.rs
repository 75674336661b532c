mod accepted;
mod classes;
mod flips;
mod raw;
mod refused;
mod written;

use super::*;
use crate::listing::Kind;

fn read(bytes: &[u8]) -> Result<Archive, ArchiveError> {
    Archive::read(bytes, Strictness::Any, &Limits::default())
}
