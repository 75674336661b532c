//! Before the namespaces: can this machine make nodes, are the images there, and then in.

use silver_providers::{
    Nspawn, ProviderError,
    image::{Images, KINDS},
};
use std::{
    io::{self, Write},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, ExitCode},
};

/// Set in the namespaces.
const INSIDE: &str = "SILVER_TEST_NODES_INSIDE";

/// Is this program in them?
pub(super) fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Where images are kept: they outlive the tests.
pub(super) fn cache() -> PathBuf {
    PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/root".into())).join(".cache/silver-test")
}

/// Becomes the same program in fresh namespaces, or returns with what it ends with.
pub(super) fn enter() -> ExitCode {
    if !rustix::process::geteuid().is_root() {
        let free = Command::new("sudo").args(["-n", "true"]).output().is_ok_and(|output| output.status.success());
        return if free { again(&["sudo", "-n", "-E"]) } else { skip("neither root nor `sudo` without a password") };
    }
    match prepare() {
        Ok(()) => {
            // the shell stays the first process, so that somebody buries whoever loses its parent
            again(&[
                "unshare",
                "--net",
                "--mount",
                "--propagation=private",
                "--pid",
                "--fork",
                "--kill-child=KILL",
                "--mount-proc",
                "--",
                "env",
                &format!("{INSIDE}=1"),
                "sh",
                "-c",
                "\"$@\"; exit $?",
                "sh",
            ])
        }
        Err(error @ ProviderError::Unable { .. }) => {
            skip(&error.hint().map_or_else(|| error.to_string(), |hint| format!("{error} ({hint})")))
        }
        Err(error) => skip(&super::words(&error)),
    }
}

/// The images need the network, which is on this side.
fn prepare() -> Result<(), ProviderError> {
    Nspawn::check()?;
    let images = Images::new(cache());
    for kind in KINDS {
        images.ensure(kind, &mut say)?;
    }
    Ok(())
}

/// This program with its arguments, run by what `prefix` says.
fn again(prefix: &[&str]) -> ExitCode {
    let program = std::env::current_exe().expect("the test's own path");
    let error = Command::new(prefix[0]).args(&prefix[1..]).arg(program).args(std::env::args_os().skip(1)).exec();
    skip(&format!("{}: {error}", prefix[0]))
}

/// Said aloud; with `SILVER_REQUIRE_NODES` it is a failure.
fn skip(why: &str) -> ExitCode {
    say(&format!("SKIP node tests: {why}"));
    if std::env::var_os("SILVER_REQUIRE_NODES").is_some() {
        say("SILVER_REQUIRE_NODES is set: that is a failure");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Says something beside the report of the tests.
pub(super) fn say(text: &str) {
    // to nobody, if nobody listens
    writeln!(io::stderr(), "{text}").ok();
}
