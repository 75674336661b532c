//! Versions of the interfaces `silver:plugin` and, as a draft, `silver:node`.
//!
//! Versions of one *track* (`0.1` of `0.1.7`) only ever gain functions, so the newest of a track runs what was
//! built for an older one. A break is a new track: a new module beside [`v0_1`] with the bindings of its WIT, its own
//! implementation of the generated host traits for [`State`](crate::host::State), and an adapter to the traits of
//! [`silver_plugin_api`], which is chosen once, when a component is loaded.

mod v0_1;

use crate::extensions::Loaded;
use silver_plugin_api::{commands::Commands, customizer::Customizer, node_setup::NodeSetup};
use std::sync::Arc;
use v0_1::V01;

/// The newest version of `silver:plugin` that this silver speaks.
pub const ABI: &str = "0.1.0";

/// The draft of `silver:node` that this silver speaks. Its values and its log are those of `silver:plugin`, so it is no
/// track of its own; it changes without notice, and then under another name.
pub const NODE_DRAFT: &str = "0.1.0-draft.2";

/// A track that this silver speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Track {
    /// 0.1
    V0_1,
}

impl Track {
    /// The track of a version, if this silver speaks it.
    pub(crate) fn of(version: &str) -> Option<Self> {
        match track(version) {
            "0.1" => Some(Self::V0_1),
            _ => None,
        }
    }

    /// A customizer of this track.
    pub(crate) fn customizer(self, loaded: Arc<Loaded>) -> wasmtime::Result<Box<dyn Customizer + Send + Sync>> {
        match self {
            Self::V0_1 => Ok(Box::new(V01::customizer(loaded)?)),
        }
    }

    /// Commands of this track.
    pub(crate) fn commands(self, loaded: Arc<Loaded>) -> wasmtime::Result<Box<dyn Commands + Send + Sync>> {
        match self {
            Self::V0_1 => Ok(Box::new(V01::commands(loaded)?)),
        }
    }

    /// A node's set-up, whose values are of this track.
    pub(crate) fn node_setup(self, loaded: Arc<Loaded>) -> wasmtime::Result<Box<dyn NodeSetup + Send + Sync>> {
        match self {
            Self::V0_1 => Ok(Box::new(V01::node_setup(loaded)?)),
        }
    }
}

/// What versions have in common that are compatible: `0.1` of `0.1.7`, `2` of `2.3.4`; a prerelease is
/// compatible with itself only.
pub(crate) fn track(version: &str) -> &str {
    if version.contains(['-', '+']) {
        return version;
    }
    let mut parts = version.splitn(3, '.');
    match (parts.next(), parts.next()) {
        (Some("0"), Some(minor)) => &version[..2 + minor.len()],
        (Some(major), _) => major,
        _ => version,
    }
}

/// Two versions as short as they can be told apart: `0.3` and `0.1`, or `0.1.7` and `0.1.0`.
pub(crate) fn apart<'a>(one: &'a str, other: &'a str) -> (&'a str, &'a str) {
    if track(one) == track(other) { (one, other) } else { (track(one), track(other)) }
}
