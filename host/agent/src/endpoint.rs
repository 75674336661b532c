//! Where a process of an app listens.

use std::{io, path::PathBuf, pin::Pin};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};

/// An address on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket.
    Socket(PathBuf),
    /// A port of 127.0.0.1.
    Port(u16),
}

/// Either kind of connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Endpoint {
    /// A port that is free now.
    pub(crate) fn free_port() -> io::Result<Self> {
        Ok(Self::Port(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port()))
    }

    /// Connects.
    pub(crate) async fn connect(&self) -> io::Result<Pin<Box<dyn Stream>>> {
        Ok(match self {
            Self::Socket(path) => Box::pin(UnixStream::connect(path).await?),
            Self::Port(port) => {
                let stream = TcpStream::connect(("127.0.0.1", *port)).await?;
                stream.set_nodelay(true)?;
                Box::pin(stream)
            }
        })
    }
}
