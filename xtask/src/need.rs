//! What the chores need and a fresh machine may lack. What is installed is said first, and why.

use crate::{
    Failure,
    run::{run, succeeds},
};
use std::{path::Path, process::Command};

/// Installs packages of Debian unless `there`.
pub(crate) fn debian(packages: &[&str], why: &str, there: impl Fn() -> bool) -> Result<(), Failure> {
    if there() {
        return Ok(());
    }
    eprintln!("    installing {} with apt-get: {why}", packages.join(" "));
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err(format!("this machine has no apt-get; install by hand what gives {}: {why}", packages.join(" ")).into());
    }
    // a package list that cannot be renewed may still do
    let _ = run(apt().args(["update", "-qq"]));
    run(apt().args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages))?;
    if there() { Ok(()) } else { Err(format!("{} is installed, and yet: {why}", packages.join(" ")).into()) }
}

/// The lists of packages, for `apt-get download`.
pub(crate) fn apt_lists() -> Result<(), Failure> {
    run(apt().args(["update", "-qq"]))
}

/// `apt-get`, through `sudo` where that is needed.
fn apt() -> Command {
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"));
    let mut command = if root {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg("apt-get");
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Python with venv and pip: `silver pack` fetches wheels with pip, and the python runtime builds
/// virtual environments.
pub(crate) fn python() -> Result<(), Failure> {
    debian(
        &["python3", "python3-venv", "python3-pip"],
        "packs of the python runtime are built with pip and run in virtual environments",
        || succeeds("python3", &["-c", "import venv, ensurepip, sqlite3"]) && succeeds("python3", &["-m", "pip", "--version"]),
    )
}

/// Bubblewrap: build steps of packs run in its sandbox, or not at all.
pub(crate) fn sandbox() -> Result<(), Failure> {
    let probe = ["--unshare-all", "--ro-bind", "/", "/", "true"];
    debian(&["bubblewrap"], "build steps of packs run in its sandbox; it needs user namespaces", || succeeds("bwrap", &probe))
}

/// npm and apt's lists: recipes of packs fetch with them, and the toolchain for plugins in JavaScript runs on Node.js.
pub(crate) fn packages() -> Result<(), Failure> {
    debian(&["curl"], "indexes that are directories are read with it", || succeeds("curl", &["--version"]))?;
    debian(&["npm"], "packs with packages of npm are built with it", || succeeds("npm", &["--version"]))?;
    if !succeeds("apt-cache", &["show", "--no-all-versions", "javascript-common"]) && Path::new("/usr/bin/apt-get").exists() {
        println!("    renewing the lists of apt: packs with packages of Debian are built with it");
        run(apt().args(["update", "-qq"]))?;
    }
    Ok(())
}

/// What makes Debian machines of directories: servers are tried on those.
pub(crate) fn nodes() -> Result<(), Failure> {
    let packages = [
        ("systemd-nspawn", "systemd-container"),
        ("mmdebstrap", "mmdebstrap"),
        ("dpkg-scanpackages", "dpkg-dev"),
        ("ssh", "openssh-client"),
        ("ip", "iproute2"),
        ("faketime", "faketime"),
    ];
    let missing = || {
        packages
            .into_iter()
            .filter(|(program, _)| !succeeds("sh", &["-c", &format!("PATH=$PATH:/usr/sbin command -v {program}")]))
    };
    let wanted: Vec<&str> = missing().map(|(_, package)| package).collect();
    debian(&wanted, "tests run nodes: Debian machines in namespaces", || missing().next().is_none())
}

/// Caddy, before which tests of the front of servers put small applications: only the program, unpacked where tests keep
/// their images, since the package would begin to serve.
pub(crate) fn caddy() -> Result<(), Failure> {
    let kept = "$HOME/.cache/silver-test/caddy";
    let there = || Path::new("/usr/bin/caddy").exists() || succeeds("sh", &["-c", &format!("{kept}/usr/bin/caddy version")]);
    if there() {
        return Ok(());
    }
    println!("    unpacking Caddy into ~/.cache/silver-test: tests put it before small applications");
    debian(&["dpkg-dev"], "packages are unpacked with it", || succeeds("dpkg-deb", &["--version"]))?;
    let script =
        format!("mkdir -p {kept} && cd {kept} && apt-get download -qq caddy && dpkg-deb -x caddy_*.deb . && rm caddy_*.deb");
    if run(Command::new("sh").args(["-ec", &script])).is_err() {
        apt_lists()?; // those of a fresh machine are empty
        run(Command::new("sh").args(["-ec", &script]))?;
    }
    if there() { Ok(()) } else { Err("Caddy was unpacked, but does not run".into()) }
}

/// The program minisign, with which tests compare what silver signs.
pub(crate) fn minisign() -> Result<(), Failure> {
    let why = "tests compare silver's signatures with those of the program itself";
    debian(&["minisign"], why, || succeeds("minisign", &["-v"]))
}

/// Tools that make zips: what they make is the input of `silver pack --from`.
pub(crate) fn zips() -> Result<(), Failure> {
    debian(&["zip", "unzip", "7zip"], "tests make packs of the zips that other tools make", || {
        succeeds("zip", &["-v"]) && succeeds("unzip", &["-v"]) && succeeds("7zz", &["i"])
    })
}

/// A component of the toolchain that rustup's minimal profile leaves out.
pub(crate) fn rust_component(name: &str, program: &[&str]) -> Result<(), Failure> {
    let (command, arguments) = program.split_first().ok_or("no program")?;
    if succeeds(command, arguments) {
        return Ok(());
    }
    eprintln!("    installing {name} with rustup: CI runs it");
    run(Command::new("rustup").args(["component", "add", name]))
}
