//! Memory pipes for tests, and a wire that breaks where the test says so.

use crate::{
    answer::broken,
    dial::{Channel, Dial, Reader, Writer, shake},
};
use async_trait::async_trait;
use silver_core::node::NodeError;
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// Serves one side of a pipe, as an agent serves an accepted connection; must not block.
pub type Serve = Box<dyn Fn(DuplexStream) + Send + Sync>;

/// Dials an agent in the same process.
pub struct Pipe {
    serve: Serve,
    cut: Arc<Cut>,
}

/// Where a wire breaks: after so many bytes were written by the client, over all connections.
#[derive(Debug)]
pub struct Cut {
    left: AtomicU64,
}

impl Cut {
    /// Breaks after so many written bytes.
    pub fn after(bytes: u64) -> Arc<Self> {
        Arc::new(Self { left: AtomicU64::new(bytes) })
    }

    /// Never breaks.
    pub fn never() -> Arc<Self> {
        Self::after(u64::MAX)
    }

    /// Has it broken?
    pub fn is_cut(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }

    fn take(&self, wanted: usize) -> usize {
        let taken = |left: u64| left.min(wanted as u64);
        let before = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            Some(if left == u64::MAX { left } else { left - taken(left) })
        });
        usize::try_from(taken(before.unwrap_or_default())).unwrap_or(wanted)
    }
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
        let (reader, writer) = tokio::io::split(Wire { stream: ours, cut: Arc::clone(&self.cut) });
        let (reader, writer): (Reader, Writer) = (Box::new(reader), Box::new(writer));
        let shaken = shake(reader, writer, "test@pipe").await;
        shaken.map(|(channel, _)| channel).map_err(|error| broken(self.node(), &error))
    }
}

/// A stream that breaks.
struct Wire {
    stream: DuplexStream,
    cut: Arc<Cut>,
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.cut.is_cut() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let allowed = self.cut.take(bytes.len());
        if allowed == 0 && !bytes.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, &bytes[..allowed])
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
