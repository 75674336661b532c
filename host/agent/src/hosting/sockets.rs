//! Where the Unix sockets of apps lie.

use crate::{dirs::Dirs, supervisor::Key};
use silver_pack::hash::sha256;
use std::{
    fs, io,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
};

/// The longest path of a socket (unix(7): 108 bytes with the NUL at its end).
const LONGEST: usize = 107;

/// The path of an instance's socket: below `run/apps/<app>/<label>`, or, where that would be too
/// long for a socket, in a private directory below `/tmp` that the link `sockets` there leads to.
pub(super) fn path(dirs: &Dirs, key: &Key) -> io::Result<PathBuf> {
    let directory = dirs.run_release(&key.app, &key.label);
    let name = format!("{}{}.{}.sock", if key.check { "check." } else { "" }, key.process, key.index);
    let path = directory.join(&name);
    if path.as_os_str().len() <= LONGEST {
        return Ok(path);
    }
    let digest = sha256(directory.as_os_str().as_bytes()).short();
    let short = Path::new("/tmp").join(format!("silver-{}-{digest}", rustix::process::getuid().as_raw()));
    private(&short)?;
    let link = directory.join("sockets");
    if fs::read_link(&link).ok().as_deref() != Some(&short) {
        let _ = fs::remove_file(&link); // of another place; usually nothing is there
        std::os::unix::fs::symlink(&short, &link)?;
    }
    Ok(short.join(name))
}

/// Makes a directory that nobody else can enter, in a place where everybody may make one.
fn private(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(path)?;
    let ours = found.is_dir() && found.uid() == rustix::process::getuid().as_raw() && found.permissions().mode() & 0o777 == 0o700;
    if ours { Ok(()) } else { Err(io::Error::other(format!("`{}` is not a private directory of this user", path.display()))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_get_a_short_private_directory() {
        let home = tempfile::tempdir().unwrap();
        let key = Key { app: "a".into(), label: "a.1".into(), check: true, process: "web".into(), index: 0 };
        let near = Dirs::below(home.path());
        assert_eq!(path(&near, &key).unwrap(), near.run_release("a", "a.1").join("check.web.0.sock"));
        let far = Dirs::below(&home.path().join("x".repeat(100)));
        fs::create_dir_all(far.run_release("a", "a.1")).unwrap();
        let first = path(&far, &key).unwrap();
        assert!(first.as_os_str().len() <= LONGEST);
        assert_eq!(path(&far, &key).unwrap(), first);
        let directory = first.parent().unwrap();
        assert_eq!(fs::read_link(far.run_release("a", "a.1").join("sockets")).unwrap(), directory);
        std::os::unix::net::UnixListener::bind(&first).unwrap();
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(path(&far, &key).is_err(), "somebody else could enter");
        fs::remove_dir_all(directory).unwrap();
    }
}
