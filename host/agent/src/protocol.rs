//! What is said between a command and an agent, over any pair of byte streams: a Unix socket here,
//! a channel of ssh elsewhere, a memory pipe in tests.
//!
//! Each side sends the line `SILVER/1`, then frames: length (u32, big endian, of the body), type
//! (u8), body. Type 0 is a message in JSON, type 1 a chunk of data, type 2 a chunk of data of the
//! second stream (standard error); chunks are zstd frames of their own. Type 3 is empty and says only
//! that its sender is still there. Type 4 is a chunk of data as it is, where compressing would gain nothing. The first message each way is a [`Hello`]. Then the client sends one
//! [`Request`] at a time and reads [`Response`]s until one for which [`Response::is_last`] holds. What
//! must go on at the same time goes over another connection; locks belong to the connection, and fall
//! when it ends or when the client is silent for longer than [`PATIENCE`].

use std::time::Duration;

mod channel;
mod frame;
mod message;
pub mod mux;

pub use channel::{Channel, ProtocolError, accept, connect, open};
pub use frame::{CHUNK, Frame, MAX_FRAME, MAX_NOISE};
pub use message::{ErrorCode, Hello, Refusal, Request, Response};

/// The version of the protocol; both sides have to speak the same.
pub const PROTOCOL: u32 = 2;
/// A client that holds a lock says at least this often that it is there.
pub const KEEPALIVE: Duration = Duration::from_secs(10);
/// After so long a silence a client that holds a lock counts as gone. A frame of [`CHUNK`] bytes has to
/// get through in this time.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// The first line of each side, so that a login shell's chatter can be told from it.
pub const MARKER: &[u8] = b"SILVER/1\n";

#[cfg(test)]
mod tests;
