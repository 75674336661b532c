//! A stream without what comes before the marker.

use super::super::{MARKER, ProtocolError, frame::excerpt};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, ReadBuf};

/// Reads `reader` from behind its marker on. Without a marker its errors are [`ProtocolError::NoMarker`]
/// with what was there instead.
pub struct Skip<R> {
    reader: R,
    noise: usize,
    found: Option<Box<dyn FnOnce() + Send>>,
    /// What came so far; behind the marker, what has still to be handed on.
    seen: Vec<u8>,
    handed: usize,
}

impl<R> Skip<R> {
    /// At most `noise` bytes are skipped; `found` is called at the marker.
    pub(super) fn new(reader: R, noise: usize, found: Box<dyn FnOnce() + Send>) -> Self {
        Self { reader, noise, found: Some(found), seen: Vec::new(), handed: 0 }
    }

    fn no_marker(&self) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, ProtocolError::NoMarker(excerpt(&self.seen)))
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Skip<R> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.found.is_some() {
            let mut piece = [0; 4096];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut this.reader).poll_read(context, &mut piece))?;
            if piece.filled().is_empty() {
                return Poll::Ready(Err(this.no_marker()));
            }
            // the marker may have begun in the piece before
            let from = this.seen.len().saturating_sub(MARKER.len());
            this.seen.extend_from_slice(piece.filled());
            let at = this.seen[from..].windows(MARKER.len()).position(|window| window == MARKER).map(|at| from + at);
            match at {
                Some(at) if at <= this.noise => {
                    this.handed = at + MARKER.len();
                    if let Some(found) = this.found.take() {
                        found();
                    }
                }
                None if this.seen.len() <= this.noise + MARKER.len() => {}
                _ => return Poll::Ready(Err(this.no_marker())),
            }
        }
        if this.handed < this.seen.len() {
            let rest = &this.seen[this.handed..];
            let taken = rest.len().min(buffer.remaining());
            buffer.put_slice(&rest[..taken]);
            this.handed += taken;
            if this.handed == this.seen.len() {
                this.seen = Vec::new();
                this.handed = 0;
            }
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.reader).poll_read(context, buffer)
    }
}
