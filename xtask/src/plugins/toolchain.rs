//! Which Rust builds plugins: the one in use if it has the target, else rustup gets the target, else
//! Debian's.
//!
//! The target is `wasm32-unknown-unknown`, which imports nothing at all; `wasm32-wasip2` would drag
//! in fourteen interfaces of WASI.

use crate::{Failure, need, root, run};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];

/// Variables of the outer cargo and rustup that would lead the inner build astray.
const FOREIGN: [&str; 12] = [
    "CARGO",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_TARGET_DIR",
    "LD_LIBRARY_PATH", // the outer toolchain's own libraries
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

/// A Rust that can build plugins.
pub(crate) struct Toolchain {
    debian: bool,
    /// What `rustc -vV` says; goes into the record of the build.
    pub(crate) version: String,
}

impl Toolchain {
    /// Finds one, or installs it and says so.
    pub(crate) fn find(debian: bool) -> Result<Self, Failure> {
        let debian = debian || !(has_target() || rustup_adds_target());
        if debian {
            let why = "plugins are built for wasm32-unknown-unknown, and Debian's Rust comes with the source of its std";
            need::debian(&DEBIAN, why, || {
                ["/usr/bin/rustc", "/usr/bin/cargo", "/usr/bin/wasm-ld-19"].iter().all(|program| Path::new(program).exists())
                    && debian_source().is_some()
            })?;
        }
        let mut rustc = Command::new(if debian { "/usr/bin/rustc" } else { "rustc" });
        let version = run::output(clean(rustc.arg("-vV")).current_dir(root()))?;
        Ok(Self { debian, version })
    }

    /// For people.
    pub(crate) fn name(&self) -> String {
        let version = self.version.lines().next().unwrap_or("rustc");
        if self.debian { format!("Debian's {version}, std included") } else { version.to_owned() }
    }

    /// `cargo build` for the target, into `dir`.
    pub(crate) fn cargo(&self, dir: &Path) -> Command {
        let mut command = Command::new(if self.debian { "/usr/bin/cargo" } else { "cargo" });
        clean(&mut command).current_dir(root()).args(["build", "--quiet", "--locked", "--profile", "plugin"]);
        command.args(["--target", TARGET]).arg("--target-dir").arg(dir);
        command.env("CARGO_ENCODED_RUSTFLAGS", self.remaps().join("\u{1f}"));
        if self.debian {
            command.arg("-Zbuild-std=std,panic_abort").env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "/usr/bin/wasm-ld-19");
        }
        command
    }

    /// No path of this machine may reach the component: two builds give the same bytes wherever they
    /// are made. (The crates are members of the workspace for the same reason: of path dependencies
    /// outside of it, cargo hashes the absolute path into every symbol.)
    fn remaps(&self) -> Vec<String> {
        let mut remaps = vec![(root(), "/silver".to_owned())];
        if let Some(source) = debian_source().filter(|_| self.debian) {
            remaps.push((source, "/rust".into()));
        }
        // one directory for each registry, or mirror of it
        let registries = cargo_home().join("registry/src");
        let registries = fs::read_dir(registries).into_iter().flatten().flatten();
        remaps.extend(registries.map(|registry| (registry.path(), "/registry".to_owned())));
        remaps.into_iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).collect()
    }
}

/// The same command without what the outer cargo put into the environment.
fn clean(command: &mut Command) -> &mut Command {
    FOREIGN.iter().fold(command, |command, name| command.env_remove(name))
}

/// Has the Rust in use the target's std?
fn has_target() -> bool {
    let mut rustc = Command::new("rustc");
    let dir = run::output(clean(rustc.args(["--print", "target-libdir", "--target", TARGET])).current_dir(root()));
    dir.is_ok_and(|dir| Path::new(dir.trim()).is_dir())
}

/// Asks rustup for it. Not every machine can reach where rustup downloads from: then Debian's does.
fn rustup_adds_target() -> bool {
    if !run::succeeds("rustup", &["--version"]) {
        return false;
    }
    println!("    installing the target {TARGET} with rustup: plugins are built for it");
    let added = run::output(clean(Command::new("rustup").args(["target", "add", TARGET])).current_dir(root()));
    if added.is_err() {
        println!("    rustup cannot get it here");
    }
    added.is_ok() && has_target()
}

/// Where Debian's package `rust-web-src` puts the source of std.
fn debian_source() -> Option<PathBuf> {
    let source = PathBuf::from("/usr/lib/rustlib/src/rust");
    source.join("library/std/Cargo.toml").exists().then_some(source)
}

fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo");
    std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}
