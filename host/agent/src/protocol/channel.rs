//! One connection: hand-shake, messages, data.

use super::{CHUNK, Frame, Hello, MARKER, MAX_NOISE, PROTOCOL, frame};
use serde::{Serialize, de::DeserializeOwned};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter},
    time::timeout,
};

/// Why a connection cannot be used any more.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// Reading or writing failed.
    #[error("the connection broke")]
    Io(#[from] io::Error),
    /// The other side ended in the middle.
    #[error("the other side ended the connection")]
    Ended,
    /// The other side has said nothing for too long.
    #[error("the other side has been silent for {} s", .0.as_secs())]
    Silent(Duration),
    /// The other side is something else.
    #[error("the other side is no silver agent{}", said(.0))]
    NoMarker(String),
    /// The other side speaks another version.
    #[error("the other side is silver {silver} and speaks protocol {protocol}; this side speaks {PROTOCOL}")]
    Version {
        /// Its version.
        silver: String,
        /// Its protocol.
        protocol: u32,
    },
    /// A frame is over its bound.
    #[error("a frame of {0} bytes is over the limit")]
    TooLong(usize),
    /// A frame of a type that this side does not know.
    #[error("a frame has the unknown type {0}")]
    UnknownFrame(u8),
    /// A chunk of data is not what it has to be.
    #[error("a chunk of data cannot be read")]
    BadChunk(#[source] io::Error),
    /// A message is not what it has to be.
    #[error("a message cannot be read")]
    BadMessage(#[from] serde_json::Error),
    /// Data where a message was expected, or the reverse, or more of it than was announced.
    #[error("{0}")]
    Unexpected(&'static str),
}

impl ProtocolError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Version { .. } => Some("`silver local stop` ends the running agent; the next command starts its own".into()),
            Self::NoMarker(_) => Some("does a login script print something, or end the shell?".into()),
            _ => None,
        }
    }
}

fn said(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("; it said: {text}") }
}

/// A connection after its hand-shake.
#[derive(Debug)]
pub struct Channel<R, W> {
    reader: BufReader<R>,
    writer: BufWriter<W>,
    patience: Option<Duration>,
    /// The other side's greeting is still to be read.
    greeting: bool,
}

/// The client's side towards what is known to be an agent. Its greeting is read with its first answer, so that a
/// question takes one round trip.
pub async fn open<R, W>(reader: R, writer: W, own: &Hello) -> Result<Channel<R, W>, ProtocolError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut channel = Channel::new(reader, writer);
    channel.writer.write_all(MARKER).await?;
    // it leaves with the first question
    frame::write(&mut channel.writer, &Frame::Message(serde_json::to_vec(own)?)).await?;
    channel.greeting = true;
    Ok(channel)
}

/// The client's hand-shake: up to [`MAX_NOISE`] bytes before the marker are skipped.
pub async fn connect<R, W>(reader: R, writer: W, own: &Hello) -> Result<(Channel<R, W>, Hello), ProtocolError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    shake(reader, writer, own, MAX_NOISE).await
}

/// The agent's hand-shake. An agent that speaks another protocol can still be ended by a signal: its
/// process id is in `run/agent.lock`.
pub async fn accept<R, W>(reader: R, writer: W, own: &Hello) -> Result<(Channel<R, W>, Hello), ProtocolError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    shake(reader, writer, own, 0).await
}

async fn shake<R, W>(reader: R, writer: W, own: &Hello, noise: usize) -> Result<(Channel<R, W>, Hello), ProtocolError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut channel = Channel::new(reader, writer);
    channel.writer.write_all(MARKER).await?;
    channel.send(own).await?;
    let theirs = channel.greeting(noise).await?;
    Ok((channel, theirs))
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Channel<R, W> {
    fn new(reader: R, writer: W) -> Self {
        Self {
            reader: BufReader::with_capacity(1 << 16, reader),
            writer: BufWriter::with_capacity(1 << 16, writer),
            patience: None,
            greeting: false,
        }
    }
}

impl<R: AsyncRead + Unpin, W> Channel<R, W> {
    async fn greeting(&mut self, noise: usize) -> Result<Hello, ProtocolError> {
        frame::skip_to_marker(&mut self.reader, noise).await?;
        let Some(Frame::Message(theirs)) = frame::read(&mut self.reader).await? else { return Err(ProtocolError::Ended) };
        let theirs: Hello = serde_json::from_slice(&theirs)?;
        if theirs.protocol != PROTOCOL {
            return Err(ProtocolError::Version { silver: theirs.silver, protocol: theirs.protocol });
        }
        Ok(theirs)
    }

    /// From now on a silence of the other side that is longer than this is an error; `None`: never.
    pub fn set_patience(&mut self, patience: Option<Duration>) {
        self.patience = patience;
    }

    /// The next frame that says something, for where messages and data are mixed; `None` when the other side ended.
    pub async fn frame(&mut self) -> Result<Option<Frame>, ProtocolError> {
        if self.greeting {
            self.greeting(0).await?;
            self.greeting = false;
        }
        loop {
            let next = frame::read(&mut self.reader);
            let frame = match self.patience {
                None => next.await?,
                Some(patience) => timeout(patience, next).await.map_err(|_| ProtocolError::Silent(patience))??,
            };
            if frame != Some(Frame::Alive) {
                return Ok(frame);
            }
        }
    }

    /// The next message; `None` when the other side ended.
    pub async fn receive<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ProtocolError> {
        match self.frame().await? {
            None => Ok(None),
            Some(Frame::Message(body)) => Ok(Some(serde_json::from_slice(&body)?)),
            Some(_) => Err(ProtocolError::Unexpected("data came where a message was expected")),
        }
    }

    /// The next chunk of data that was announced.
    pub async fn receive_data(&mut self) -> Result<Vec<u8>, ProtocolError> {
        match self.frame().await?.ok_or(ProtocolError::Ended)? {
            Frame::Data(bytes) => Ok(bytes),
            _ => Err(ProtocolError::Unexpected("a message came where data was expected")),
        }
    }
}

impl<R, W: AsyncWrite + Unpin> Channel<R, W> {
    /// Sends a message.
    pub async fn send<T: Serialize>(&mut self, message: &T) -> Result<(), ProtocolError> {
        self.send_frame(&Frame::Message(serde_json::to_vec(message)?)).await
    }

    /// Sends one frame.
    pub async fn send_frame(&mut self, frame: &Frame) -> Result<(), ProtocolError> {
        frame::write(&mut self.writer, frame).await?;
        Ok(self.writer.flush().await?)
    }

    /// Sends exactly `size` bytes of `from` in chunks, as they were announced; `sent` is told the
    /// bytes so far.
    pub async fn send_data(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        size: u64,
        mut sent: impl FnMut(u64),
    ) -> Result<(), ProtocolError> {
        let mut done = 0;
        while done < size {
            let wanted = usize::try_from(size - done).map_or(CHUNK, |left| left.min(CHUNK));
            let mut chunk = vec![0; wanted];
            from.read_exact(&mut chunk).await?;
            frame::write(&mut self.writer, &Frame::Data(chunk)).await?;
            done += wanted as u64;
            sent(done);
        }
        Ok(self.writer.flush().await?)
    }
}

impl<R, W> Channel<R, W> {
    /// Both halves, to read and write at the same time; each is a channel of one direction.
    pub fn split(self) -> (Channel<R, tokio::io::Sink>, Channel<tokio::io::Empty, W>) {
        (
            Channel {
                reader: self.reader,
                writer: BufWriter::new(tokio::io::sink()),
                patience: self.patience,
                greeting: self.greeting,
            },
            Channel { reader: BufReader::new(tokio::io::empty()), writer: self.writer, patience: None, greeting: false },
        )
    }
}
