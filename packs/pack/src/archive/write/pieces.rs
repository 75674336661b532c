//! Big contents, in pieces of a fixed size: each is packed for itself, with no bits left over at its
//! end, so that pieces packed at the same time make one stream when they are put together.

use super::{GAIN, WriteError};
use crate::archive::location::Method;
use flate2::{Compress, Compression, FlushCompress, Status};
use rayon::prelude::*;
use std::io::{self, Read};

/// Bytes of a piece. The bytes of archives depend on it.
const PIECE: usize = 1 << 20;
/// So many pieces are in memory at once. What begins with so many that gain too little is stored.
const AT_ONCE: usize = 16;
/// The level of zlib-rs.
const LEVEL: u32 = 6;

/// What failed.
pub(super) enum PieceError {
    /// Reading the content.
    Read(io::Error),
    /// What was packed could not be put into the archive.
    Write(WriteError),
}

/// Packs `content` and hands over its bytes, in order; returns how they are packed, and the CRC-32 of
/// the content. `stored`: it is left as it is.
pub(super) fn pack(
    mut content: impl Read,
    stored: bool,
    put: &mut dyn FnMut(&[u8]) -> Result<(), WriteError>,
) -> Result<(Method, u32), PieceError> {
    let mut crc = libdeflater::Crc::new();
    let mut method = stored.then_some(Method::Stored);
    let mut pieces = read(&mut content)?;
    while !pieces.is_empty() {
        // the next ones are there before these are packed: the last piece of all ends the stream
        let next = read(&mut content)?;
        for piece in &pieces {
            crc.update(piece);
        }
        if method != Some(Method::Stored) {
            let last = if next.is_empty() { pieces.len() - 1 } else { usize::MAX };
            let packed: Result<Vec<Vec<u8>>, io::Error> =
                pieces.par_iter().enumerate().map(|(at, piece)| deflate(piece, at == last)).collect();
            let packed = packed.map_err(PieceError::Read)?;
            let length = |pieces: &[Vec<u8>]| pieces.iter().map(Vec::len).sum::<usize>();
            let gains = length(&packed) + length(&pieces) / GAIN <= length(&pieces);
            if *method.get_or_insert(if gains { Method::Deflate } else { Method::Stored }) == Method::Deflate {
                pieces = packed;
            }
        }
        for piece in &pieces {
            put(piece).map_err(PieceError::Write)?;
        }
        pieces = next;
    }
    Ok((method.unwrap_or(Method::Stored), crc.sum()))
}

/// The next pieces of `content`; none at its end.
fn read(content: &mut impl Read) -> Result<Vec<Vec<u8>>, PieceError> {
    let mut pieces = Vec::new();
    while pieces.len() < AT_ONCE {
        let mut piece = Vec::with_capacity(PIECE);
        content.take(PIECE as u64).read_to_end(&mut piece).map_err(PieceError::Read)?;
        if piece.is_empty() {
            break;
        }
        pieces.push(piece);
    }
    Ok(pieces)
}

fn deflate(piece: &[u8], last: bool) -> io::Result<Vec<u8>> {
    let mut compress = Compress::new(Compression::new(LEVEL), false);
    let flush = if last { FlushCompress::Finish } else { FlushCompress::Sync };
    let mut packed = Vec::with_capacity(piece.len() / 2);
    loop {
        let read = usize::try_from(compress.total_in()).unwrap_or(piece.len());
        let status = compress.compress_vec(&piece[read..], &mut packed, flush).map_err(io::Error::other)?;
        let all_read = compress.total_in() == piece.len() as u64;
        // room that is left means that nothing waits to be given out
        if status == Status::StreamEnd || !last && all_read && packed.len() < packed.capacity() {
            return Ok(packed);
        }
        packed.reserve(packed.capacity().max(4096));
    }
}
