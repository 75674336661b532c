//! Which Rust builds plugins, and how: the one in use if it has the target, or gets it from rustup, else
//! Debian's.
//!
//! The target is `wasm32-unknown-unknown`, which imports nothing at all; `wasm32-wasip2` would drag
//! in fourteen interfaces of WASI.

use crate::{BuildError, Place, component, project::Project, start};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What plugins are compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";
/// Debian's packages that can compile for it.
pub const DEBIAN: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];

/// How to get Rust.
const GET_RUST: &str = "install Rust: https://rustup.rs, or Debian's rustc-web, cargo-web, rust-web-src and lld-19";

/// Variables of an outer cargo and rustup that would lead the inner build astray.
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
pub struct Toolchain {
    debian: bool,
    /// What `rustc -vV` says; goes into the record of a build.
    pub version: String,
}

impl Toolchain {
    /// The Rust that is in use in `dir`, if it has the target.
    pub fn in_use(dir: &Path) -> Option<Self> {
        let mut rustc = Command::new("rustc");
        rustc.args(["--print", "target-libdir", "--target", TARGET]).current_dir(dir);
        let libdir = start::output(clean(&mut rustc), GET_RUST).ok()?;
        if !Path::new(libdir.trim()).is_dir() {
            return None;
        }
        let version = start::output(clean(Command::new("rustc").arg("-vV").current_dir(dir)), GET_RUST).ok()?;
        Some(Self { debian: false, version })
    }

    /// Is rustup there, to be asked for the target?
    pub fn has_rustup() -> bool {
        start::output(Command::new("rustup").arg("--version"), GET_RUST).is_ok()
    }

    /// As [`Toolchain::in_use`], once rustup has added the target. Not every machine can reach where it downloads from.
    pub fn from_rustup(dir: &Path) -> Option<Self> {
        let mut rustup = Command::new("rustup");
        rustup.args(["target", "add", TARGET]).current_dir(dir);
        start::output(clean(&mut rustup), GET_RUST).ok()?;
        Self::in_use(dir)
    }

    /// Debian's, if it is there: it comes with the source of its std.
    pub fn debian() -> Option<Self> {
        let programs = ["/usr/bin/rustc", "/usr/bin/cargo", "/usr/bin/wasm-ld-19"];
        if !programs.iter().all(|program| Path::new(program).exists()) {
            return None;
        }
        debian_source()?;
        let version = start::output(clean(Command::new("/usr/bin/rustc").arg("-vV")), GET_RUST).ok()?;
        Some(Self { debian: true, version })
    }

    /// For people.
    pub fn name(&self) -> String {
        let version = self.version.lines().next().unwrap_or("rustc");
        if self.debian { format!("Debian's {version}, std included") } else { version.to_owned() }
    }

    /// `cargo build` for the target: of the workspace at `root`, into `dir`. The caller adds profile and package.
    ///
    /// No path of this machine may reach the component: two builds give the same bytes wherever they
    /// are made. (Path dependencies are members of the workspace for the same reason: of those outside of it,
    /// cargo hashes the absolute path into every symbol.)
    pub fn cargo(&self, root: &Path, dir: &Path, cargo_home: &Path) -> Command {
        let mut command = Command::new(if self.debian { "/usr/bin/cargo" } else { "cargo" });
        clean(&mut command).current_dir(root).args(["build", "--quiet", "--target", TARGET, "--target-dir"]).arg(dir);
        command.env("CARGO_ENCODED_RUSTFLAGS", self.remaps(root, cargo_home).join("\u{1f}"));
        if self.debian {
            command.arg("-Zbuild-std=std,panic_abort").env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "/usr/bin/wasm-ld-19");
        }
        command
    }

    fn remaps(&self, root: &Path, cargo_home: &Path) -> Vec<String> {
        let mut remaps = vec![(root.to_owned(), "/silver".to_owned())];
        if let Some(source) = debian_source().filter(|_| self.debian) {
            remaps.push((source, "/rust".into()));
        }
        // one directory for each registry, or mirror of it
        let registries = fs::read_dir(cargo_home.join("registry/src")).into_iter().flatten().flatten();
        remaps.extend(registries.map(|registry| (registry.path(), "/registry".to_owned())));
        remaps.into_iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).collect()
    }
}

/// The same command without what an outer cargo put into the environment.
fn clean(command: &mut Command) -> &mut Command {
    FOREIGN.iter().fold(command, |command, name| command.env_remove(name))
}

/// Where Debian's package `rust-web-src` puts the source of std.
fn debian_source() -> Option<PathBuf> {
    let source = PathBuf::from("/usr/lib/rustlib/src/rust");
    source.join("library/std/Cargo.toml").exists().then_some(source)
}

/// The component of the crate `package`, whose module `cargo` has built into `dir` with `profile`.
pub fn encode(dir: &Path, profile: &str, package: &str) -> Result<Vec<u8>, BuildError> {
    let path = dir.join(TARGET).join(profile).join(format!("{}.wasm", package.replace('-', "_")));
    let module = fs::read(&path).map_err(BuildError::io(&path))?;
    component::encode(&module).map_err(|source| BuildError::Component { path, source })
}

/// Builds an author's project.
pub(crate) fn project(project: &Project, place: &Place<'_>) -> Result<Vec<u8>, BuildError> {
    let toolchain = match Toolchain::in_use(&project.dir).or_else(Toolchain::debian) {
        Some(toolchain) => toolchain,
        None if Toolchain::has_rustup() => {
            (place.tell)(&format!("installing the target {TARGET} with rustup: plugins are built for it"));
            Toolchain::from_rustup(&project.dir).ok_or(BuildError::NoTarget)?
        }
        None => return Err(BuildError::NoTarget),
    };
    (place.tell)(&format!("building with {}", toolchain.name()));
    let dir = project.dir.join("target");
    let mut cargo = toolchain.cargo(&project.dir, &dir, &place.cargo_home);
    start::output(cargo.args(["--release", "--package", &project.name]), GET_RUST)?;
    encode(&dir, "release", &project.name)
}
