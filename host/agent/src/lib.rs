//! Executes plans on a node: protocol, journal, releases on disk, processes and the front.
//!
//! The crate has two halves. The *control* half receives bytes and plans, lays releases out and
//! carries transitions through; the *hosting* half runs processes and answers HTTP. They meet at
//! the trait [`apps::Apps`]. Nothing here decides anything: what happens on a failure is in the plan.

pub mod agent;
pub mod apps;
mod barrier;
pub mod caddy;
pub mod checkpoint;
mod composed;
mod content;
mod data;
mod directories;
pub mod dirs;
mod disk;
pub mod endpoint;
pub mod environment;
pub mod facts;
mod failure;
#[cfg(test)]
mod fake;
pub mod fault;
pub mod feed;
pub mod front;
pub mod hosting;
pub mod journal;
pub mod launch;
pub mod lock;
pub mod login;
pub mod logs;
pub mod names;
pub mod observe;
pub mod packages;
mod place;
mod probes;
mod process;
pub mod protocol;
mod prune;
pub mod record;
pub mod recover;
pub mod render;
pub mod resources;
pub mod secrets;
pub mod server;
pub mod stage;
pub mod state;
pub mod store;
mod supervisor;
pub mod systemd;
#[cfg(test)]
mod testing;
pub mod transition;
mod trash;
