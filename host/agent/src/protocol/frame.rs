//! Frames: bounded in both directions, since a node's answers are foreign input as well.

use super::{MARKER, ProtocolError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The largest body of a frame in bytes.
pub const MAX_FRAME: usize = 8 << 20;
/// The largest chunk of data in bytes, before compression.
pub const CHUNK: usize = 1 << 20;
/// A chunk is compressed when this much of it, taken from as many places, becomes smaller by a tenth.
const SAMPLE: usize = 4 << 10;
const SAMPLES: usize = 4;
/// So much noise of a login shell is skipped before the marker.
pub const MAX_NOISE: usize = 64 << 10;

/// What travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A message: JSON.
    Message(Vec<u8>),
    /// A chunk of data, at most [`CHUNK`] bytes.
    Data(Vec<u8>),
    /// A chunk of the second stream.
    Error(Vec<u8>),
    /// The sender is still there.
    Alive,
}

/// Reads one frame; `None` when the other side ended between two frames.
pub(super) async fn read(reader: &mut (impl AsyncRead + Unpin)) -> Result<Option<Frame>, ProtocolError> {
    let mut first = [0; 1];
    if reader.read(&mut first).await? == 0 {
        return Ok(None);
    }
    let mut rest = [0; 4];
    reader.read_exact(&mut rest).await?;
    let [b, c, d, kind] = rest;
    let length = u32::from_be_bytes([first[0], b, c, d]) as usize;
    if length > MAX_FRAME {
        return Err(ProtocolError::TooLong(length));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await?;
    Ok(Some(match kind {
        0 => Frame::Message(body),
        1 => Frame::Data(inflate(&body)?),
        2 => Frame::Error(inflate(&body)?),
        3 if body.is_empty() => Frame::Alive,
        4 if body.len() <= CHUNK => Frame::Data(body),
        4 => return Err(ProtocolError::TooLong(body.len())),
        other => return Err(ProtocolError::UnknownFrame(other)),
    }))
}

/// Writes one frame; the caller flushes.
pub(super) async fn write(writer: &mut (impl AsyncWrite + Unpin), frame: &Frame) -> Result<(), ProtocolError> {
    match frame {
        Frame::Message(body) => write_body(writer, 0, body).await,
        Frame::Data(bytes) if is_dense(bytes) => write_body(writer, 4, bounded(bytes)?).await,
        Frame::Data(bytes) => write_body(writer, 1, &deflate(bytes)?).await,
        Frame::Error(bytes) => write_body(writer, 2, &deflate(bytes)?).await,
        Frame::Alive => write_body(writer, 3, &[]).await,
    }
}

async fn write_body(writer: &mut (impl AsyncWrite + Unpin), kind: u8, body: &[u8]) -> Result<(), ProtocolError> {
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= MAX_FRAME);
    let length = length.ok_or(ProtocolError::TooLong(body.len()))?;
    writer.write_u32(length).await?;
    writer.write_u8(kind).await?;
    writer.write_all(body).await?;
    Ok(())
}

/// Reads up to and with the marker; at most `noise` bytes before it are skipped.
pub(super) async fn skip_to_marker(reader: &mut (impl AsyncRead + Unpin), noise: usize) -> Result<(), ProtocolError> {
    let mut seen = Vec::new();
    loop {
        // byte by byte: what follows the marker belongs to the first frame (the streams are buffered)
        let byte = reader.read_u8().await.map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => ProtocolError::NoMarker(excerpt(&seen)),
            _ => ProtocolError::Io(error),
        })?;
        seen.push(byte);
        if seen.ends_with(MARKER) {
            return Ok(());
        }
        if seen.len() >= noise + MARKER.len() {
            return Err(ProtocolError::NoMarker(excerpt(&seen)));
        }
    }
}

/// The end of what was said instead of the marker, fit for a terminal.
pub(super) fn excerpt(seen: &[u8]) -> String {
    let tail = &seen[seen.len().saturating_sub(400)..];
    silver_plugin_api::path::plain(String::from_utf8_lossy(tail).trim()).into_owned()
}

/// Is it packed already, as a pack is? To compress that would only cost time, on both sides.
fn is_dense(bytes: &[u8]) -> bool {
    if bytes.len() <= SAMPLE * SAMPLES {
        return false;
    }
    let places = (0..SAMPLES).map(|number| (bytes.len() - SAMPLE) / (SAMPLES - 1) * number);
    let sample: Vec<u8> = places.flat_map(|at| &bytes[at..at + SAMPLE]).copied().collect();
    zstd::bulk::compress(&sample, 1).is_ok_and(|packed| packed.len() > sample.len() / 10 * 9)
}

fn bounded(bytes: &[u8]) -> Result<&[u8], ProtocolError> {
    if bytes.len() > CHUNK { Err(ProtocolError::TooLong(bytes.len())) } else { Ok(bytes) }
}

fn deflate(bytes: &[u8]) -> Result<Vec<u8>, ProtocolError> {
    Ok(zstd::bulk::compress(bounded(bytes)?, 1)?)
}

/// Never makes more than [`CHUNK`] bytes, whatever the frame claims.
fn inflate(body: &[u8]) -> Result<Vec<u8>, ProtocolError> {
    zstd::bulk::decompress(body, CHUNK).map_err(ProtocolError::BadChunk)
}
