//! Repository chores: `cargo xtask demo`, `cargo xtask test`, `cargo xtask plugins`, `cargo xtask bench`.
//!
//! Each installs what it needs and this machine lacks, and says what and why first. Nothing here is
//! part of silver; these commands may print and read the environment.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, reason = "chores talk to the person who runs them")]

mod bench;
mod checks;
mod demo;
mod fuzz;
mod need;
mod plugins;
mod reference;
mod run;
mod test;
mod walls;

use std::{path::PathBuf, process::ExitCode};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo       build silver and the Trac pack, customise it, deploy it here, say what to try next
  test       build the plugins and run everything that CI runs
  plugins    build the plugins of the reference packs (WASM components)
             --force             also those whose sources have not changed
             --toolchain debian  with Debian's Rust even where rustup has the target
  bench      measure silver against the programs that people use for the same
             --only NAME         rows whose name contains NAME; `ssh-` are those on servers
             --rounds N          instead of 7
             --json              an array of rows
  fuzz TARGET [SECONDS]
             feed what reads foreign bytes with changed inputs; fuzz/src/lib.rs lists the targets
  reference  write docs/reference from the sources
  walls      check which crate may link what
";

/// What went wrong, in words.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["plugins", options @ ..] => plugins::Options::parse(options).and_then(|options| plugins::build(&options)),
        ["bench", options @ ..] => bench::Options::parse(options).and_then(|options| bench::bench(&options)),
        [bench::BESIDE_SERVERS, words @ ..] => bench::beside_servers(words),
        ["reference"] => reference::write(),
        ["walls"] => walls::check(),
        ["test"] => test::test(),
        ["fuzz", target] => fuzz::fuzz(target, "60"),
        ["fuzz", target, seconds] => fuzz::fuzz(target, seconds),
        ["demo"] => demo::demo(),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => {
            eprintln!("error: no such chore: {}\n\n{USAGE}", words.join(" "));
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The repository's root.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(PathBuf::from).unwrap_or(here)
}

/// The outer cargo's target directory.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}
