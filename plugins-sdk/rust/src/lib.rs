//! Guest SDK: what a silver plugin written in Rust needs.
//!
//! A plugin implements a trait of [`silver_plugin_api`] (re-exported here whole) and names itself
//! with [`export!`]. The same `lib.rs` compiles natively, where [`export!`] only checks the type, and
//! to a component, where it makes the exports of the WIT world. Build it as a `cdylib` for
//! `wasm32-unknown-unknown` (which imports no WASI) and encode the module with the crate
//! `wit-component`: `ComponentEncoder::default().validate(true).module(&module)?.encode()?`;
//! `cargo xtask plugins` does both. `examples/site_header.rs` is the smallest plugin.
//!
//! ```
//! use silver_plugin::{Collision, Diagnostic, Failure, Overlay, Reason, Tree, TreePath, customizer};
//!
//! struct SiteHeader;
//!
//! impl customizer::Customizer for SiteHeader {
//!     fn claims(&self, _: &customizer::Options) -> Result<Vec<customizer::Claim>, Failure> {
//!         Ok(vec![customizer::Claim { pattern: "header.html".into(), summary: "the header of every page".into() }])
//!     }
//!
//!     fn check(&self, _: &dyn Tree, _: &dyn Tree, _: &customizer::Options) -> Result<Vec<Diagnostic>, Failure> {
//!         Ok(Vec::new())
//!     }
//!
//!     fn merge(
//!         &self,
//!         _: &dyn Tree,
//!         customization: &dyn Tree,
//!         into: &mut dyn Overlay,
//!         _: &customizer::Options,
//!     ) -> Result<Vec<Diagnostic>, Failure> {
//!         let header = TreePath::new("header.html").expect("a constant path");
//!         if customization.stat(&header).is_some() {
//!             let why = Reason::new("site header", ["customization:header.html".into()]);
//!             into.link(customization, &header, &header, Collision::Replace, why)?;
//!         }
//!         Ok(Vec::new())
//!     }
//! }
//!
//! silver_plugin::export!(customizer: SiteHeader);
//! ```
//!
//! Rules of the sandbox: no clock, no randomness, no environment; a panic is reported with its
//! message (through [`log`]) and ends the call; static state does not survive a call, since every
//! call gets a fresh instance.

// The generated ABI glue and nothing else needs `unsafe` (reading and writing linear memory).
#[allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
#[doc(hidden)]
pub mod bindings;
mod export;
#[doc(hidden)]
pub mod glue;
pub mod log;
pub mod wit;

pub use silver_plugin_api::*;
