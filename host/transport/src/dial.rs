//! How a connection to an agent is made; what is said over it is the same everywhere.

use async_trait::async_trait;
use silver_agent::protocol::{self, Hello, ProtocolError};
use silver_core::node::NodeError;
use tokio::io::{AsyncRead, AsyncWrite};

/// The reading side of a connection.
pub type Reader = Box<dyn AsyncRead + Send + Unpin>;
/// The writing side of a connection.
pub type Writer = Box<dyn AsyncWrite + Send + Unpin>;
/// A connection after its hand-shake.
pub type Channel = protocol::Channel<Reader, Writer>;

/// Makes connections to one agent.
#[async_trait]
pub trait Dial: Send + Sync {
    /// The node's name.
    fn node(&self) -> &str;
    /// A new connection, hand-shake done.
    async fn dial(&self) -> Result<Channel, NodeError>;
    /// Gets on the way what [`Dial::dial`] would wait for, as far as that asks nobody and changes nothing; what fails is
    /// told to whoever dials.
    async fn begin(&self) {}
    /// A new connection that shares nothing with the others: it shows that one still can get in.
    async fn dial_afresh(&self) -> Result<Channel, NodeError> {
        self.dial().await
    }
}

/// The client's hand-shake over any pair of streams.
pub(crate) async fn shake(reader: Reader, writer: Writer, who: &str) -> Result<(Channel, Hello), ProtocolError> {
    protocol::connect(reader, writer, &Hello::new(who)).await
}
