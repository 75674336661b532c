//! The command `silver`: the only crate that prints, prompts and reads the environment.
//!
//! One file per command in [`commands`]; each parses, loads, calls one library function and prints.
#![allow(unreachable_pub, reason = "in a binary, `pub` marks what a module offers to the others")]
#![expect(clippy::disallowed_methods, reason = "this is the crate that reads the environment")]

mod agent_programs;
mod app_name;
mod app_plugins;
mod args;
mod attach;
mod carry;
mod changes;
mod commands;
mod context;
mod deploying;
mod deployment;
mod dirs;
mod dns;
mod error;
mod exit;
mod extensions;
mod findings;
mod interrupt;
mod kept;
mod key_files;
mod known_packs;
mod log_heads;
mod merging;
mod mirroring;
mod moment;
mod node;
mod nodes;
mod operator;
mod plan_file;
mod portable;
mod program;
mod providers;
mod scratch;
mod secrets;
mod set_up;
mod setup_version;
mod signing;
mod text_diff;
mod together;
mod trust;
mod ui;
mod words;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args = match args::parse() {
        Ok(args) => args,
        Err(code) => return ExitCode::from(code),
    };
    let context = context::Context::new(&args.globals, args.words);
    match commands::run(args.command, &context) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            context.ui.error(&error);
            ExitCode::from(error.exit.code())
        }
    }
}
