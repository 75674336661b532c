//! The builds of silver that can be copied to servers: static ones first, then this one.

use crate::{context::Context, error::Result};
use silver_transport::ssh::Program;
use std::path::PathBuf;

/// What there is here. Static builds, which need no C library of the node, lie in `agents/` of the data directory as
/// `silver-x86_64`, `silver-aarch64`.
pub fn programs(context: &Context) -> Result<Vec<Program>> {
    let dirs = context.dirs()?;
    let mut paths: Vec<PathBuf> = match std::fs::read_dir(dirs.data.join("agents")) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(_) => Vec::new(), // usually there are none
    };
    paths.sort();
    paths.push(std::env::current_exe()?);
    let mut programs = Vec::new();
    for path in paths {
        programs.extend(Program::at(&path, &dirs.cache.join("agents"), silver_build::build::native_platform)?);
    }
    Ok(programs)
}
