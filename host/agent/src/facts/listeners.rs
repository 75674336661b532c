//! Who listens on a port, as the kernel tells: `ss -ltnp` does the same, in a process of its own.
//! Source of the formats: proc(5), `/proc/net/tcp` and `/proc/PID/fd`.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// The state of a socket that listens.
const LISTENS: &str = "0A";
/// The first process, which listens for others before it starts them.
const INIT: u32 = 1;

/// Names of the programs that listen on one of these ports, sorted; of those that share a socket the one that was
/// started last.
pub(super) fn at(proc: &Path, ports: &[u16]) -> Vec<String> {
    let tables = ["net/tcp", "net/tcp6"].map(|table| fs::read_to_string(proc.join(table)).unwrap_or_default());
    let mut sockets: BTreeSet<String> = tables.iter().flat_map(|table| listening(table, ports)).collect();
    let mut names = BTreeSet::new();
    if sockets.is_empty() {
        return Vec::new();
    }
    for (_, process) in processes(proc) {
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

/// What `/proc/PID/fd` calls those sockets of a table that listen on one of these ports.
fn listening<'a>(table: &'a str, ports: &'a [u16]) -> impl Iterator<Item = String> + 'a {
    table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
        let port = u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()?;
        (*state == LISTENS && ports.contains(&port)).then(|| format!("socket:[{inode}]"))
    })
}

/// The newest first; the first of all last.
fn processes(proc: &Path) -> Vec<(u32, PathBuf)> {
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    let number = |entry: &fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    let mut all: Vec<_> = entries.filter_map(|entry| Some((number(&entry)?, entry.path()))).collect();
    all.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(if *number == INIT { 0 } else { *number }));
    all
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

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn row(local: &str, state: &str, inode: u32) -> String {
        format!(
            "   0: {local} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 0 100 0 0 10 0\n"
        )
    }

    #[test]
    fn whoever_listens_on_a_port_is_told_once_and_nobody_else() {
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
        fs::create_dir(proc.join("net")).unwrap();
        assert_eq!(at(proc, &[80]), [""; 0], "there are no tables");
        let connected = row("0100007F:0050", "01", 5);
        let four = [HEAD, &row("00000000:0050", "0A", 11), &row("00000000:1F90", "0A", 12), &connected].concat();
        let six = [HEAD, &row("00000000000000000000000000000000:01BB", "0A", 13), "garbage\n"].concat();
        fs::write(proc.join("net/tcp"), four).unwrap();
        fs::write(proc.join("net/tcp6"), six).unwrap();
        process(1, "systemd", &[11, 13]);
        process(6, "nginx", &[13]);
        process(7, "nginx", &[13]);
        process(9, "other", &[12, 5]);
        fs::create_dir(proc.join("self")).unwrap();
        assert_eq!(at(proc, &[80, 443]), ["nginx", "systemd"], "what listens for a program that does not run yet is told");
        assert_eq!(at(proc, &[8080]), ["other"]);
        process(8, "web", &[11]);
        assert_eq!(at(proc, &[80]), ["web"]);
        assert_eq!(at(proc, &[22]), [""; 0]);
    }

    #[test]
    fn this_kernel_tells_it_so() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = fs::read_to_string("/proc/self/comm").unwrap();
        assert_eq!(at(Path::new("/proc"), &[socket.local_addr().unwrap().port()]), [own.trim()]);
    }
}
