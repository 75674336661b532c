//! Build recipes and package indexes: the part of `packs/` that reaches the network and runs programs.

pub mod app_plugins;
pub mod build;
pub mod http_fetch;
pub mod index;
pub mod keys;
pub mod new;
pub mod origin;
pub mod pip;
pub mod provenance;
pub mod requirements;
pub mod sbom;
pub mod store;
pub mod unpack;
pub mod vcs;
pub mod wheels;

pub use recipes::{
    command::CommandError,
    debian::{BadLink, DebianError, PinError, RootError, Trouble},
    npm::{LockError, NpmError},
};

mod curl;
mod npm;
pub mod process;
mod recipes;
mod sandboxed;
mod sdist;
mod sources;
mod wheel_metadata;

#[cfg(test)]
mod test_wheels;
