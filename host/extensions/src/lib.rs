//! Runs WASM plugins; the only crate that links wasmtime.
