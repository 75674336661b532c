//! Executes plans on a node: protocol, journal, releases on disk, processes and the front.
//!
//! The crate has two halves. The *control* half receives bytes and plans, lays releases out and
//! carries transitions through; the *hosting* half runs processes and answers HTTP. They meet at
//! the trait [`apps::Apps`]. Nothing here decides anything: what happens on a failure is in the plan.

pub mod apps;
pub mod dirs;
pub mod protocol;
