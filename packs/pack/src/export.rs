//! A tree as files in a directory, for people to look at.

use crate::{
    listing::Kind,
    snapshot::{ReadError, Snapshot},
};
use silver_plugin_api::TreePath;
use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::{OpenOptionsExt, symlink},
    path::{Path, PathBuf},
};

/// Why a tree could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Something is there already.
    #[error("{} is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// A content cannot be read.
    #[error("cannot read `{path}` of the tree")]
    Read {
        /// Which.
        path: TreePath,
        /// Why.
        source: ReadError,
    },
    /// The disk says no.
    #[error("cannot write {}", path.display())]
    Write {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ExportError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotEmpty(dir) => Some(format!("remove {} first, or name another directory", dir.display())),
            Self::Read { source, .. } => source.hint(),
            Self::Write { .. } => None,
        }
    }
}

/// Writes `tree` to `dir`, which is absent or empty before and complete afterwards: it is written
/// beside it and renamed. Nothing is left behind after an error.
pub fn export(tree: &Snapshot, dir: &Path) -> Result<(), ExportError> {
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(ExportError::NotEmpty(dir.into()));
    }
    let mut name = std::ffi::OsString::from(".");
    name.push(dir.file_name().unwrap_or_default());
    name.push(".silver-new");
    let beside = dir.with_file_name(name);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ExportError::Write { path, source }
    };
    if beside.exists() {
        fs::remove_dir_all(&beside).map_err(failed(&beside))?;
    }
    let write = || {
        fs::create_dir_all(&beside).map_err(failed(&beside))?;
        for (path, node) in tree.listing().iter() {
            let at = beside.join(path.as_str());
            fs::create_dir_all(at.parent().unwrap_or(&beside)).map_err(failed(&at))?;
            let read = |source| ExportError::Read { path: path.clone(), source };
            if node.kind == Kind::Link {
                let target = tree.link_target(path).map_err(read)?;
                symlink(target, &at).map_err(failed(&at))?;
                continue;
            }
            let mode = if node.kind == Kind::Executable { 0o755 } else { 0o644 };
            let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&at).map_err(failed(&at))?;
            let mut content = tree.open(path).map_err(read)?;
            io::copy(&mut content, &mut file).map_err(failed(&at))?;
        }
        fs::rename(&beside, dir).map_err(failed(dir))
    };
    write().inspect_err(|_| drop(fs::remove_dir_all(&beside)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overlay::Draft;
    use silver_plugin_api::{Collision, Overlay, Reason};

    #[test]
    fn what_is_written_is_read_back_as_the_same_tree() {
        let path = |text: &str| TreePath::new(text).unwrap();
        let why = || Reason::new("a test", []);
        let mut draft = Draft::new(&Snapshot::empty());
        draft.put(&path("a/b"), b"x", true, Collision::Fail, why()).unwrap();
        draft.put(&path("c"), b"", false, Collision::Fail, why()).unwrap();
        draft.symlink(&path("a/l"), "../c", Collision::Fail, why()).unwrap();
        let (tree, _) = draft.finish();
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        export(&tree, &out).unwrap();
        assert_eq!(Snapshot::capture(&out).unwrap().digest(), tree.digest());
        assert!(matches!(export(&tree, &out), Err(ExportError::NotEmpty(_))));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
