//! Apps on a server: one system user per app, one systemd unit per process, Caddy before them.
//!
//! The local node's [`crate::hosting`] keeps processes itself; here systemd does, and nothing of silver
//! runs while nobody asks for anything. What is known lies in files and in systemd, never in memory:
//! several agents may be at work at once.

mod door;
mod places;

pub use door::Door;
pub use places::{check_socket, directory, socket, web_link};
