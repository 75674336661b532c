//! With which key the operator has logged in: what sshd tells, where `ExposeAuthInfo` is on, which `silver setup-node`
//! sees to. Source: sshd_config(5), the variable `SSH_USER_AUTH`.
//!
//! sshd writes it to a file that it names in the environment of the login. `sudo` clears the environment, so it is
//! looked for in that of the processes above this one. They are the operator's: who can become root could as well write
//! something else there. It says who it was, not who it was not.

use rustix::fs::OFlags;
use std::{
    fs::{self, OpenOptions},
    io::Read,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// The variable.
const VARIABLE: &[u8] = b"SSH_USER_AUTH=";
/// So many processes above this one are looked at: a shell, sudo and its monitor, and some more.
const ABOVE: usize = 8;
/// The longest environment, file or key that is read.
const LONGEST: u64 = 256 << 10;

/// The key of the login that this process belongs to, as a line of `authorized_keys` without its comment.
pub fn key() -> Option<String> {
    key_of(Path::new("/proc"), std::process::id())
}

fn key_of(proc: &Path, mut id: u32) -> Option<String> {
    for _ in 0..ABOVE {
        let dir = proc.join(id.to_string());
        if let Some(file) = named(&dir) {
            return told(&read(&file)?);
        }
        id = parent(&dir).filter(|id| *id > 1)?;
    }
    None
}

/// The file that the environment of a process names.
fn named(dir: &Path) -> Option<PathBuf> {
    let environment = read(&dir.join("environ"))?;
    let value = environment.split(|byte| *byte == 0).find_map(|variable| variable.strip_prefix(VARIABLE))?;
    let path = PathBuf::from(std::str::from_utf8(value).ok()?);
    path.is_absolute().then_some(path)
}

fn parent(dir: &Path) -> Option<u32> {
    let status = fs::read_to_string(dir.join("status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// The name is the operator's to choose, so it is opened as what it has to be: a file that is short.
fn read(path: &Path) -> Option<Vec<u8>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The first key among the ways in which the operator has proven to be allowed in: `publickey ssh-ed25519 AAAA…`.
fn told(file: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(file).ok()?;
    let keys = text.lines().filter_map(|line| {
        let (kind, key) = line.strip_prefix("publickey ")?.split_once(' ')?;
        let key = key.split(' ').next()?;
        let plain = |text: &str, others: &[u8]| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
        };
        (plain(kind, b"-@.") && plain(key, b"+/=")).then(|| format!("{kind} {key}"))
    });
    keys.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A process of a made-up `/proc`.
    fn process(proc: &Path, id: u32, parent: u32, environment: &str) {
        let dir = proc.join(id.to_string());
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("status"), format!("Name:\tx\nPPid:\t{parent}\nUid:\t0\n")).unwrap();
        fs::write(dir.join("environ"), environment.replace(' ', "\0")).unwrap();
    }

    #[test]
    fn it_is_found_above_sudo_and_nothing_else_is_taken_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let (proc, auth) = (dir.path().join("proc"), dir.path().join("auth"));
        let named = format!("HOME=/home/ann SSH_USER_AUTH={} TERM=x", auth.display());
        process(&proc, 9, 8, "PATH=/bin SUDO_USER=ann");
        process(&proc, 8, 7, "PATH=/bin");
        process(&proc, 7, 1, &named);
        process(&proc, 1, 0, &named);
        let key = || key_of(&proc, 9);
        assert_eq!(key(), None, "the file is not there");
        fs::write(&auth, "publickey ssh-ed25519 AAAAC3Nza+/= ann@desk\nkeyboard-interactive/pam\n").unwrap();
        assert_eq!(key().as_deref(), Some("ssh-ed25519 AAAAC3Nza+/="));
        for other in
            ["", "password\n", "publickey\n", "publickey ssh-rsa\n", "publickey a\u{1b}[1m AAAA\n", "publickey x A\u{7}\n"]
        {
            fs::write(&auth, other).unwrap();
            assert_eq!(key(), None, "{other:?}");
        }
        fs::remove_file(&auth).unwrap();
        fs::write(dir.path().join("secret"), "publickey ssh-rsa AAAA\n").unwrap();
        symlink(dir.path().join("secret"), &auth).unwrap();
        assert_eq!(key(), None, "no link is followed");
        process(&proc, 7, 1, "HOME=/home/ann");
        assert_eq!(key(), None, "the first process of the machine is nobody's login");
    }
}
