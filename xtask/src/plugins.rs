//! `cargo xtask plugins`: the WASM components of the reference packs, from their Rust sources.
//!
//! A plugin is a crate in `packs/reference/PACK/plugins-src/NAME`; it becomes
//! `packs/reference/PACK/plugins/NAME.wasm`, which the pack's manifest names with its world. Only
//! who builds packs needs this: packs carry their plugins compiled.

mod stamp;

use crate::{Failure, need, root, run, target};
use silver_plugin_build::{
    component,
    rust::{self, DEBIAN, TARGET, Toolchain},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The world of plugins that set nodes up, whose interface lies in a folder of its own.
const NODE_WORLD: &str = "node-plugin";

/// Options of the chore.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// Build also what has not changed.
    force: bool,
    /// Take Debian's Rust.
    debian: bool,
}

impl Options {
    /// From the command line.
    pub(crate) fn parse(words: &[&str]) -> Result<Self, Failure> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            match word {
                "--force" => options.force = true,
                "--toolchain" if words.next() == Some(&"debian") => options.debian = true,
                _ => return Err(format!("`{word}` is no option of `plugins`, or lacks its value").into()),
            }
        }
        Ok(options)
    }
}

/// One plugin.
struct Plugin {
    /// Its crate's name.
    package: String,
    /// Its crate's directory.
    source: PathBuf,
    /// The component.
    output: PathBuf,
    /// What it exports, as the manifest says.
    world: String,
}

/// Builds them all.
pub(crate) fn build(options: &Options) -> Result<(), Failure> {
    let plugins = find()?;
    let mut toolchain = None;
    for plugin in &plugins {
        let inputs = stamp::inputs(&plugin.source)?;
        let name = &plugin.package;
        if !options.force && stamp::is_current(name, &inputs, &plugin.output) {
            println!("    {name}: not changed");
            continue;
        }
        let toolchain = match &toolchain {
            Some(toolchain) => toolchain,
            None => toolchain.insert(find_toolchain(options.debian)?),
        };
        let bytes = compile(plugin, toolchain)?;
        fs::create_dir_all(plugin.output.parent().ok_or("a plugin without a directory")?)?;
        fs::write(&plugin.output, &bytes)?;
        stamp::record(name, &inputs, &bytes, &toolchain.version)?;
        println!("    {name}: {} ({} kB, world {})", shown(&plugin.output), bytes.len() / 1000, plugin.world);
    }
    Ok(())
}

/// Finds a Rust that builds plugins, or installs it and says so: the target with rustup, else Debian's Rust. Not every
/// machine can reach where rustup downloads from.
fn find_toolchain(debian: bool) -> Result<Toolchain, Failure> {
    let rustup = || {
        if !Toolchain::has_rustup() {
            return None;
        }
        println!("    installing the target {TARGET} with rustup: plugins are built for it");
        let added = Toolchain::from_rustup(&root());
        if added.is_none() {
            println!("    rustup cannot get it here");
        }
        added
    };
    let in_use = (!debian).then(|| Toolchain::in_use(&root()).or_else(rustup)).flatten();
    if let Some(toolchain) = in_use {
        return Ok(toolchain);
    }
    let why = "plugins are built for wasm32-unknown-unknown, and Debian's Rust comes with the source of its std";
    need::debian(&DEBIAN, why, || Toolchain::debian().is_some())?;
    Toolchain::debian().ok_or_else(|| "Debian's Rust is not complete".into())
}

fn compile(plugin: &Plugin, toolchain: &Toolchain) -> Result<Vec<u8>, Failure> {
    println!("    {}: building with {}", plugin.package, toolchain.name());
    let dir = target().join("plugins");
    let mut cargo = toolchain.cargo(&root(), &dir, &cargo_home());
    run::run(cargo.args(["--locked", "--profile", "plugin", "--package", &plugin.package]))?;
    let bytes = rust::encode(&dir, "plugin", &plugin.package)?;
    let wit = if plugin.world == NODE_WORLD { "plugins-sdk/wit-node" } else { "plugins-sdk/wit" };
    component::check_imports(&bytes, &plugin.world, &root().join(wit)).map_err(|error| format!("{}: {error}", plugin.package))?;
    Ok(bytes)
}

fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo");
    std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

/// The plugins that the manifests of the reference packs name, the built-in customizer as one (tests compare it with itself),
/// and the example of a plugin that sets nodes up.
fn find() -> Result<Vec<Plugin>, Failure> {
    let (overlay, fail2ban) = (root().join("packs/overlay"), root().join("plugins-sdk/examples/fail2ban"));
    let mut found = vec![
        Plugin {
            package: "silver-overlay-plugin".into(),
            output: overlay.join("plugin/overlay.wasm"),
            source: overlay.join("src"),
            world: "customizer-plugin".into(),
        },
        Plugin {
            package: "silver-fail2ban".into(),
            output: fail2ban.join("fail2ban.wasm"),
            source: fail2ban.join("src"),
            world: NODE_WORLD.into(),
        },
    ];
    for pack in directories(&root().join("packs/reference"))? {
        let manifest = pack.join("pack.toml");
        let wrong = || format!("{}: a [[plugin]] has file = \"plugins/NAME.wasm\" and a world", shown(&manifest));
        for row in table(&manifest)?.get("plugin").and_then(toml::Value::as_array).into_iter().flatten() {
            let field = |name: &str| row.get(name).and_then(toml::Value::as_str).ok_or_else(wrong);
            let (file, world) = (field("file")?, field("world")?);
            let name = file.strip_prefix("plugins/").and_then(|name| name.strip_suffix(".wasm")).ok_or_else(wrong)?;
            let source = pack.join("plugins-src").join(name);
            let package = table(&source.join("Cargo.toml"))?["package"]["name"].as_str().unwrap_or_default().to_owned();
            found.push(Plugin { package, source, output: pack.join(file), world: world.to_owned() });
        }
    }
    Ok(found)
}

fn table(path: &Path) -> Result<toml::Table, Failure> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", shown(path)))?;
    Ok(text.parse().map_err(|error| format!("{}: {error}", shown(path)))?)
}

/// Directories in a directory, sorted; none when it is not there.
fn directories(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let Ok(entries) = fs::read_dir(path) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A path below the repository, for people.
fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
