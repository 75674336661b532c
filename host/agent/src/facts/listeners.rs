//! Who listens on a port, as the kernel tells: `ss -ltnp` does the same, in a process of its own. `/proc/net/tcp` would
//! say it as well, but looks at every connection for that.
//! Source of the formats: sock_diag(7), and proc(5) for `/proc/PID/fd`.

use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType,
        netlink::{SOCK_DIAG, SocketAddrNetlink},
        recv, sendto, socket_with,
    },
};
use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// `SOCK_DIAG_BY_FAMILY`, `NLMSG_DONE`, `NLM_F_REQUEST | NLM_F_DUMP`.
const BY_FAMILY: u16 = 20;
const DONE: u16 = 3;
const DUMP: u16 = 0x301;
/// `IPPROTO_TCP`, and the state of a socket that listens (`TCP_LISTEN`), as a bit.
const TCP: u8 = 6;
const LISTENS: u32 = 1 << 10;
/// Lengths of `nlmsghdr` and `inet_diag_req_v2`; where the port and the inode are in `inet_diag_msg`.
const HEAD: usize = 16;
const REQUEST: usize = 56;
const PORT: usize = 4;
const INODE: usize = 68;
/// The first process, which listens for others before it starts them.
const INIT: u32 = 1;

/// Names of the programs that listen on one of these ports of this machine, sorted; of those that share a socket the
/// one that was started last.
pub(super) fn at(ports: &[u16]) -> io::Result<Vec<String>> {
    let mut sockets = BTreeSet::new();
    for family in [AddressFamily::INET, AddressFamily::INET6] {
        let listening = listening(family)?;
        let wanted = listening.into_iter().filter(|(port, _)| ports.contains(port));
        sockets.extend(wanted.map(|(_, inode)| format!("socket:[{inode}]")));
    }
    Ok(holders(Path::new("/proc"), sockets))
}

/// All sockets that listen: port and inode.
fn listening(family: AddressFamily) -> io::Result<Vec<(u16, u32)>> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
    sendto(&socket, &request(family), SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let (mut all, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        let (_, length) = match recv(&socket, buffer.as_mut_slice(), RecvFlags::empty()) {
            Err(Errno::INTR) => continue,
            received => received?,
        };
        if take(buffer.get(..length).unwrap_or_default(), &mut all)? {
            return Ok(all);
        }
    }
}

/// Asks for what listens, and for nothing else of it.
fn request(family: AddressFamily) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEAD + REQUEST);
    message.extend(u32::try_from(HEAD + REQUEST).unwrap_or_default().to_ne_bytes());
    message.extend(BY_FAMILY.to_ne_bytes());
    message.extend(DUMP.to_ne_bytes());
    message.extend([0; 8]); // sequence, port
    message.extend([u8::try_from(family.as_raw()).unwrap_or_default(), TCP, 0, 0]);
    message.extend(LISTENS.to_ne_bytes());
    message.resize(HEAD + REQUEST, 0);
    message
}

/// Adds what is told in a piece of the answer; was it the last one?
fn take(mut piece: &[u8], all: &mut Vec<(u16, u32)>) -> io::Result<bool> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "the kernel's list of sockets makes no sense");
    while let Some((head, _)) = piece.split_at_checked(HEAD) {
        let length = u32::from_ne_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let kind = u16::from_ne_bytes([head[4], head[5]]);
        let body = piece.get(HEAD..length).ok_or_else(wrong)?;
        if kind == DONE {
            return Ok(true);
        }
        if kind != BY_FAMILY {
            return Err(wrong());
        }
        let port = body.get(PORT..PORT + 2).ok_or_else(wrong)?;
        let inode = body.get(INODE..INODE + 4).ok_or_else(wrong)?;
        all.push((u16::from_be_bytes([port[0], port[1]]), u32::from_ne_bytes([inode[0], inode[1], inode[2], inode[3]])));
        piece = piece.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

/// Names of those who hold one of these sockets.
fn holders(proc: &Path, mut sockets: BTreeSet<String>) -> Vec<String> {
    let mut names = BTreeSet::new();
    if sockets.is_empty() {
        return Vec::new();
    }
    for process in processes(proc) {
        if holds_any(&process, &mut sockets)
            && let Ok(name) = fs::read_to_string(process.join("comm"))
        {
            names.insert(name.trim().to_owned());
        }
        if sockets.is_empty() {
            break;
        }
    }
    names.into_iter().collect()
}

/// The newest first; the first of all last.
fn processes(proc: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    let number = |entry: &fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    let mut all: Vec<_> = entries.filter_map(|entry| Some((number(&entry)?, entry.path()))).collect();
    all.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(if *number == INIT { 0 } else { *number }));
    all.into_iter().map(|(_, path)| path).collect()
}

/// Has it one of them open? Those are taken out.
fn holds_any(process: &Path, sockets: &mut BTreeSet<String>) -> bool {
    let before = sockets.len();
    // it may have ended meanwhile
    for open in fs::read_dir(process.join("fd")).into_iter().flatten().flatten() {
        if let Ok(target) = fs::read_link(open.path())
            && let Ok(target) = std::str::from_utf8(target.as_os_str().as_bytes())
        {
            sockets.remove(target);
        }
    }
    sockets.len() < before
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{net::TcpListener, os::unix::fs::symlink};

    #[test]
    fn whoever_holds_a_socket_is_told_once_and_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let proc = dir.path();
        let process = |id: u32, name: &str, sockets: &[u32]| {
            let fd = proc.join(id.to_string()).join("fd");
            fs::create_dir_all(&fd).unwrap();
            fs::write(fd.with_file_name("comm"), format!("{name}\n")).unwrap();
            symlink("/dev/null", fd.join("0")).unwrap();
            for (number, socket) in sockets.iter().enumerate() {
                symlink(format!("socket:[{socket}]"), fd.join((number + 3).to_string())).unwrap();
            }
        };
        let holders =
            |sockets: &[u32]| holders(proc, sockets.iter().map(|inode| format!("socket:[{inode}]")).collect::<BTreeSet<_>>());
        process(1, "systemd", &[11, 13]);
        process(6, "nginx", &[13]);
        process(7, "nginx", &[13]);
        process(9, "other", &[12, 5]);
        fs::create_dir(proc.join("self")).unwrap();
        assert_eq!(holders(&[11, 13]), ["nginx", "systemd"], "what listens for a program that does not run yet is told");
        assert_eq!(holders(&[12]), ["other"]);
        process(8, "web", &[11]);
        assert_eq!(holders(&[11]), ["web"]);
        assert_eq!(holders(&[]), [""; 0]);
        assert_eq!(holders(&[99]), [""; 0]);
    }

    #[tokio::test]
    async fn this_kernel_tells_it_so() {
        let own = fs::read_to_string("/proc/self/comm").unwrap();
        for address in ["127.0.0.1:0", "[::1]:0"] {
            // a machine without one of the families tells that of the other
            let Ok(socket) = TcpListener::bind(address) else { continue };
            let port = socket.local_addr().unwrap().port();
            // a program that another test starts just now has a copy of it for a moment
            crate::testing::eventually("it is told", || async { at(&[port]).unwrap() == [own.trim()] }).await;
        }
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_none() {
        let message = |length: u32, kind: u16, body: usize| {
            let mut message = length.to_ne_bytes().to_vec();
            message.extend(kind.to_ne_bytes());
            message.resize(HEAD + body, 0);
            message
        };
        let mut all = Vec::new();
        assert!(take(&message(20, DONE, 4), &mut all).unwrap());
        assert!(!take(&message(88, BY_FAMILY, 72), &mut all).unwrap());
        assert_eq!(all, [(0, 0)]);
        for wrong in [message(0, BY_FAMILY, 72), message(1000, BY_FAMILY, 72), message(40, BY_FAMILY, 24), message(88, 2, 72)] {
            assert!(take(&wrong, &mut all).is_err(), "{wrong:?}");
        }
    }
}
