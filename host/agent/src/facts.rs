//! What there is to know about this machine.

mod kept;
mod listeners;
mod machine;
mod sshd;

use crate::{
    dirs::Dirs,
    disk::{At, DiskError, make_dir},
};
use silver_plugin_api::{Settings, plan::NodeFacts};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

/// What a Python tells about itself, one line each.
const PYTHON: &str = "import sys, platform\n\
    print('%d.%d.%d' % sys.version_info[:3])\n\
    print('cp%d%d' % sys.version_info[:2] if sys.implementation.name == 'cpython' else sys.implementation.name)\n\
    print(platform.libc_ver()[1])\n\
    import venv, ensurepip";

/// What a Node.js tells about itself, on one line.
const NODEJS: &str = "process.versions.node + ' ' + process.versions.modules";

/// What the node calls itself: `local`, or a server's host name. What operators call it is theirs to say.
pub fn name(dirs: &Dirs) -> String {
    if dirs.is_server() { rustix::system::uname().nodename().to_string_lossy().into_owned() } else { "local".to_owned() }
}

/// Finds everything out. Runs programs of `path` (as in `PATH`), so it takes a moment.
pub fn facts(dirs: &Dirs, path: &str, port: u16) -> Result<NodeFacts, DiskError> {
    make_dir(&dirs.data)?;
    let space = rustix::fs::statvfs(&dirs.data).at("ask for the space at", &dirs.data)?;
    let ((mut extra, libc), machine) = thread::scope(|scope| {
        // programs are waited for: side by side
        let machine = scope.spawn(|| if dirs.is_server() { machine::machine(dirs, path) } else { Settings::new() });
        let told = if dirs.is_server() { kept::interpreters_or_ask(&dirs.cache.join("facts"), path) } else { interpreters(path) };
        (told, machine.join().unwrap_or_default())
    });
    extra.extend(machine);
    let libc = libc.or_else(|| libc_version(path));
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    Ok(NodeFacts {
        name: name(dirs),
        os: os.into(),
        arch: arch.into(),
        platform: format!("{os}-{arch}{}", libc.map_or_else(String::new, |version| format!("-gnu{version}"))),
        cpus: thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX)),
        memory_mib: memory_mib(),
        free_bytes: space.f_bavail.saturating_mul(space.f_frsize),
        silver: env!("CARGO_PKG_VERSION").into(),
        front_port: port,
        extra,
    })
}

/// What programs of applications are run with, and the version of the C library, if Python knows it.
fn interpreters(path: &str) -> (Settings, Option<String>) {
    let mut extra = Settings::new();
    let mut libc = None;
    if let Some(python) = find("python3", path) {
        if let Some([version, abi, found]) = python_says(&python, path) {
            extra.insert("python.version".into(), version);
            extra.insert("python.abi".into(), abi);
            libc = Some(found).filter(|version| !version.is_empty());
        }
        extra.insert("python.path".into(), python.to_string_lossy().into_owned());
    }
    if let Some(node) = find("node", path)
        && let Some(said) = output(Command::new(&node).args(["-p", NODEJS]), path)
        && let Some((version, abi)) = said.trim().split_once(' ')
    {
        extra.insert("nodejs.version".into(), version.to_owned());
        extra.insert("nodejs.abi".into(), format!("node{abi}"));
        extra.insert("nodejs.path".into(), node.to_string_lossy().into_owned());
    }
    (extra, libc)
}

/// Names of the installed packages of Debian, divided by spaces; `None` on a machine of another kind.
/// Source of the format: deb-status, as in `dpkg-query(1)`.
pub(crate) fn packages() -> Option<String> {
    Some(installed(&fs::read_to_string("/var/lib/dpkg/status").ok()?))
}

fn installed(status: &str) -> String {
    let paragraphs = status
        .split("\n\n")
        .filter(|paragraph| paragraph.lines().any(|line| line.starts_with("Status:") && line.ends_with(" installed")));
    let names = paragraphs.filter_map(|paragraph| paragraph.lines().find_map(|line| line.strip_prefix("Package: ")));
    names.collect::<Vec<_>>().join(" ")
}

/// The first program of that name in `path`, as an absolute path.
pub(crate) fn find(name: &str, path: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let is_program =
        |file: &PathBuf| fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
    path.split(':').map(Path::new).filter(|dir| dir.is_absolute()).map(|dir| dir.join(name)).find(is_program)
}

/// Version, ABI, C library; `None` when it has no `venv` and so cannot make environments.
fn python_says(python: &Path, path: &str) -> Option<[String; 3]> {
    let text = output(Command::new(python).args(["-I", "-c", PYTHON]), path)?;
    let mut lines = text.lines().map(str::to_owned);
    Some([lines.next()?, lines.next()?, lines.next().unwrap_or_default()])
}

fn libc_version(path: &str) -> Option<String> {
    let getconf = find("getconf", path)?;
    Some(output(Command::new(getconf).arg("GNU_LIBC_VERSION"), path)?.split_whitespace().nth(1)?.to_owned())
}

fn output(command: &mut Command, path: &str) -> Option<String> {
    let run = command.env_clear().env("PATH", path).env("LANG", "C.UTF-8").stdin(Stdio::null()).stderr(Stdio::null());
    let output = run.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

/// The first line of `/proc/meminfo`: `MemTotal: … kB`.
fn memory_mib() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = text.lines().next().and_then(|line| line.split_whitespace().nth(1)).and_then(|number| number.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packages_that_are_installed_count() {
        let status = "Package: graphviz\nStatus: install ok installed\nVersion: 1\n\nPackage: gone\nStatus: deinstall ok config-files\n\n\
                      Package: half\nStatus: install ok half-installed\n\nPackage: libc6\nStatus: hold ok installed\n";
        assert_eq!(installed(status), "graphviz libc6");
        assert_eq!(installed(""), "");
    }

    #[test]
    fn this_machine_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let facts = facts(&Dirs::below(dir.path()), "/nowhere:relative:/usr/bin:/bin", 8484).unwrap();
        assert!(facts.cpus > 0 && facts.memory_mib > 0 && facts.free_bytes > 0);
        assert!(facts.platform.starts_with(&format!("{}-{}", facts.os, facts.arch)), "{}", facts.platform);
        assert!(facts.extra.get("python.path").is_none_or(|path| path.starts_with('/')));
    }
}
