//! What is said between a command and an agent, over any pair of byte streams: a Unix socket here,
//! a channel of ssh elsewhere, a memory pipe in tests.
//!
//! Each side sends the line `SILVER/1`, then frames: length (u32, big endian, of the body), type
//! (u8), body. Type 0 is a message in JSON, type 1 a chunk of data, type 2 a chunk of data of the
//! second stream (standard error); chunks are zstd frames of their own. The first message each way is a
//! [`Hello`]. Then the client sends one [`Request`] at a time and reads [`Response`]s until one for
//! which [`Response::is_last`] holds. What must go on at the same time goes over another connection;
//! locks belong to the connection.

mod channel;
mod frame;
mod message;

pub use channel::{Channel, ProtocolError, accept, connect};
pub use frame::{CHUNK, Frame, MAX_FRAME, MAX_NOISE};
pub use message::{ErrorCode, Hello, Refusal, Request, Response};

/// The version of the protocol; both sides have to speak the same.
pub const PROTOCOL: u32 = 1;
/// The first line of each side, so that a login shell's chatter can be told from it.
pub const MARKER: &[u8] = b"SILVER/1\n";

#[cfg(test)]
mod tests;
