//! Real Debian nodes for tests: systemd-nspawn machines on a network that only the tests see.
//!
//! A test program with nodes has a `main` of its own that calls [`main`]: before any thread it runs itself
//! again in fresh namespaces for network, mounts and processes. Ssh, http and whatever silver does reach the
//! nodes from there; nothing of the machine changes, and when the program ends, killed or not, the kernel
//! ends everything in them.

pub mod fleet;
mod inside;
mod outside;
pub mod server;

use silver_providers::{
    image::Kind,
    node::{Access, Address, Node, Spec},
};
use std::{
    net::IpAddr,
    ops::Deref,
    path::PathBuf,
    process::{ExitCode, Output, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{http::Http, wait_for};
use inside::Inside;

/// Tests of one file: names and functions that panic when a promise is broken.
pub type Tests = &'static [(&'static str, fn())];

/// So many tests run at once, however many processors there are: their nodes share what the kernel lets root have of some
/// things (128 instances of inotify, of which systemd and its like take about ten on each node).
const AT_ONCE: usize = 4;

/// What the namespaces hold; set once, by [`main`].
static INSIDE: OnceLock<Inside> = OnceLock::new();

/// Runs the tests of these files on real nodes, as the command line says; a name is that of the file,
/// and the test's own.
pub fn main(files: &[(&str, Tests)]) -> ExitCode {
    let mut arguments = libtest_mimic::Arguments::from_args();
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    arguments.test_threads.get_or_insert(processors.min(AT_ONCE));
    let named = |(file, tests): &(&str, Tests)| {
        let file = (*file).to_owned();
        tests.iter().map(move |(name, test)| (format!("{file}::{name}"), *test)).collect::<Vec<_>>()
    };
    let tests: Vec<(String, fn())> = files.iter().flat_map(named).collect();
    let filter = arguments.filter.clone().unwrap_or_default();
    let wanted = !arguments.list && tests.iter().any(|(name, _)| name.contains(&filter));
    if wanted && let Err(exit) = enter() {
        return exit;
    }
    let trial = |(name, test): (String, fn())| {
        libtest_mimic::Trial::test(name, move || {
            test();
            Ok(())
        })
    };
    libtest_mimic::run(&arguments, tests.into_iter().map(trial).collect()).exit_code()
}

/// Goes into the namespaces, or says why not: with what the program then ends. There must be no thread yet.
pub fn enter() -> Result<(), ExitCode> {
    if !outside::is_inside() {
        return Err(outside::enter());
    }
    let inside = Inside::prepare().unwrap_or_else(|error| panic!("the network of the nodes: {}", words(&*error)));
    assert!(INSIDE.set(inside).is_ok(), "there is one world of nodes");
    Ok(())
}

/// A node for one test. It is gone when it is dropped.
#[derive(Debug)]
pub struct TestNode {
    node: Option<Node>,
}

impl TestNode {
    /// A bare Debian 12, reachable.
    pub fn bare(name: &str) -> Self {
        Self::of(name, Kind::Bare, None)
    }

    /// One that has the packages of a set-up node, not configured.
    pub fn ready(name: &str) -> Self {
        Self::of(name, Kind::Ready, None)
    }

    /// A bare one with a disk of so many MiB.
    pub fn small(name: &str, disk_mib: u32) -> Self {
        Self::of(name, Kind::Bare, Some(disk_mib))
    }

    /// One of this kind, reachable. Names need not be unique.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn of(name: &str, kind: Kind, disk_mib: Option<u32>) -> Self {
        static TAKEN: AtomicUsize = AtomicUsize::new(0);
        let inside = inside();
        let number = TAKEN.fetch_add(1, Ordering::Relaxed);
        // the first ones are those that `silver create-node` takes
        let address = Address::all().skip(10).nth(number).expect("an address for every node of a test run");
        let image = inside.image(kind);
        let dir = inside.place.join(format!("{number}-{name}"));
        let keys = vec![inside.access.public_key().expect("the tests' key")];
        let node = Node::create(Spec { name: name.into(), dir, image, address, keys, disk_mib });
        let test = Self { node: Some(node.unwrap_or_else(|error| panic!("{name}: {}", words(&error)))) };
        {
            // one at a time writes what is known
            static KNOWN: std::sync::Mutex<()> = std::sync::Mutex::new(());
            let _one = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            inside.access.know(&test).expect("known host keys");
        }
        test.start().unwrap_or_else(|error| panic!("{name}: {}", words(&error)));
        test.wait();
        test
    }

    /// Waits until it is reachable.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn wait(&self) {
        self.wait_ssh(&inside().access).unwrap_or_else(|error| panic!("{}: {}", self.name(), words(&error)));
    }

    /// Runs a shell script as root at its console, which must succeed; what it printed.
    ///
    /// # Panics
    /// When it fails.
    pub fn sh(&self, script: &str) -> String {
        let output = self.try_sh(script);
        let [said, errors] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        assert!(output.status.success(), "{}: {script}: {}\n{said}\n{errors}", self.name(), output.status);
        said.trim_end().to_owned()
    }

    /// Runs a shell script as root at its console.
    ///
    /// # Panics
    /// When it does not run.
    pub fn try_sh(&self, script: &str) -> Output {
        self.exec(script).unwrap_or_else(|error| panic!("{}: {}", self.name(), words(&error)))
    }

    /// Waits until nothing is under way any more, whoever carries it, and its lock has fallen.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn at_rest(&self) {
        let rests = "test -z \"$(ls /var/lib/silver/journal)\" && ! systemctl -q is-active 'silver-carry-*' 'silver-settle-*'";
        wait_for("the changes to end", || self.try_sh(rests).status.success().then_some(()));
    }

    /// Runs a script of the user's login shell over ssh.
    ///
    /// # Panics
    /// When there is no ssh.
    pub fn ssh(&self, user: &str, script: &str) -> Output {
        let mut command = inside().access.command(self, user, script);
        command.stdin(Stdio::null()).output().expect("ssh")
    }

    /// A visitor of its port 80.
    pub fn http(&self) -> Http {
        Http::at(self.address().ip(), 80)
    }

    /// As what silver is told to reach: `root@10.…`.
    pub fn target(&self, user: &str) -> String {
        format!("{user}@{}", self.address().ip())
    }
}

impl Deref for TestNode {
    type Target = Node;

    fn deref(&self) -> &Node {
        self.node.as_ref().expect("it is there until it is dropped")
    }
}

impl Drop for TestNode {
    fn drop(&mut self) {
        if std::thread::panicking() {
            outside::say(&self.last_words());
        }
        if let Some(node) = self.node.take() {
            // what is left goes with the namespaces
            node.destroy().ok();
        }
    }
}

impl TestNode {
    /// What the node has to say about a test that fails on it.
    fn last_words(&self) -> String {
        let said = self.exec("journalctl --no-pager --lines=40 --output=short; systemctl --failed --no-legend --plain");
        let said = said.map_or_else(|error| words(&error), |output| String::from_utf8_lossy(&output.stdout).into_owned());
        format!("--- the node `{}` at {} said last:\n{said}", self.name(), self.address().ip())
    }
}

/// The key that every node of the tests knows.
pub fn access() -> &'static Access {
    &inside().access
}

/// Where the images of the tests' nodes are.
pub fn images() -> PathBuf {
    outside::cache()
}

/// From now on this name leads to the node, for every program of the tests.
///
/// # Panics
/// When it cannot be written.
pub fn resolve(name: &str, node: &Node) {
    lead(name, node.address().ip());
}

/// From now on this name leads there, for every program of the tests.
///
/// # Panics
/// When it cannot be written.
pub fn lead(name: &str, to: impl Into<IpAddr>) {
    inside().resolve(name, to);
}

fn inside() -> &'static Inside {
    INSIDE.get().expect("nodes are for test programs whose `main` is that of silver_tests::nodes")
}

/// An error with its causes.
fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
