mod accepted;
mod ahead;
mod classes;
mod flips;
mod raw;
mod refused;
mod written;

use super::*;
use crate::listing::Kind;

/// Reads an archive, once as a whole and once while it arrives: whatever it is, both say the same.
fn read(bytes: &[u8]) -> Result<Archive, ArchiveError> {
    let (whole, limits) = (Archive::read(bytes, Strictness::Any, &Limits::default()), Limits::default());
    let piece = bytes.len() / 3 + 1;
    let arrived = ahead::arrive(bytes, piece, &|_, _| {}, |ahead| arrived(ahead, hash::sha256(bytes), Strictness::Any, &limits));
    match (&whole, &arrived) {
        (Ok(whole), Ok(arrived)) => {
            assert_eq!((arrived.listing(), arrived.locations()), (whole.listing(), whole.locations()));
            assert_eq!((arrived.digest(), arrived.size()), (whole.digest(), whole.size()));
        }
        (whole, arrived) => assert_eq!(format!("{:?}", arrived.as_ref().err()), format!("{:?}", whole.as_ref().err())),
    }
    whole
}
