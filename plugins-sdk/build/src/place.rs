//! What the caller knows of the machine.

use std::path::{Path, PathBuf};

/// Where toolchains are kept, and who hears what is being done.
pub struct Place<'a> {
    /// Toolchains and intermediate files go below it; made if need be.
    pub cache: PathBuf,
    /// Cargo's home (`$CARGO_HOME`, `~/.cargo`): its path must not reach a component.
    pub cargo_home: PathBuf,
    /// Hears what is about to be installed and why, and what is being built.
    pub tell: &'a dyn Fn(&str),
}

impl Place<'_> {
    /// A directory of the cache.
    pub(crate) fn dir(&self, name: &str) -> PathBuf {
        Path::new(&self.cache).join(name)
    }
}
