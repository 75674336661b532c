//! Many connections over one pair of byte streams, such as the standard streams of an agent at the
//! far end of one channel of ssh. Each side writes the marker line and then frames of yamux; the
//! connections inside are each what one over a Unix socket is.
//!
//! The client opens connections and the agent accepts them; one that the agent opens is refused. The
//! client need not wait for the marker: what it says travels while the agent is still starting.

mod heard;
mod skip;

use super::{MARKER, MAX_NOISE, ProtocolError};
use heard::Heard;
use skip::Skip;
use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    sync::{mpsc, oneshot, watch},
};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt as _, TokioAsyncReadCompatExt as _};
use yamux::{Config, Connection, Mode};

/// So many connections may be open at once; a command needs a handful.
const STREAMS: usize = 64;
/// What the other side may have on its way to us, over all connections, before we have read it.
const WINDOW: usize = 64 << 20;
/// The largest piece of one connection that the others wait for.
const PIECE: usize = 64 << 10;

fn config() -> Config {
    let mut config = Config::default();
    config.set_max_num_streams(STREAMS).set_max_connection_receive_window(Some(WINDOW)).set_split_send_size(PIECE);
    config
}

/// The client's side; its clones share the streams below, which are given up with the last clone and
/// the last connection.
#[derive(Debug, Clone)]
pub struct Mux {
    open: mpsc::Sender<oneshot::Sender<yamux::Stream>>,
    state: watch::Receiver<State>,
}

/// How far a [`Mux`] is.
#[derive(Debug, Clone)]
enum State {
    /// The other side has not shown its marker.
    Waiting,
    /// It has.
    There,
    /// It is over.
    Ended(Arc<ProtocolError>),
}

impl Mux {
    /// Writes the marker and begins. Up to [`MAX_NOISE`] bytes before the other side's marker are skipped.
    pub async fn client<R, W>(reader: R, writer: W) -> Result<Self, ProtocolError>
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let mut writer = Heard(writer);
        writer.write_all(MARKER).await?;
        let (told, state) = watch::channel(State::Waiting);
        let seen = told.clone();
        let reader = Skip::new(read_ahead(reader), MAX_NOISE, Box::new(move || drop(seen.send_replace(State::There))));
        let connection = Connection::new(tokio::io::join(reader, writer).compat(), config(), Mode::Client);
        let (open, wanted) = mpsc::channel(STREAMS);
        tokio::spawn(async move {
            let end = drive(connection, wanted).await;
            told.send_replace(State::Ended(Arc::new(end)));
        });
        Ok(Self { open, state })
    }

    /// Waits until the other side has shown that it is an agent.
    pub async fn there(&self) -> Result<(), Arc<ProtocolError>> {
        let mut state = self.state.clone();
        let waited = state.wait_for(|state| !matches!(state, State::Waiting)).await;
        match waited.as_deref() {
            Ok(State::Ended(error)) => Err(Arc::clone(error)),
            Ok(_) => Ok(()),
            Err(_) => Err(Arc::new(ProtocolError::Ended)),
        }
    }

    /// A new connection; nothing is waited for.
    pub async fn open(&self) -> Result<Stream, Arc<ProtocolError>> {
        let (reply, opened) = oneshot::channel();
        if self.open.send(reply).await.is_err() {
            return Err(self.end().await); // what could not be sent would wait for its own reply
        }
        match opened.await {
            Ok(stream) => Ok(Stream { inner: stream.compat(), mux: Some(self.clone()) }),
            Err(_) => Err(self.end().await),
        }
    }

    /// Is it over?
    pub fn has_ended(&self) -> bool {
        matches!(*self.state.borrow(), State::Ended(_)) || self.open.is_closed()
    }

    /// Why it ended; waits for the end.
    pub async fn end(&self) -> Arc<ProtocolError> {
        let mut state = self.state.clone();
        match state.wait_for(|state| matches!(state, State::Ended(_))).await.as_deref() {
            Ok(State::Ended(error)) => Arc::clone(error),
            _ => Arc::new(ProtocolError::Ended),
        }
    }
}

/// Takes what comes as it comes. A side of yamux that has a frame to answer with reads on only when that has gone out,
/// so that two sides which both have much to say could wait for each other for ever; one that always takes what comes
/// keeps the other going. What that is, is bounded by the window.
fn read_ahead(mut reader: impl AsyncRead + Send + Unpin + 'static) -> DuplexStream {
    let (ahead, mut filling) = duplex(2 * WINDOW);
    tokio::spawn(async move {
        // an error is an end like any other: the marker, or what is missing, tells what it means
        tokio::io::copy(&mut reader, &mut filling).await.ok();
    });
    ahead
}

/// Moves bytes until nobody wants any connection, or the streams below end; says why.
async fn drive<T>(mut connection: Connection<T>, mut wanted: mpsc::Receiver<oneshot::Sender<yamux::Stream>>) -> ProtocolError
where
    T: futures_util::io::AsyncRead + futures_util::io::AsyncWrite + Unpin,
{
    let mut asking: Option<oneshot::Sender<yamux::Stream>> = None;
    let end = poll_fn(|context| {
        loop {
            if asking.is_none() {
                match wanted.poll_recv(context) {
                    Poll::Ready(Some(reply)) => asking = Some(reply),
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Pending => break,
                }
            }
            match connection.poll_new_outbound(context) {
                Poll::Ready(Ok(stream)) => {
                    if let Some(reply) = asking.take() {
                        reply.send(stream).ok(); // who asked may be gone
                    }
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Some(error)),
                Poll::Pending => break,
            }
        }
        loop {
            match connection.poll_next_inbound(context) {
                // an agent has nothing to ask: the connection is dropped, which refuses it
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(error)),
                Poll::Ready(None) => return Poll::Ready(Some(yamux::ConnectionError::Closed)),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
    if let Some(error) = end {
        return ended(error);
    }
    // nobody wants to say more, and what was said last still goes out
    poll_fn(|context| connection.poll_close(context)).await.ok();
    ProtocolError::Ended
}

/// The agent's side.
pub struct Served<T> {
    connection: Connection<Compat<T>>,
}

/// The streams of an agent: what it hears and what it says.
pub type Joined<R, W> = tokio::io::Join<Skip<R>, W>;

impl<R, W> Served<Joined<R, W>>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    /// Writes the marker and begins.
    pub async fn new(reader: R, mut writer: W) -> Result<Self, ProtocolError> {
        writer.write_all(MARKER).await?;
        writer.flush().await?;
        let streams = tokio::io::join(Skip::new(reader, 0, Box::new(|| {})), writer);
        Ok(Self { connection: Connection::new(streams.compat(), config(), Mode::Server) })
    }

    /// The next connection; `None` when the client has ended. Whoever has one relies on this being
    /// called again: it moves the bytes of all of them.
    pub async fn next(&mut self) -> Option<Result<Stream, ProtocolError>> {
        let next = poll_fn(|context| self.connection.poll_next_inbound(context)).await?;
        Some(next.map(|stream| Stream { inner: stream.compat(), mux: None }).map_err(ended))
    }

    /// Ends all connections, after what was said last has gone out.
    pub async fn close(&mut self) {
        poll_fn(|context| self.connection.poll_close(context)).await.ok();
    }
}

fn ended(error: yamux::ConnectionError) -> ProtocolError {
    match error {
        yamux::ConnectionError::Closed => ProtocolError::Ended,
        yamux::ConnectionError::Io(error) | yamux::ConnectionError::Decode(yamux::FrameDecodeError::Io(error)) => {
            match error.downcast() {
                Ok(error) => error,
                Err(error) => ProtocolError::Io(error),
            }
        }
        other => ProtocolError::Io(io::Error::new(io::ErrorKind::InvalidData, other)),
    }
}

/// One connection of many. Dropped before it was shut down, it is reset.
#[derive(Debug)]
pub struct Stream {
    inner: Compat<yamux::Stream>,
    /// The client's streams below live for as long as a connection does.
    mux: Option<Mux>,
}

impl Stream {
    /// Why everything ended, if it did: what a connection that just stops cannot tell.
    pub fn mux(&self) -> Option<&Mux> {
        self.mux.as_ref()
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
