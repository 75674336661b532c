//! `cargo xtask test`: everything that CI runs, in the order in which failures are cheapest.

use crate::{Failure, checks, demo, need, plugins, reference, run, target, walls};
use run::{cargo, step};
use std::time::Instant;

/// Runs it all. The last line is the test runner's.
pub(crate) fn test() -> Result<(), Failure> {
    let start = Instant::now();
    step("what is needed", || {
        need::python()?;
        need::minisign()?;
        need::zips()?;
        need::sandbox()?;
        need::packages()?;
        need::nodes()?;
        need::caddy()?;
        need::rust_component("rustfmt", &["cargo", "fmt", "--version"])?;
        need::rust_component("clippy", &["cargo", "clippy", "--version"])
    })?;
    step("format", || run::run(&mut cargo(&["fmt", "--all", "--check"])))?;
    step("spelling", checks::typos)?;
    step("walls", walls::check)?;
    step("references", reference::check)?;
    step("dependencies", checks::deny)?;
    step("plugins", || plugins::build(&plugins::Options::default()))?;
    step("lints", || {
        run::run(&mut cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
    })?;
    step("documentation", || {
        let mut doc = cargo(&["doc", "--quiet", "--workspace", "--no-deps", "--locked"]);
        run::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    step("build", || run::run(&mut cargo(&["build", "--quiet", "--workspace", "--all-targets", "--locked"])))?;
    step("packs", || {
        for pack in ["hello", "trac"] {
            demo::pack(pack, &target().join("packs"))?;
        }
        Ok(())
    })?;
    step("documentation tests", || run::run(&mut cargo(&["test", "--quiet", "--workspace", "--doc", "--locked"])))?;
    // always of the whole workspace: for a part of it cargo unites features differently and builds dependencies anew
    step("tests of the libraries", || {
        run::run(&mut cargo(&["test", "--quiet", "--workspace", "--lib", "--bins", "--locked", "--no-fail-fast"]))
    })?;
    // last, because the last line is to be that of tests that ran, not of a crate without any
    println!("==> tests through interfaces and the binary, after {:.0} s", start.elapsed().as_secs_f64());
    run::run(&mut cargo(&["test", "--quiet", "--workspace", "--test", "*", "--locked", "--no-fail-fast"]))
}
