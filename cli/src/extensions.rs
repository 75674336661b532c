//! The host of plugins, as all commands use it: compiled code is kept, and strangers' components are compiled in a
//! process of their own.

use crate::{context::Context, error::Result};
use silver_extensions::{Compiler, Extensions, Limits};

/// The plugin host.
pub fn open(context: &Context) -> Result<Extensions> {
    let cache = context.dirs()?.cache.join("plugins");
    let compiler = Compiler { program: std::env::current_exe()?, arguments: vec!["compile-plugin".into()] };
    Ok(Extensions::with_compiler(Some(&cache), Limits::default(), compiler)?)
}
