//! One world per test: a home, a working directory and a port of its own, and an environment of
//! which nothing comes from the machine's user.

use crate::{hello::Hold, http::Http};
use std::{
    ffi::OsStr,
    fs,
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long a test waits for anything before it fails.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A world. Its agent is stopped when it is dropped.
#[derive(Debug)]
pub struct World {
    root: TempDir,
    port: u16,
}

impl World {
    /// A fresh one.
    ///
    /// # Panics
    /// When there is no room for it.
    pub fn new() -> Self {
        let root = TempDir::with_prefix("silver-test-").expect("a temporary directory");
        fs::create_dir(root.path().join("work")).expect("a working directory");
        Self { root, port: free_port() }
    }

    /// `SILVER_HOME`.
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// Where commands run.
    pub fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// The front's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A client of the front.
    pub fn http(&self) -> Http {
        Http::new(self.port)
    }

    /// The command, ready to be started in this world.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(binary());
        self.settle(command.args(args));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Has any program see this world and nothing of the machine's user.
    pub fn settle(&self, command: &mut Command) {
        command
            .current_dir(self.work())
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| of_the_machine(name)))
            .env("HOME", self.root.path())
            .env("LANG", "C.UTF-8")
            .env("SILVER_HOME", self.home())
            .env("SILVER_PORT", self.port.to_string());
    }

    /// Runs the command to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn silver<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        self.run(&mut self.command(args))
    }

    /// Runs a command of this world, with what a test changed of it, to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run(&self, command: &mut Command) -> Ran {
        let said = format!("{command:?}");
        let output = command.output().unwrap_or_else(|error| panic!("{}: {error}", binary().display()));
        Ran { said, output, names: self.names() }
    }

    /// Starts the command and returns at once.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn spawn<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Child {
        self.command(args).spawn().unwrap_or_else(|error| panic!("{}: {error}", binary().display()))
    }

    /// Starts an update to the edition of `hello` with this name, which waits in its middle, and returns when it waits.
    ///
    /// # Panics
    /// When it does not get there.
    pub fn held(&self, edition: &str) -> (Child, Hold) {
        let hold = Hold::new(&self.home().join("data/nodes/local/data/hello"));
        let zip = self.hello(edition);
        let mut client = self.spawn([OsStr::new("update"), zip.as_os_str(), OsStr::new("--yes")]);
        hold.reached(&mut client);
        (client, hold)
    }

    /// Waits until a command has ended that was started before.
    ///
    /// # Panics
    /// When it cannot be waited for.
    pub fn ended(&self, child: Child) -> Ran {
        let said = format!("the command {}", child.id());
        let output = child.wait_with_output().unwrap_or_else(|error| panic!("{said}: {error}"));
        Ran { said, output, names: self.names() }
    }

    /// Runs the command and takes its `--json` report.
    ///
    /// # Panics
    /// When it fails or says something else.
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let ran = self.silver(args.iter().chain(&["--json"])).ok();
        serde_json::from_str(&ran.stdout()).unwrap_or_else(|error| panic!("{args:?}: {error}\n{}", ran.stdout()))
    }

    /// Packs the edition of `hello` with this name (see [`crate::hello`]) and returns the zip.
    ///
    /// # Panics
    /// When it cannot be packed.
    pub fn hello(&self, edition: &str) -> PathBuf {
        let zip = self.work().join(format!("hello-{edition}.zip"));
        if !zip.exists() {
            let dir = crate::hello::variant(edition);
            self.silver([OsStr::new("pack"), dir.path().as_os_str(), OsStr::new("-o"), zip.as_os_str()]).ok();
        }
        zip
    }

    /// Deploys the edition of `hello` with this name, as its user would.
    ///
    /// # Panics
    /// When it cannot be packed.
    pub fn update(&self, edition: &str) -> Ran {
        let zip = self.hello(edition);
        self.silver([OsStr::new("update"), zip.as_os_str(), OsStr::new("--yes")])
    }

    /// Writes a file below the working directory.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.work().join(path);
        let parent = path.parent().expect("a path in a directory");
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// What differs from run to run, and the name it has in snapshots.
    fn names(&self) -> Vec<(String, &'static str)> {
        vec![
            (self.root.path().display().to_string(), "[WORLD]"),
            (format!(":{}", self.port), ":[PORT]"),
            (format!("port {}", self.port), "port [PORT]"),
        ]
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.home().join("run/agent.sock").exists() {
            // the world ends in any case; what is left is swept with the temporary directory
            self.command(["local", "stop"]).output().ok();
        }
    }
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    said: String,
    output: Output,
    names: Vec<(String, &'static str)>,
}

impl Ran {
    /// It ended with 0.
    ///
    /// # Panics
    /// When it did not.
    #[allow(clippy::must_use_candidate, clippy::return_self_not_must_use, reason = "an assertion, and what it asserted about")]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    /// It ended with this exit code.
    ///
    /// # Panics
    /// When it did not.
    #[allow(clippy::must_use_candidate, clippy::return_self_not_must_use, reason = "an assertion, and what it asserted about")]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.output.status.code(),
            Some(code),
            "{}\n--- stdout\n{}\n--- stderr\n{}",
            self.said,
            self.stdout(),
            self.stderr()
        );
        self
    }

    /// The exit code; -1 when a signal ended it.
    pub fn code(&self) -> i32 {
        self.output.status.code().unwrap_or(-1)
    }

    /// Standard output, as it is.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// Standard error, as it is.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Both, for a snapshot: exit code, report, remarks; with names for what differs from run to run
    /// (paths, port; digests, durations, dates and process ids are the snapshot's filters).
    pub fn snapshot(&self) -> String {
        let mut text = format!("exit {}\n", self.code());
        for (label, part) in [("stdout", self.stdout()), ("stderr", self.stderr())] {
            if !part.is_empty() {
                text.extend(["--- ", label, "\n", part.trim_end(), "\n"]);
            }
        }
        for (from, to) in &self.names {
            text = text.replace(from, to);
        }
        text
    }
}

/// Variables that say what the machine is, not who uses it: programs, package indexes, certificates.
fn of_the_machine(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name == "PATH"
        || ["PIP_", "NPM_CONFIG_", "npm_config_", "SSL_CERT_", "REQUESTS_CA_", "NODE_EXTRA_CA_"]
            .iter()
            .any(|start| name.starts_with(start))
        || name.to_lowercase().ends_with("_proxy")
}

/// The command with what toolchains keep at the home of who runs the tests: Rust itself, crates, npm's settings.
pub fn with_toolchains(command: &mut Command) -> &mut Command {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let mut at_home = |name: &str, below: &str| {
        command.env(name, std::env::var_os(name).map_or_else(|| home.join(below), PathBuf::from));
    };
    at_home("CARGO_HOME", ".cargo");
    at_home("RUSTUP_HOME", ".rustup");
    at_home("NPM_CONFIG_USERCONFIG", ".npmrc");
    command
}

/// What a snapshot names instead of showing, after [`Ran::snapshot`]: patterns and names, for insta.
pub fn filters() -> Vec<(&'static str, &'static str)> {
    vec![
        (r"\b[0-9a-f]{64}\b", "[DIGEST]"),
        (r"\b[0-9a-f]{12}\b", "[SHORT]"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?( ?(Z|UTC|[+-]\d\d:?\d\d))?", "[DATE]"),
        (r"\b\d{8}_(\d+)\b", "[DAY]_$1"),
        (r"\b\d+(\.\d+)? (ms|s) ago\b", "[TIME] ago"),
        (r"\b\d+ ms\b", "[TIME]"),
        (r"\(\d+\.\d s\)", "([TIME])"),
        (r"\b(check|serve|run|init|migrate) \d+:", "$1 [PID]:"),
        (r"\b[\w-]+@[\w.-]+", "[OPERATOR]"),
        // sizes of the reference pack, which has other promises to keep
        (r"\(\d[\d,]* →", "([SIZE] →"),
        (r"\b\d[\d,]* bytes", "[SIZE] bytes"),
        (r"\b(size|unpacked): \d+", "$1: [SIZE]"),
        (r"(?m)^f +\d+ ", "f [SIZE] "),
        // columns are as wide as what has a name here now
        (r"(\S) {3,}", "$1  "),
    ]
}

/// The binary that was built with the tests.
///
/// # Panics
/// When it was not built.
pub fn binary() -> PathBuf {
    // target/debug/deps/test-123 or target/release/silver-bench → silver above or beside it
    let own = std::env::current_exe().expect("the program's own path");
    let places: Vec<PathBuf> = own.ancestors().skip(1).take(2).map(|dir| dir.join("silver")).collect();
    let binary = places.iter().find(|place| place.is_file()).or(places.last()).cloned().unwrap_or_default();
    assert!(binary.is_file(), "{} is not built: run `cargo build -p silver-cli` or `cargo xtask test`", binary.display());
    binary
}

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Says aloud that a test cannot run on this machine; with `SILVER_REQUIRE_NODES` that is a failure.
///
/// # Panics
/// When nothing may be skipped.
pub fn skipped(why: &str) {
    // past the test runner, which keeps to itself what a test prints that passes
    writeln!(std::io::stderr(), "SKIPPED: {why}").expect("standard error");
    assert!(std::env::var_os("SILVER_REQUIRE_NODES").is_none(), "SILVER_REQUIRE_NODES is set, and this is skipped: {why}");
}

/// Waits until `what` gives something.
///
/// # Panics
/// When it does not within [`PATIENCE`].
pub fn wait_for<T>(name: &str, mut what: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = what() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} for {name}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A port that nobody holds. Ports below the range that the kernel hands out by itself, each given
/// to one world only, so that no client's outgoing connection takes it meanwhile.
fn free_port() -> u16 {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 900).unwrap_or(0) * 20;
    loop {
        let port = 12_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
