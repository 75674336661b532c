//! Build recipes and package indexes: the part of `packs/` that reaches the network and runs programs.

pub mod build;
pub mod http_fetch;
pub mod index;
pub mod pip;
pub mod provenance;
pub mod requirements;
pub mod sbom;
pub mod wheels;

pub mod process;
mod sources;
mod wheel_metadata;

#[cfg(test)]
mod test_wheels;
