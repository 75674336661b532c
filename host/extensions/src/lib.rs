//! Runs WASM plugins; the only crate that links wasmtime.
//!
//! A component is *inspected* before anything is compiled: its import and export names tell its
//! world, its ABI and whether it is pure ([`inspect`]). Then it is compiled, or taken from the private
//! cache of compiled plugins ([`Extensions`]), and stands behind the traits of
//! [`silver_plugin_api`], as a built-in does: [`WasmCustomizer`], [`WasmCommands`], [`WasmNodeSetup`]. Every call gets a
//! fresh store with the host's [`Limits`]; what a plugin may reach is what it asked for and was
//! granted ([`Grants`]).
//!
//! Deliberately absent: WASI (but for constant stand-ins, `host/wasi.rs`), threads, Winch, compiled code from anywhere but our own cache, limits that a
//! plugin declares for itself.

mod abi;
mod cache;
mod commands;
mod compiler;
mod customizer;
mod engine;
mod error;
mod extensions;
mod grants;
mod host;
mod inspect;
mod limits;
mod node_setup;
mod usage;

pub use abi::{ABI, NODE_DRAFT};
pub use commands::WasmCommands;
pub use compiler::{Compiler, compile};
pub use customizer::WasmCustomizer;
pub use error::{CacheError, ExtensionError};
pub use extensions::{Extensions, Plugin};
pub use grants::Grants;
pub use inspect::{Inspection, MAX_COMPONENT, Refusal, World, inspect};
pub use limits::{Limit, LimitReached, Limits};
pub use node_setup::WasmNodeSetup;
pub use usage::Usage;

#[cfg(test)]
mod tests;
