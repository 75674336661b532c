//! Processes of apps, each the leader of a process group of its own, so that what it starts ends
//! with it.

mod group;
mod launch;
mod lines;
mod record;

pub(crate) use group::{end, members, parse_signal, signal};
pub(crate) use launch::{Launch, LaunchError, describe, find_program};
pub(crate) use lines::{Tail, read_lines};
pub(crate) use record::{Record, sweep};
