//! The built-in customizer, and what it edits files with.
//!
//! A crate of its own because it is compiled for another target, too: `packs/overlay/plugin` is the same code as a component,
//! which proves that the plugin interface carries what a built-in needs.

pub mod customizer;
pub mod globs;
mod nearest;
pub mod render;

pub use nearest::nearest;
