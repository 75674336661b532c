//! Version 0.1 of the interface, `plugins-sdk/wit`, and the draft `plugins-sdk/wit-node` beside it: a component of it behind the traits of
//! [`silver_plugin_api`]. Only this module knows the generated types.

mod bindings;
mod commands;
mod convert;
mod customizer;
mod log;
mod node_setup;
mod overlay;
mod plans;
mod reach;
mod tree;

use crate::extensions::Loaded;
use std::sync::Arc;

/// A component that speaks version 0.1, joined with its imports (`P`).
pub(super) struct V01<P> {
    loaded: Arc<Loaded>,
    pre: P,
}
