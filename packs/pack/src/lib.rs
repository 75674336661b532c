//! Packs, trees, customizations and the merge: pure, no network, clock or environment.

pub mod address;
pub mod archive;
pub mod commit;
pub mod customization;
pub mod document;
pub mod export;
pub mod former;
pub mod hash;
pub mod limits;
pub mod listing;
pub mod manifest;
pub mod merge;
pub mod overlay;
pub mod overrides;
pub mod pack;
pub mod platform;
pub mod rebase;
pub mod sandbox;
pub mod settings;
pub mod signature;
pub mod snapshot;
pub mod stamp;

pub use silver_overlay::{customizer as overlay_customizer, globs, render};
