//! The file `nodes.toml`: found in the working directory or above it, else in silver's configuration directory.

use crate::{
    context::Context,
    dirs,
    error::{CommandError, Result},
    exit::Exit,
};
use silver_core::nodes::{FILE, Nodes};
use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// What marks a directory as a working copy.
const COPIES: [&str; 5] = [".git", ".hg", ".jj", ".svn", ".bzr"];

/// The file as it was found.
#[derive(Debug, Clone, Default)]
pub struct NodesFile {
    /// Where it is, or would be made.
    pub path: PathBuf,
    /// Its text; empty when there is none.
    pub text: String,
    /// What it says.
    pub nodes: Nodes,
}

impl NodesFile {
    /// Reads it; without a file there are no nodes but this machine's.
    pub fn read(context: &Context) -> Result<Self> {
        let Some(path) = find(context)? else { return Ok(Self { path: new(context)?, ..Self::default() }) };
        let text = fs::read_to_string(&path)
            .map_err(|error| CommandError::new(Exit::Usage, format!("{} cannot be read: {error}", path.display())))?;
        let nodes = Nodes::parse(&text, &path.display().to_string())?;
        Ok(Self { path, text, nodes })
    }

    /// Replaces it; whoever reads it sees the former or the new text.
    pub fn write(&self, text: &str) -> Result<()> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(dir)?;
        let mut file = tempfile::Builder::new().prefix(".nodes").tempfile_in(dir)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        let mode = fs::metadata(&self.path).map_or(0o644, |meta| std::os::unix::fs::PermissionsExt::mode(&meta.permissions()));
        file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

fn find(context: &Context) -> Result<Option<PathBuf>> {
    if let Some(named) = dirs::nodes_file() {
        return Ok(Some(std::path::absolute(named)?));
    }
    let here = std::env::current_dir()?;
    if let Some(found) = here.ancestors().map(|dir| dir.join(FILE)).find(|path| path.is_file()) {
        demand_own(&found)?;
        return Ok(Some(found));
    }
    Ok(Some(context.dirs()?.config.join(FILE)).filter(|path| path.is_file()))
}

/// Secrets are sent where the file says: it has to be the operator's, not that of whoever owns a directory above.
fn demand_own(path: &Path) -> Result<()> {
    let (owner, own) = (fs::metadata(path)?.uid(), rustix::process::getuid().as_raw());
    if owner == own || owner == 0 {
        return Ok(());
    }
    let message = format!("{} belongs to another user, so it does not say where this machine's nodes are", path.display());
    Err(CommandError::usage(message).hint("to use it all the same, name it: `SILVER_NODES=FILE`"))
}

/// Where a new file is made: at the root of the working copy, so that it gets under version control, or else where it
/// is found from everywhere.
fn new(context: &Context) -> Result<PathBuf> {
    let here = std::env::current_dir()?;
    let copy = here.ancestors().find(|dir| COPIES.iter().any(|mark| dir.join(mark).exists()));
    Ok(copy.map_or(context.dirs()?.config, Path::to_path_buf).join(FILE))
}
