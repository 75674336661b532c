//! The agent at the far end of one channel of ssh: it is there for one client, carries nothing itself,
//! and ends with the channel. Several are there at the same time.

use super::{ServeError, connection};
use crate::{
    agent::{Agent, Options},
    apps::Apps,
    disk::words,
    protocol::{ProtocolError, mux::Served},
};
use std::sync::Arc;
use tokio::{
    io::{AsyncRead, AsyncWrite, BufWriter},
    task::JoinSet,
};

/// A little more than the largest piece of a stream, so that it and its header leave together.
const PIECE: usize = 80 << 10;

/// Serves the connections that come over one pair of streams, until the client ends. What it was staging is
/// given up then, and has ended when this returns; what was submitted goes on elsewhere.
pub async fn visit<R, W>(options: Options, apps: Arc<dyn Apps>, reader: R, writer: W) -> Result<(), ServeError>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin,
{
    options.dirs.prepare()?;
    let agent = Agent::new(options, apps)?;
    let mut connections = JoinSet::new();
    if let Err(error) = accept(&agent, &mut connections, reader, writer).await {
        tracing::info!("the channel broke: {}", words(&error));
    }
    while connections.join_next().await.is_some() {}
    agent.at_rest().await;
    Ok(())
}

async fn accept<R, W>(agent: &Arc<Agent>, connections: &mut JoinSet<()>, reader: R, writer: W) -> Result<(), ProtocolError>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin,
{
    // what is said in many small pieces goes out in few
    let mut served = Served::new(reader, BufWriter::with_capacity(PIECE, writer)).await?;
    while let Some(stream) = served.next().await {
        let (reader, writer) = tokio::io::split(stream?);
        connections.spawn(connection::serve(Arc::clone(agent), reader, writer));
        while connections.try_join_next().is_some() {} // what has ended is not kept
    }
    Ok(())
}

#[cfg(test)]
mod tests;
