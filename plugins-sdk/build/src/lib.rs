//! Makes plugins: projects from templates ([`new`]), and components from projects in Rust, Python and
//! JavaScript ([`build`]).
//!
//! It starts the toolchains, and prints and asks nothing: what it is about to install it tells its
//! caller first ([`Place::tell`]). Pinned versions of the toolchains for Python and JavaScript are installed below
//! the caller's cache; Rust is the author's own.

pub mod build;
pub mod component;
mod error;
mod javascript;
pub mod new;
mod place;
pub mod project;
mod python;
pub mod rust;
mod sdk;
mod start;

pub use error::BuildError;
pub use place::Place;
pub use sdk::{Lang, wit};
