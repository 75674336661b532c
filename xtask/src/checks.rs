//! Checks with tools that are not part of the Rust toolchain; they are installed below `target/tools`.

use crate::{Failure, need, root, run, target};
use std::{path::PathBuf, process::Command};

/// Exact versions, so that a new release of a tool does not fail an old commit.
const TYPOS: &str = "1.52.0";
const DENY: &str = "0.20.2";

/// Spelling, in prose and in names.
pub(crate) fn typos() -> Result<(), Failure> {
    need::python()?;
    let venv = tools().join(format!("typos-{TYPOS}"));
    let program = venv.join("bin/typos");
    if !program.exists() {
        println!("    installing typos {TYPOS} with pip: CI checks spelling");
        run::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        run::run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", &format!("typos=={TYPOS}")]))?;
    }
    run::run(Command::new(program).current_dir(root()))
}

/// Licences, duplicates, sources and advisories of dependencies (`deny.toml`).
pub(crate) fn deny() -> Result<(), Failure> {
    let tools = tools().join(format!("cargo-deny-{DENY}"));
    let program = tools.join("bin/cargo-deny");
    if !program.exists() {
        println!(
            "    installing cargo-deny {DENY} with cargo (some minutes, once): CI checks licences and sources of dependencies"
        );
        let mut install = run::cargo(&["install", "--quiet", "--locked", "cargo-deny", "--version", DENY, "--root"]);
        run::run(install.arg(&tools).arg("--target-dir").arg(target().join("tools/build")))?;
        // some hundred megabytes that are not needed again
        let _ = std::fs::remove_dir_all(target().join("tools/build"));
    }
    let deny = |what: &[&str]| {
        let mut command = Command::new(&program);
        command.args(["--all-features", "check", "--hide-inclusion-graph"]).args(what).current_dir(root());
        command
    };
    run::run(&mut deny(&["bans", "licenses", "sources"]))?;
    // the database of advisories is a git repository elsewhere: a machine that cannot reach it can still test
    if !run::succeeds("git", &["ls-remote", "--exit-code", ADVISORIES, "HEAD"]) {
        println!("    WARNING: advisories were not checked: the database cannot be reached from here");
        return Ok(());
    }
    run::run(&mut deny(&["advisories"]))
}

/// Where cargo-deny finds advisories; as in `deny.toml`.
const ADVISORIES: &str = "https://github.com/RustSec/advisory-db";

fn tools() -> PathBuf {
    target().join("tools")
}
