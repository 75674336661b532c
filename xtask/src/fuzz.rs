//! `cargo xtask fuzz TARGET [SECONDS]`: libFuzzer where a nightly toolchain and cargo-fuzz are, else the same
//! target with many more changed inputs than the tests take.

use crate::{
    Failure, root,
    run::{cargo, run, succeeds},
};
use std::process::Command;

/// Runs one target.
pub(crate) fn fuzz(target: &str, seconds: &str) -> Result<(), Failure> {
    let seconds: u64 = seconds.parse().map_err(|_| format!("`{seconds}` is not a number of seconds"))?;
    if succeeds("cargo", &["+nightly", "fuzz", "--version"]) {
        let time = format!("-max_total_time={seconds}");
        let mut command = Command::new("cargo");
        command.args(["+nightly", "fuzz", "run", "--fuzz-dir", "fuzz/libfuzzer", target, "--", &time]);
        return run(command.current_dir(root()).env_remove("RUSTUP_TOOLCHAIN"));
    }
    println!("    no nightly toolchain with cargo-fuzz: changed inputs without guidance instead");
    let mut command = cargo(&["test", "--package", "silver-fuzz", "--test", "bounded", "--", "--exact", target]);
    // a few thousand small inputs take a second
    run(command.env("PROPTEST_CASES", (seconds * 1000).to_string()))
}
