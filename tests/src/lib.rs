//! End-to-end tests through the binary: the world they run in, its visitors, and the packs.
#![expect(clippy::disallowed_methods, reason = "the world of a test is made from the machine's environment")]

pub mod counter;
pub mod hello;
pub mod http;
pub mod load;
pub mod nodes;
pub mod onlooker;
pub mod terminal;
pub mod trac;
pub mod wheel;
pub mod world;

pub use counter::Visitors;
pub use http::Http;
pub use load::Load;
pub use onlooker::Onlooker;
pub use world::{Ran, World, wait_for};
