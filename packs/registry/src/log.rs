//! The append-only log: a Merkle tree in tiles (c2sp.org/tlog-tiles) below a signed head
//! (c2sp.org/tlog-checkpoint, here called tree head).
//!
//! An entry is the sha256 of an event's file, 32 bytes; its leaf hash is RFC 6962's. Tiles are 256
//! hashes wide. The tile of a place is written anew, one hash wider, with each event, as
//! `<place>.p/<width>` until it is full; what a full tile's `.p` held is then removed, as the
//! specification allows.

mod head;
mod tile_path;
mod tiles;

pub use head::{HeadError, TreeHead};
pub use tile_path::TilePath;
pub use tiles::{LogError, Tiles, goes_on};

pub(crate) use tiles::{TILE_WIDTH, compute, entry_hash, root};
