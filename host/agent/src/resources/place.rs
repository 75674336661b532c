//! Paths that root writes to though others may own the directories on the way.
//!
//! A path is walked directory by directory, each held open, so that nothing can be put in the place of one
//! meanwhile. A link on the way is followed only when it is root's (or this process's user's): whoever else
//! made it could lead root to any file.

use super::ResourceError;
use crate::disk::{At, DiskError};
use rustix::{
    fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat, Uid},
    io::Errno,
};
use silver_pack::hash;
use silver_plugin_api::Digest;
use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
};

/// So many links are followed on the way.
const MAX_LINKS: usize = 40;

/// Whose a file is, and who may do what with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mode: u32,
}

/// A name in a directory that is held open.
#[derive(Debug)]
pub(crate) struct Place {
    dir: OwnedFd,
    name: OsString,
    path: PathBuf,
}

impl Place {
    /// The place of an absolute path below `root`; `None` when its directory is not there, unless it is to be
    /// made (as root's, 0755).
    pub(crate) fn find(root: &Path, path: &str, make: bool) -> Result<Option<Self>, ResourceError> {
        let whole = PathBuf::from(path);
        let open_root = || rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        let mut dir = open_root().at("open", root)?;
        let mut left: VecDeque<OsString> = segments(Path::new(path));
        let Some(name) = left.pop_back() else {
            return Err(ResourceError::Other(format!("{path} names no file")));
        };
        let mut links = 0;
        while let Some(segment) = left.pop_front() {
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let next = match rustix::fs::openat(&dir, &segment, flags, Mode::empty()) {
                Err(Errno::NOENT) if !make => return Ok(None),
                Err(Errno::NOENT) => {
                    match rustix::fs::mkdirat(&dir, &segment, Mode::from_raw_mode(0o755)) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(error) => return Err(disk(error, "make a directory for", &whole).into()),
                    }
                    rustix::fs::openat(&dir, &segment, flags, Mode::empty()).at("open", &whole)?
                }
                other => other.at("look for", &whole)?,
            };
            let stat = rustix::fs::fstat(&next).at("look at", &whole)?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => dir = next,
                FileType::Symlink => {
                    links += 1;
                    if !is_trusted(stat.st_uid) || links > MAX_LINKS {
                        return Err(ResourceError::ForeignLink { path: format!("{} in {path}", segment.display()) });
                    }
                    let target = rustix::fs::readlinkat(&next, "", Vec::new()).at("read a link of", &whole)?;
                    let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
                    if target.is_absolute() {
                        dir = open_root().at("open", root)?;
                    }
                    for segment in segments(&target).into_iter().rev() {
                        left.push_front(segment);
                    }
                }
                _ if !make => return Ok(None),
                _ => return Err(ResourceError::InTheWay { path: segment.display().to_string(), is: "file" }),
            }
        }
        Ok(Some(Self { dir, name, path: whole }))
    }

    /// What is there.
    pub(crate) fn stat(&self) -> Result<Option<Stat>, DiskError> {
        match rustix::fs::statat(&self.dir, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(disk(error, "look at", &self.path)),
        }
    }

    /// The file that is there.
    pub(crate) fn open(&self) -> Result<File, DiskError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(&self.dir, &self.name, flags, Mode::empty()).at("open", &self.path)?))
    }

    /// All of it; at most `limit` bytes.
    pub(crate) fn read(&self, limit: u64) -> Result<Vec<u8>, DiskError> {
        let mut bytes = Vec::new();
        self.open()?.take(limit + 1).read_to_end(&mut bytes).at("read", &self.path)?;
        if bytes.len() as u64 > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has over {limit} bytes"))).at("read", &self.path);
        }
        Ok(bytes)
    }

    /// The digest of its content.
    pub(crate) fn digest(&self) -> Result<Digest, DiskError> {
        Ok(hash::copy_hashed(&mut self.open()?, &mut io::sink()).at("read", &self.path)?.0)
    }

    /// Where the link that is there leads.
    pub(crate) fn target(&self) -> Result<String, DiskError> {
        let target = rustix::fs::readlinkat(&self.dir, &self.name, Vec::new()).at("read the link", &self.path)?;
        Ok(String::from_utf8_lossy(target.as_bytes()).into_owned())
    }

    /// Puts a whole file here, in one step, instead of the file or link that is here.
    pub(crate) fn write(&self, bytes: &[u8], owned: Owned) -> Result<(), ResourceError> {
        self.is_no_directory()?;
        let new = self.new_name();
        self.unlink(&new)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.dir, &new, flags, Mode::from_raw_mode(0o600)).at("make", &self.path)?;
        let mut file = File::from(file);
        let written = file
            .write_all(bytes)
            .and_then(|()| own(&file, owned))
            .and_then(|()| crate::disk::sync(&file))
            .and_then(|()| Ok(rustix::fs::renameat(&self.dir, &new, &self.dir, &self.name)?))
            .at("write", &self.path);
        if written.is_err() {
            let _ = self.unlink(&new); // the error that matters is the one above
        }
        written?;
        self.sync()
    }

    /// Puts a link here instead of the file or link that is here.
    pub(crate) fn link(&self, target: &str) -> Result<(), ResourceError> {
        self.is_no_directory()?;
        let new = self.new_name();
        self.unlink(&new)?;
        rustix::fs::symlinkat(target, &self.dir, &new).at("make the link", &self.path)?;
        rustix::fs::renameat(&self.dir, &new, &self.dir, &self.name).at("put the link to", &self.path)?;
        self.sync()
    }

    /// Makes the directory, if need be, and gives it to its owner.
    pub(crate) fn directory(&self, owned: Owned) -> Result<(), ResourceError> {
        match rustix::fs::mkdirat(&self.dir, &self.name, Mode::from_raw_mode(0o700)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(disk(error, "make the directory", &self.path).into()),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = match rustix::fs::openat(&self.dir, &self.name, flags, Mode::empty()) {
            Err(Errno::NOTDIR | Errno::LOOP) => {
                return Err(ResourceError::InTheWay { path: self.path.display().to_string(), is: "file or link" });
            }
            other => other.at("open", &self.path)?,
        };
        own(&dir, owned).at("set the owner and mode of", &self.path)?;
        self.sync()
    }

    /// Removes the file or link that is here; nothing is fine.
    pub(crate) fn remove(&self) -> Result<(), ResourceError> {
        self.is_no_directory()?;
        self.unlink(&self.name)?;
        self.sync()
    }

    /// Removes the directory that is here, unless something is in it; nothing is fine.
    pub(crate) fn remove_if_empty(&self) -> Result<(), ResourceError> {
        match rustix::fs::unlinkat(&self.dir, &self.name, AtFlags::REMOVEDIR) {
            Ok(()) => self.sync(),
            Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
            Err(error) => Err(disk(error, "remove", &self.path).into()),
        }
    }

    fn is_no_directory(&self) -> Result<(), ResourceError> {
        let is_directory = self.stat()?.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory);
        if is_directory {
            return Err(ResourceError::InTheWay { path: self.path.display().to_string(), is: "directory" });
        }
        Ok(())
    }

    fn new_name(&self) -> OsString {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(".silver-new");
        name
    }

    fn unlink(&self, name: &OsString) -> Result<(), DiskError> {
        match rustix::fs::unlinkat(&self.dir, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(disk(error, "remove", &self.path)),
        }
    }

    fn sync(&self) -> Result<(), ResourceError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::openat(&self.dir, ".", flags, Mode::empty()).at("open the directory of", &self.path)?;
        Ok(crate::disk::sync(&File::from(dir)).at("sync the directory of", &self.path)?)
    }
}

fn own(file: &impl AsFd, owned: Owned) -> io::Result<()> {
    rustix::fs::fchown(file, Some(Uid::from_raw(owned.uid)), Some(Gid::from_raw(owned.gid)))?;
    rustix::fs::fchmod(file, Mode::from_raw_mode(owned.mode))?; // after the owner, whose change takes set-id bits away
    Ok(())
}

fn segments(path: &Path) -> VecDeque<OsString> {
    let segments = path.as_os_str().as_bytes().split(|&byte| byte == b'/');
    segments.filter(|segment| !matches!(*segment, b"" | b".")).map(|segment| OsString::from_vec(segment.to_vec())).collect()
}

fn is_trusted(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

fn disk(error: Errno, doing: &'static str, path: &Path) -> DiskError {
    DiskError { doing, path: path.to_owned(), source: error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    fn own() -> Owned {
        Owned { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw(), mode: 0o640 }
    }

    #[test]
    fn files_are_put_whole_and_directories_are_never_thrown_away() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        assert!(Place::find(root, "/etc/deep/a", false).unwrap().is_none());
        let place = Place::find(root, "/etc/deep/a", true).unwrap().unwrap();
        place.write(b"one", own()).unwrap();
        place.write(b"two", own()).unwrap();
        assert_eq!(fs::read(root.join("etc/deep/a")).unwrap(), b"two");
        assert_eq!(fs::metadata(root.join("etc/deep/a")).unwrap().permissions().mode() & 0o7777, 0o640);
        assert_eq!(fs::read_dir(root.join("etc/deep")).unwrap().count(), 1, "no leftovers");
        place.link("elsewhere").unwrap();
        assert_eq!(place.target().unwrap(), "elsewhere");
        place.write(b"three", own()).unwrap();
        assert_eq!(place.read(10).unwrap(), b"three");
        assert!(place.read(3).unwrap_err().to_string().contains("cannot read"));
        place.remove().unwrap();
        place.remove().unwrap();
        assert!(place.stat().unwrap().is_none());

        let directory = Place::find(root, "/etc/deep", true).unwrap().unwrap();
        for refused in [directory.write(b"", own()), directory.link("x"), directory.remove()] {
            assert!(matches!(refused, Err(ResourceError::InTheWay { is: "directory", .. })));
        }
        directory.directory(Owned { mode: 0o750, ..own() }).unwrap();
        assert_eq!(fs::metadata(root.join("etc/deep")).unwrap().permissions().mode() & 0o7777, 0o750);
        place.write(b"", own()).unwrap();
        assert!(matches!(place.directory(own()), Err(ResourceError::InTheWay { .. })));
    }

    #[test]
    fn links_of_root_are_followed_and_stay_below_the_root() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("usr/bin")).unwrap();
        std::os::unix::fs::symlink("usr/bin", root.join("bin")).unwrap();
        std::os::unix::fs::symlink("/usr", root.join("absolute")).unwrap();
        std::os::unix::fs::symlink("loop", root.join("loop")).unwrap();
        for path in ["/bin/a", "/absolute/bin/a"] {
            Place::find(root, path, false).unwrap().unwrap().write(path.as_bytes(), own()).unwrap();
            assert_eq!(fs::read(root.join("usr/bin/a")).unwrap(), path.as_bytes());
        }
        assert!(matches!(Place::find(root, "/loop/a", true), Err(ResourceError::ForeignLink { .. })));
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::lchown(root.join("bin"), Some(65534), Some(65534)).unwrap();
            assert!(matches!(Place::find(root, "/bin/a", true), Err(ResourceError::ForeignLink { .. })));
        }
    }
}
