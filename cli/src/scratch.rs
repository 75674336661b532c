//! Where a command and what it starts keep temporary files.

use crate::error::Result;
use std::path::Path;
use tempfile::TempDir;

/// One directory for all temporary files of this process, so that whoever ends it can remove them. A killed
/// process leaves one directory where the machine clears temporary files.
pub struct Scratch(TempDir);

impl Scratch {
    /// From now on this process makes its temporary files in here.
    pub fn new() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("silver-scratch-").tempdir()?;
        // fails when it was done before: then there is a directory already that is removed at the end
        let _ = tempfile::env::override_temp_dir(dir.path());
        Ok(Self(dir))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
