//! Plugins that behave and plugins that do not, written as small core modules and encoded here, so
//! that no WASM toolchain is needed.

mod abi;
mod behaved;
mod hostile;
mod memory;
mod node_setup;
mod refused;
mod wasi;
mod wasm;
