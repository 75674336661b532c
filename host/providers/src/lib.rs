//! Creates nodes: the trait [`Provider`], and [`nspawn`], which makes real Debian machines of
//! directories on this one (root, systemd-nspawn; no Docker, no account). The tests take their nodes
//! from the same code.

pub mod error;
pub mod image;
pub mod node;
pub mod nspawn;
pub mod provider;
mod run;

pub use error::ProviderError;
pub use nspawn::Nspawn;
pub use provider::{Created, Provider, Wanted};
