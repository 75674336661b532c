//! Who is inside a release: the connections to its sockets, as the kernel counts them.
//!
//! Caddy opens one connection for each request to an application, so connections are requests (and
//! WebSockets). `/proc/net/unix` shows each under the path that the application listens at, from the moment it was
//! connected, accepted or not.

use rustix::{
    net::{Shutdown, shutdown},
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
};
use std::{collections::BTreeSet, fs, io, os::fd::RawFd, path::Path};

/// A socket that listens (`__SO_ACCEPTCON`).
const LISTENS: u32 = 0x1_0000;
/// States of a connection: not accepted yet, and accepted (`SS_CONNECTING`, `SS_CONNECTED`).
const CONNECTED: [&str; 2] = ["02", "03"];

/// How many connections there are to sockets whose path begins so.
pub(super) fn count(prefix: &Path) -> io::Result<usize> {
    Ok(inodes(&fs::read_to_string("/proc/net/unix")?, prefix).len())
}

/// Ends the connections to sockets whose path begins so: what was not answered is not acknowledged.
pub(super) fn cut(prefix: &Path) -> io::Result<()> {
    let wanted = inodes(&fs::read_to_string("/proc/net/unix")?, prefix);
    let processes = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    for process in processes {
        // processes and their files come and go while one looks
        let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else { continue };
        for file in files.filter_map(Result::ok) {
            let Ok(target) = fs::read_link(file.path()) else { continue };
            let inode = target.to_str().and_then(|target| target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
            let number = file.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok());
            if let (Some(inode), Some(number)) = (inode, number)
                && wanted.contains(&inode)
            {
                end(process, number);
            }
        }
    }
    Ok(())
}

/// Shuts a socket of another process down, in both directions.
fn end(process: i32, number: RawFd) {
    let ended = (|| {
        let process = pidfd_open(Pid::from_raw(process)?, PidfdFlags::empty()).ok()?;
        let socket = pidfd_getfd(&process, number, PidfdGetfdFlags::empty()).ok()?;
        shutdown(&socket, Shutdown::Both).ok()
    })();
    if ended.is_none() {
        tracing::debug!(process, number, "a connection ended before it was cut");
    }
}

/// The inodes of connections in the text of `/proc/net/unix`:
/// `Num RefCount Protocol Flags Type St Inode Path`.
fn inodes(text: &str, prefix: &Path) -> BTreeSet<u64> {
    let prefix = prefix.to_string_lossy();
    let connection = |line: &str| {
        let mut fields = line.split_ascii_whitespace().skip(3);
        let flags = u32::from_str_radix(fields.next()?, 16).ok()?;
        let (_type, state) = (fields.next()?, fields.next()?);
        let inode = fields.next()?.parse().ok()?;
        let inside = flags & LISTENS == 0 && CONNECTED.contains(&state) && fields.next()?.starts_with(&*prefix);
        inside.then_some(inode)
    };
    text.lines().skip(1).filter_map(connection).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::eventually;
    use std::{
        io::Read as _,
        os::unix::net::{UnixListener, UnixStream},
    };

    #[tokio::test]
    async fn connections_are_counted_from_the_first_moment_and_can_be_cut() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("web.0.sock"), dir.path().join("other.sock"));
        let (listener, _other) = (UnixListener::bind(&path).unwrap(), UnixListener::bind(&other).unwrap());
        let prefix = dir.path().join("web.");
        let inside = || count(&prefix).unwrap();
        assert_eq!(inside(), 0, "who listens is not inside");
        // also on another way to the same socket
        std::os::unix::fs::symlink(&path, dir.path().join("link")).unwrap();
        let mut first = UnixStream::connect(dir.path().join("link")).unwrap();
        let _elsewhere = UnixStream::connect(&other).unwrap();
        assert_eq!(inside(), 1, "not accepted yet");
        let accepted = listener.accept().unwrap().0;
        assert_eq!(inside(), 1);
        let second = UnixStream::connect(&path).unwrap();
        let also = listener.accept().unwrap().0;
        assert_eq!(inside(), 2);
        drop((second, also));
        // a program that another test starts just now has a copy of them for a moment
        eventually("one has left", || async { inside() == 1 }).await;
        cut(&prefix).unwrap();
        assert_eq!(first.read(&mut [0]).unwrap(), 0, "cut");
        drop((first, accepted));
        eventually("both have left", || async { inside() == 0 }).await;
    }
}
