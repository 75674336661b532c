//! End-to-end tests through the binary.

pub mod hello;
