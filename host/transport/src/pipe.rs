//! Memory pipes for tests, and a wire that breaks where the test says so.

mod cut;

pub use cut::Cut;

use crate::{
    answer::broken,
    dial::{Channel, Dial, Reader, Writer, shake},
};
use async_trait::async_trait;
use silver_core::node::NodeError;
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use cut::Frames;

/// Serves one side of a pipe, as an agent serves an accepted connection; must not block.
pub type Serve = Box<dyn Fn(DuplexStream) + Send + Sync>;

/// Dials an agent in the same process.
pub struct Pipe {
    serve: Serve,
    cut: Arc<Cut>,
}

impl Pipe {
    /// An agent that is `serve`, over a wire that breaks as `cut` says.
    pub fn new(serve: Serve, cut: Arc<Cut>) -> Self {
        Self { serve, cut }
    }
}

#[async_trait]
impl Dial for Pipe {
    fn node(&self) -> &'static str {
        "pipe"
    }

    async fn dial(&self) -> Result<Channel, NodeError> {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        (self.serve)(theirs);
        let wire = Wire { stream: ours, cut: Arc::clone(&self.cut), said: Frames::default(), heard: Frames::default() };
        let (reader, writer) = tokio::io::split(wire);
        let (reader, writer): (Reader, Writer) = (Box::new(reader), Box::new(writer));
        let shaken = shake(reader, writer, "test@pipe").await;
        shaken.map(|(channel, _)| channel).map_err(|error| broken(self.node(), &error))
    }
}

/// A stream that breaks.
struct Wire {
    stream: DuplexStream,
    cut: Arc<Cut>,
    said: Frames,
    heard: Frames,
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.cut.is_cut() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        let allowed = this.cut.heard(&mut this.heard, &buffer.filled()[before..]);
        buffer.set_filled(before + allowed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let allowed = this.cut.may_say(&this.said, bytes);
        if allowed == 0 && !bytes.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let written = ready!(Pin::new(&mut this.stream).poll_write(context, &bytes[..allowed]))?;
        this.cut.said(&mut this.said, &bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
