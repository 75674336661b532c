//! A name in the data directory of an app, for whoever works there as another user than the app.
//!
//! On a server the agent is root, and the app, which owns the directory, may be at work: it could put a link where
//! a directory was, and root would read, write or remove what the link leads to. So the directory that holds the name
//! is opened step by step without following links, and the name is reached through that handle.

use crate::{
    dirs::{Dirs, Layout},
    disk::{At, DiskError, make_dir},
};
use rustix::{
    fs::{Mode, OFlags, ResolveFlags, mkdirat, open, openat2},
    io::Errno,
};
use silver_plugin_api::TreePath;
use std::{
    fs, io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A name in the data directory of an app. Its path holds for as long as it is kept.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    /// On a server; the path leads through it.
    _parent: Option<OwnedFd>,
}

impl Place {
    /// The name; the directories above it are there.
    pub(crate) fn of(dirs: &Dirs, app: &str, name: &TreePath) -> Result<Self, DiskError> {
        Self::find(dirs, app, name, false)
    }

    /// The name; directories above it that are missing are made.
    pub(crate) fn make(dirs: &Dirs, app: &str, name: &TreePath) -> Result<Self, DiskError> {
        Self::find(dirs, app, name, true)
    }

    fn find(dirs: &Dirs, app: &str, name: &TreePath, make: bool) -> Result<Self, DiskError> {
        let (data, path) = (dirs.data(app), dirs.data(app).join(name.as_str()));
        let above = name.parent().filter(|above| !above.is_root());
        if dirs.layout == Layout::Local {
            if make {
                make_dir(path.parent().unwrap_or(&data))?;
            }
            return Ok(Self { path, _parent: None });
        }
        let mut parent = open(&data, FLAGS, Mode::empty()).at("open", &data)?;
        for step in above.iter().flat_map(|above| above.as_str().split('/')) {
            parent = enter(parent.as_fd(), step, make).at("open the directory of", &path)?;
        }
        let near = PathBuf::from(format!("/proc/self/fd/{}", parent.as_raw_fd())).join(path.file_name().unwrap_or_default());
        if fs::symlink_metadata(&near).is_ok_and(|found| found.is_symlink()) {
            return Err(DiskError { doing: "use", path, source: io::Error::other("it is a link, which is not followed there") });
        }
        Ok(Self { path: near, _parent: Some(parent) })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn enter(parent: BorrowedFd<'_>, name: &str, make: bool) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    match openat2(parent, name, FLAGS, Mode::empty(), resolve) {
        Err(Errno::NOENT) if make => {
            mkdirat(parent, name, Mode::RWXU)?;
            openat2(parent, name, FLAGS, Mode::empty(), resolve)
        }
        opened => opened,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn on_a_server_no_link_leads_root_away() {
        let root = tempfile::tempdir().unwrap();
        let dirs = Dirs::server_below(root.path());
        let (data, outside) = (dirs.data("a"), root.path().join("outside"));
        for dir in [data.join("conf"), outside.clone()] {
            fs::create_dir_all(dir).unwrap();
        }
        fs::write(outside.join("shadow"), "secret").unwrap();
        symlink(&outside, data.join("way")).unwrap();
        symlink(outside.join("shadow"), data.join("conf/link")).unwrap();
        let name = |text: &str| text.parse::<TreePath>().unwrap();
        for refused in ["way/shadow", "way/new/deep", "conf/link"] {
            assert!(Place::make(&dirs, "a", &name(refused)).is_err(), "{refused}");
        }
        assert!(Place::of(&dirs, "a", &name("new/deep/file")).is_err(), "it is not made");
        let place = Place::make(&dirs, "a", &name("new/deep/file")).unwrap();
        // what is put there afterwards does not lead away, either
        fs::rename(data.join("new"), data.join("moved")).unwrap();
        symlink(&outside, data.join("new")).unwrap();
        fs::write(place.path(), "kept").unwrap();
        assert_eq!(fs::read_to_string(data.join("moved/deep/file")).unwrap(), "kept");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    }
}
