//! Built-in plugins: native implementations of the traits of `silver-plugin-api`, without input or
//! output of their own. A pack's WASM plugin can stand in the place of each.

pub mod backup;
pub mod monitoring;
pub mod node_setup;
pub mod runtimes;
pub mod services;
