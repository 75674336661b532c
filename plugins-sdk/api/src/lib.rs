//! What a silver plugin is, in plain types: values, trees, one synchronous trait per plugin
//! kind, and the vocabulary of plans that a node executes.
//!
//! The crate is shared by the pack library, the core, the agent, the built-in plugins, the WASM
//! host and the guest SDK, so a plugin compiles unchanged as a built-in or as a component. It does
//! no input or output and needs no `std`.
#![no_std]

extern crate alloc;

pub mod commands;
pub mod customizer;
pub mod diagnostic;
pub mod digest;
pub mod failure;
pub mod index;
pub mod path;
pub mod plan;
pub mod slot;
pub mod tree;
pub mod walk;

pub mod backup;
pub mod monitor;
pub mod node_setup;
pub mod runtime;
pub mod service;
pub mod setup;

pub use diagnostic::{Diagnostic, Location, Severity, TreeRole};
pub use digest::Digest;
pub use failure::Failure;
pub use path::TreePath;
pub use tree::{Collision, Entry, EntryKind, FileWriter, Overlay, Reason, Tree};

/// Key/value settings: sorted by key, keys unique, values already turned into text.
pub type Settings = alloc::collections::BTreeMap<alloc::string::String, alloc::string::String>;
