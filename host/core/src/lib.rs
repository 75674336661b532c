//! Who decides: resolves a pack and a customization to a release, plans the transition that makes
//! it live, and carries a plan through on a node.
//!
//! The planner is a pure function. What talks to a node does it through the traits of
//! [`node`]; `silver-transport` implements them. Nothing here links a transport, a plugin host or a
//! command line parser, and nothing here prints or reads the environment.

pub mod deploy;
pub mod doctor;
pub mod group;
pub mod location;
pub mod node;
pub mod nodes;
pub mod plan;
pub mod progress;
pub mod resolve;
pub mod setup;
pub mod status;
