//! Between the generated bindings and the traits of the api. Used by [`export!`](crate::export)
//! only.

mod convert;
mod plans;
mod reach;
mod trees;

pub mod commands;
pub mod customizer;
pub mod node_setup;

/// `Vec`, under a name that a plugin cannot shadow.
pub type List<T> = Vec<T>;

/// `String`, likewise.
pub type Text = String;

/// Does the exported value implement the trait?
pub fn is_customizer(_: &impl silver_plugin_api::customizer::Customizer) {}

/// Does the exported value implement the trait?
pub fn is_commands(_: &impl silver_plugin_api::commands::Commands) {}

/// Does the exported value implement the trait?
pub fn is_node_setup(_: &impl silver_plugin_api::node_setup::NodeSetup) {}
