//! The sandbox of foreign build steps, as data: a command line of bubblewrap (`bwrap`), which
//! builds it from user namespaces without root. Nothing is started here.
//!
//! A step sees the system's programs and libraries, what it was lent, and nothing else: no
//! network, no other processes, no home directory, none of the caller's environment; it can write
//! to `/tmp`, which is its own, and to what it was given to write. When `bwrap` is absent or may
//! not make namespaces, a step is refused ([`HINT`]); it never runs outside.
//!
//! Time is the caller's to limit: killing `bwrap` kills all that it started. `bwrap` dies with the
//! *thread* that started it, so that has to be one that waits for the end.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// The program, looked for in the caller's `PATH`.
pub const PROGRAM: &str = "bwrap";

/// What to do where [`PROGRAM`] is absent or fails on [`probe`].
pub const HINT: &str = "install bubblewrap (`apt-get install bubblewrap`) and allow user namespaces: `bwrap --unshare-all --ro-bind / / true` must succeed";

/// What of `/` is lent to every step: programs, libraries, and those files of `/etc` that they
/// cannot do without and everybody may read. What a machine does not have is left out.
const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/group",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/passwd",
];

/// Where a step finds its programs unless its environment says otherwise.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What one step may see and write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sandbox {
    binds: Vec<Bind>,
    environment: BTreeMap<OsString, OsString>,
    directory: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Bind {
    from: PathBuf,
    at: PathBuf,
    writable: bool,
}

impl Sandbox {
    /// The system's programs and libraries, and an empty `/tmp`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lends `from` (absolute, it has to exist) for reading, at the absolute path `at`. A later
    /// one covers an earlier one.
    #[must_use]
    pub fn read(mut self, from: impl Into<PathBuf>, at: impl Into<PathBuf>) -> Self {
        self.binds.push(Bind { from: from.into(), at: at.into(), writable: false });
        self
    }

    /// As [`Self::read`], to be written, too.
    #[must_use]
    pub fn write(mut self, from: impl Into<PathBuf>, at: impl Into<PathBuf>) -> Self {
        self.binds.push(Bind { from: from.into(), at: at.into(), writable: true });
        self
    }

    /// Sets a variable. It is in the command line, which everybody on the machine can read: never
    /// a secret.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Starts the step in this directory of the sandbox instead of in `/`.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// The whole command line, the program included, that runs `command` in this sandbox.
    pub fn argv<S: AsRef<OsStr>>(&self, command: impl IntoIterator<Item = S>) -> Vec<OsString> {
        let mut line = Line(vec![PROGRAM.into()]);
        line.options(&["--unshare-all", "--die-with-parent", "--new-session"]);
        line.option("--cap-drop", &["ALL".as_ref()]);
        line.option("--hostname", &["silver".as_ref()]);
        for path in SYSTEM {
            line.option("--ro-bind-try", &[path.as_ref(), path.as_ref()]);
        }
        line.option("--proc", &["/proc".as_ref()]);
        line.option("--dev", &["/dev".as_ref()]);
        line.option("--tmpfs", &["/tmp".as_ref()]);
        for bind in &self.binds {
            let option = if bind.writable { "--bind" } else { "--ro-bind" };
            line.option(option, &[bind.from.as_os_str(), bind.at.as_os_str()]);
        }
        // what mount points were made in is the sandbox's own memory: nothing is to be left there
        line.option("--remount-ro", &["/".as_ref()]);
        line.option("--chdir", &[self.directory.as_deref().unwrap_or(Path::new("/")).as_os_str()]);
        line.options(&["--clearenv"]);
        for (name, value) in [("HOME", "/tmp"), ("LANG", "C.UTF-8"), ("PATH", PATH), ("TMPDIR", "/tmp")] {
            if !self.environment.contains_key(OsStr::new(name)) {
                line.option("--setenv", &[name.as_ref(), value.as_ref()]);
            }
        }
        for (name, value) in &self.environment {
            line.option("--setenv", &[name, value]);
        }
        line.options(&["--"]);
        line.0.extend(command.into_iter().map(|word| word.as_ref().to_owned()));
        line.0
    }
}

/// A command line that ends with status 0 if this machine can sandbox at all.
pub fn probe() -> Vec<OsString> {
    Sandbox::new().argv(["true"])
}

struct Line(Vec<OsString>);

impl Line {
    fn options(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(OsString::from));
    }

    fn option(&mut self, name: &str, values: &[&OsStr]) {
        self.0.push(name.into());
        self.0.extend(values.iter().map(|value| (*value).to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(sandbox: &Sandbox, command: &[&str]) -> Vec<String> {
        sandbox.argv(command).into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    fn has(line: &[String], words: &[&str]) -> bool {
        line.windows(words.len()).any(|window| window == words)
    }

    #[test]
    fn every_step_is_cut_off_from_network_processes_environment_and_home() {
        let line = words(&Sandbox::new(), &["true"]);
        assert_eq!(line[0], PROGRAM);
        for part in [
            &["--unshare-all"][..],
            &["--die-with-parent"],
            &["--new-session"],
            &["--clearenv"],
            &["--cap-drop", "ALL"],
            &["--tmpfs", "/tmp"],
            &["--remount-ro", "/"],
            &["--chdir", "/"],
            &["--setenv", "HOME", "/tmp"],
        ] {
            assert!(has(&line, part), "{part:?} in {line:?}");
        }
        assert!(!line.iter().any(|word| word.contains("share-net") || word == "--bind" || word == "--ro-bind"), "{line:?}");
        assert!(!line.iter().any(|word| word.starts_with("/home") || word.starts_with("/root") || word == "/etc"), "{line:?}");
        assert_eq!(probe(), Sandbox::new().argv(["true"]));
    }

    #[test]
    fn what_is_lent_comes_after_the_system_and_in_order() {
        let sandbox = Sandbox::new().read("/src dir", "/work").write("/out", "/work/out").directory("/work");
        let line = words(&sandbox, &["make", "--", "-x"]);
        let at = |words: &[&str]| line.windows(words.len()).position(|window| window == words).unwrap();
        let tmp = at(&["--tmpfs", "/tmp"]);
        let read = at(&["--ro-bind", "/src dir", "/work"]);
        let write = at(&["--bind", "/out", "/work/out"]);
        let closed = at(&["--remount-ro", "/"]);
        assert!(tmp < read && read < write && write < closed, "{line:?}");
        assert!(has(&line, &["--chdir", "/work"]));
        assert!(line.ends_with(&["--".into(), "make".into(), "--".into(), "-x".into()]), "{line:?}");
    }

    #[test]
    fn a_variable_is_set_once_and_replaces_the_default() {
        for (name, value) in [("PATH", "/opt/bin"), ("HOME", "/work"), ("LANG", "de_DE"), ("X", "a b=c")] {
            let line = words(&Sandbox::new().env(name, value), &["env"]);
            let set: Vec<_> = line.windows(3).filter(|window| window[0] == "--setenv" && window[1] == name).collect();
            assert_eq!(set.len(), 1, "{line:?}");
            assert_eq!(set[0][2], value);
        }
        let clear = |line: &[String]| line.iter().position(|word| word == "--clearenv").unwrap();
        let line = words(&Sandbox::new().env("X", "1"), &["env"]);
        assert!(clear(&line) < line.iter().position(|word| word == "--setenv").unwrap(), "{line:?}");
    }
}
