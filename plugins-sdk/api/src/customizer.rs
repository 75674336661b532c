//! Customizers lay a customization directory over an application.

use crate::{
    Settings,
    diagnostic::Diagnostic,
    failure::Failure,
    slot::Slot,
    tree::{Overlay, Tree},
};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// A part of the customization directory that a customizer answers for; a file that nobody claims
/// is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Glob over the customization directory.
    pub pattern: String,
    /// What goes there.
    pub summary: String,
}

/// What a customizer knows besides the trees.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Options {
    /// The application's name on the node.
    pub app_name: String,
    /// The application's version, as the pack gives it.
    pub app_version: String,
    /// Resolved settings; secrets are absent (they bind on the node).
    pub settings: Settings,
    /// Target platform, e.g. `linux-x86_64-gnu2.36-cp311`.
    pub target: String,
    /// Room to grow. Today: `slots` (JSON list of [`Slot`]), `layout-root`, and `app-plugins` (JSON
    /// list of [`AppPlugin`]).
    pub extra: Settings,
}

/// An app plugin that the customization wants and its lock pins (a row of `customize.lock`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AppPlugin {
    /// Name in its index.
    pub name: String,
    /// Exact version.
    pub version: String,
    /// The file in the customization directory that holds it (a wheel, say).
    pub path: String,
    /// Wanted by the operator, or pulled in by another one?
    pub requested: bool,
}

/// The key of [`Options::extra`] that holds the slots.
pub const EXTRA_SLOTS: &str = "slots";
/// The key of [`Options::extra`] that holds the instance directory's path in the tree.
pub const EXTRA_LAYOUT_ROOT: &str = "layout-root";
/// The key of [`Options::extra`] that holds the locked app plugins.
pub const EXTRA_APP_PLUGINS: &str = "app-plugins";

/// Lays a customization over an application. A pure function of its arguments: the host caches the
/// outcome by their digests.
pub trait Customizer {
    /// What this customizer answers for.
    fn claims(&self, options: &Options) -> Result<Vec<Claim>, Failure>;

    /// Findings, without a result. Errors stop the merge.
    fn check(&self, app: &dyn Tree, customization: &dyn Tree, options: &Options) -> Result<Vec<Diagnostic>, Failure>;

    /// Fills `into`, whose base is `app` (or what the customizer before made of it).
    fn merge(
        &self,
        app: &dyn Tree,
        customization: &dyn Tree,
        into: &mut dyn Overlay,
        options: &Options,
    ) -> Result<Vec<Diagnostic>, Failure>;
}

/// A customizer's declarative input, for those that read [`EXTRA_SLOTS`].
pub type Slots = Vec<Slot>;
