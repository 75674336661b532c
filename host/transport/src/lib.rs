//! Reaches nodes: the background agent of this machine through its Unix socket, servers over ssh, and memory pipes
//! in tests. Translates the traits of `silver-core` to the agent's protocol.

mod answer;
mod connection;
pub mod dial;
mod keepalive;
pub mod local;
pub mod pipe;
mod remote;
mod run;
mod session;
mod setup;
pub mod ssh;

pub use remote::RemoteNode;
