//! Gives an app what silver has made in its data directory.
//!
//! The app may be at work in there, so no path is followed: every directory is opened from the one above it, and
//! a link is never stepped through. Otherwise an app could have root give it any file of the machine.

use super::user::User;
use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, fchmod, fchown, openat, statat},
    io::Errno,
};
use std::{
    ffi::OsStr,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
};

/// Deeper than this nothing is looked at.
const DEEPEST: usize = 200;

/// The app owns its data directory; the front may pass through it, but not look around.
pub(super) fn give_root(data: &Path, user: &User) -> io::Result<()> {
    let root = open(CWD.as_fd(), data.as_os_str())?;
    own(&root, user, user.front)?;
    Ok(fchmod(&root, Mode::from_raw_mode(0o710))?)
}

/// The app owns what is at `path` below its data directory, and the directories on the way. With `public`, the front
/// may read it. What belongs to the app already is left as it is, with all below it. That nothing is
/// there is fine.
pub(super) fn give(data: &Path, path: &str, public: bool, user: &User) -> io::Result<()> {
    let group = if public { user.front } else { user.gid };
    let mut parent = open(CWD.as_fd(), data.as_os_str())?;
    let mut names: Vec<&str> = path.split('/').collect();
    let Some(last) = names.pop() else { return Ok(()) };
    for name in names {
        let dir = match open(parent.as_fd(), OsStr::new(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            dir => dir?,
        };
        let mode = rustix::fs::fstat(&dir)?;
        if mode.st_uid == 0 {
            own(&dir, user, group)?;
        }
        if public && mode.st_mode & 0o010 == 0 {
            // its group may be the app's own since an earlier release: then nobody is let in by this
            own(&dir, user, group)?;
            fchmod(&dir, Mode::from_raw_mode(mode.st_mode & 0o7777 | 0o010))?;
        }
        parent = dir;
    }
    tree(parent.as_fd(), OsStr::new(last), &Giving { user, group, public }, 0)
}

struct Giving<'a> {
    user: &'a User,
    group: Gid,
    public: bool,
}

/// What is in a directory comes before the directory: one that is the app's is complete.
fn tree(parent: rustix::fd::BorrowedFd<'_>, name: &OsStr, to: &Giving<'_>, depth: usize) -> io::Result<()> {
    let found = match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(()),
        found => found?,
    };
    if found.st_uid == to.user.uid.as_raw() && (!to.public || found.st_gid == to.group.as_raw()) {
        return Ok(());
    }
    let mode = Mode::from_raw_mode(found.st_mode & 0o7777);
    match FileType::from_raw_mode(found.st_mode) {
        FileType::Directory => {
            if depth == DEEPEST {
                return Err(io::Error::other("its directories are too deep"));
            }
            let dir = open(parent, name)?;
            for entry in Dir::read_from(&dir)? {
                let entry = entry?;
                let inner = OsStr::from_bytes(entry.file_name().to_bytes());
                if inner != "." && inner != ".." {
                    tree(dir.as_fd(), inner, to, depth + 1)?;
                }
            }
            own(&dir, to.user, to.group)?;
            // what is made in it later is for the front, too
            let mode = if to.public { mode | Mode::from_raw_mode(0o2050) } else { mode };
            Ok(fchmod(&dir, mode)?)
        }
        FileType::RegularFile => {
            let file =
                openat(parent, name, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
            let opened = rustix::fs::fstat(&file)?;
            if opened.st_uid != to.user.uid.as_raw() && opened.st_nlink > 1 {
                return Err(io::Error::other(format!("`{}` has another name elsewhere", name.to_string_lossy())));
            }
            own(&file, to.user, to.group)?;
            let mode = if to.public { mode | Mode::from_raw_mode(0o040) } else { mode };
            Ok(fchmod(&file, mode)?)
        }
        _ => Ok(rustix::fs::chownat(parent, name, Some(to.user.uid), Some(to.group), AtFlags::SYMLINK_NOFOLLOW)?),
    }
}

fn open(parent: rustix::fd::BorrowedFd<'_>, name: &OsStr) -> io::Result<OwnedFd> {
    Ok(openat(parent, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?)
}

fn own(file: &OwnedFd, user: &User, group: Gid) -> io::Result<()> {
    Ok(fchown(file, Some(user.uid), Some(group))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::Uid;
    use std::{
        fs,
        os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    };

    const APP: (u32, u32, u32) = (61_001, 61_002, 61_003);

    fn user() -> User {
        let (uid, gid, front) = (Uid::from_raw(APP.0), Gid::from_raw(APP.1), Gid::from_raw(APP.2));
        User { name: "silver-a".into(), uid, gid, front, readers: Gid::ROOT }
    }

    /// Owner, group and mode.
    fn of(path: &Path) -> (u32, u32, u32) {
        let meta = fs::symlink_metadata(path).unwrap();
        (meta.uid(), meta.gid(), meta.permissions().mode() & 0o7777)
    }

    /// Only root can give files away.
    fn is_root() -> bool {
        rustix::process::getuid().is_root()
    }

    #[test]
    fn what_silver_made_becomes_the_apps_and_nothing_else() {
        if !is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let (data, outside) = (dir.path().join("data"), dir.path().join("outside"));
        fs::create_dir_all(data.join("files/deep")).unwrap();
        fs::create_dir_all(data.join("conf")).unwrap();
        fs::create_dir_all(data.join("files/deep/public")).unwrap();
        fs::write(data.join("files/deep/row"), "").unwrap();
        fs::write(data.join("files/deep/public/a.png"), "").unwrap();
        fs::set_permissions(data.join("files/deep/public/a.png"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(data.join("conf/a.ini"), "").unwrap();
        fs::write(&outside, "").unwrap();
        symlink(&outside, data.join("files/deep/link")).unwrap();

        let user = user();
        give_root(&data, &user).unwrap();
        assert_eq!(of(&data), (APP.0, APP.2, 0o710));
        give(&data, "conf/a.ini", false, &user).unwrap();
        assert_eq!((of(&data.join("conf")).0, of(&data.join("conf/a.ini")).1), (APP.0, APP.1));
        give(&data, "files/deep/public", true, &user).unwrap();
        let (uid, gid, mode) = of(&data.join("files/deep/public"));
        assert_eq!((uid, gid, mode & 0o2070), (APP.0, APP.2, 0o2050));
        assert_eq!(of(&data.join("files/deep/public/a.png")), (APP.0, APP.2, 0o640));
        assert_eq!((of(&data.join("files")).1, of(&data.join("files")).2 & 0o010), (APP.2, 0o010), "the front passes through");

        fs::create_dir(data.join("db")).unwrap();
        fs::write(data.join("db/row"), "").unwrap();
        symlink(&outside, data.join("db/link")).unwrap();
        give(&data, "db", false, &user).unwrap();
        assert_eq!((of(&data.join("db/row")).0, of(&data.join("db/link")).0), (APP.0, APP.0));
        assert_eq!(of(&outside).0, 0, "what a link leads to is not touched");
        give(&data, "not/there", false, &user).unwrap();
    }

    #[test]
    fn an_app_cannot_have_foreign_files_given_to_it() {
        if !is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let (data, outside) = (dir.path().join("data"), dir.path().join("outside"));
        for path in [&data, &outside] {
            fs::create_dir(path).unwrap();
        }
        fs::write(outside.join("shadow"), "").unwrap();
        let user = user();
        // a directory on the way, and one that is to be given, are links; a file has another name elsewhere
        symlink(&outside, data.join("way")).unwrap();
        assert!(give(&data, "way/shadow", false, &user).is_err());
        give(&data, "way", false, &user).unwrap();
        fs::create_dir(data.join("db")).unwrap();
        fs::hard_link(outside.join("shadow"), data.join("db/row")).unwrap();
        assert!(give(&data, "db", false, &user).is_err());
        assert_eq!((of(&outside).0, of(&outside.join("shadow")).0), (0, 0));
        fs::rename(&data, dir.path().join("elsewhere")).unwrap();
        symlink(&outside, &data).unwrap();
        assert!(give_root(&data, &user).is_err());
    }
}
