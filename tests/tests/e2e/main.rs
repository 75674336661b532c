//! What silver promises to its users, tried through the binary. One file for each promise.

mod bad_input;
mod broken_release;
mod crash;
mod listed;
mod manage_app;
mod operate;
mod pack;
mod registry;
mod rollback;
mod runtimes;
mod secrets;
mod trac;
mod update;
mod writes;
