//! Processes of apps, each the leader of a process group of its own, so that what it starts ends
//! with it.

mod attend;
mod control;
mod group;
mod joined;
mod launch;
mod lines;
mod record;

pub(crate) use attend::attend;
pub(crate) use control::{Control, Ended, Group};
pub(crate) use group::{end, members, parse_signal, signal};
pub(crate) use joined::{Opens, TERM, by_setsid, joined};
pub(crate) use launch::{Launch, LaunchError, describe, find_program};
pub(crate) use lines::{Tail, read_lines};
pub(crate) use record::{Record, sweep};
