//! The registry: blobs, trees and an append-only, signed log of what was deployed.
//!
//! ```text
//! registry/
//!   format                     "silver-registry 1"
//!   objects/  trees/  events/  see `objects`, `trees`, `statement`
//!   log/tree-head  log/tile/…  see `log`
//!   tmp/                       files under construction; garbage after a crash
//!   nodes/<name>/              copies of the registries of other nodes, see `mirror`
//!   index.sqlite               derived (feature `index`)
//! ```
//!
//! Truth is files that are written once: objects, then the tree, then the event, its tiles, and last
//! the tree head that makes them count. Whatever lies beyond the head is garbage and harmless.

mod durable;
#[cfg(test)]
mod fixture;

#[cfg(feature = "index")]
pub mod diff;
pub mod dsse;
pub mod error;
#[cfg(feature = "index")]
pub mod files;
#[cfg(feature = "index")]
pub mod index;
pub mod log;
pub mod mirror;
pub mod needed;
pub mod objects;
pub mod operator_signature;
pub mod registry;
pub mod seen;
pub mod signer;
pub mod statement;
pub mod trees;
pub mod verify;

pub use error::RegistryError;
pub use log::TreeHead;
pub use mirror::{Mirror, MirrorError};
pub use objects::Objects;
pub use registry::{LoggedEvent, Registry};
pub use seen::Seen;
pub use signer::{Signer, VerifierKey};
pub use statement::{Change, Event, EventKind, Record, Statement};
pub use trees::Trees;
