//! The walls of the house: which crate may not link what. A wall that is only written down falls;
//! this one is asked of cargo itself, feature by feature.
//!
//! What a crate may *call* (printing, the environment) is in `clippy.toml`.

use crate::{Failure, run};
use std::collections::{BTreeMap, BTreeSet};

/// Crate, what it may not link (a name, or the start of one before `*`), and why.
const WALLS: &[(&str, &[&str], &str)] = &[
    ("silver-core", &["wasmtime*", "openssh", "clap", "rusqlite"], "the core is linked by everything that decides"),
    ("silver-agent", &["wasmtime*", "openssh", "clap", "silver-core"], "the agent runs on nodes and decides nothing"),
    ("silver-pack", &["tokio", "ureq", "hyper*", "reqwest", "rusqlite", "wasmtime*", "jiff", "getrandom"], "packs are pure data"),
    (
        "silver-overlay",
        &["tokio", "ureq", "rustix", "wasmtime*", "silver-pack", "getrandom"],
        "the built-in customizer is compiled for the sandbox, too",
    ),
    ("silver-plugin-api", &["tokio", "wasmtime*", "silver-*", "getrandom"], "the vocabulary stands at the bottom"),
    ("silver-plugin", &["wasmtime*", "tokio", "getrandom"], "guests have no world outside"),
    ("silver-plugin-build", &["wasmtime*", "tokio", "silver-*"], "who builds plugins needs nothing of who runs them"),
    (
        "silver-builtin",
        &["tokio", "ureq", "hyper*", "wasmtime*", "silver-pack", "silver-core", "silver-agent"],
        "built-in plugins are plugins",
    ),
    ("silver-registry", &["tokio", "ureq", "hyper*", "wasmtime*", "silver-core", "silver-agent"], "the registry is files"),
    ("silver-build", &["tokio", "wasmtime*", "silver-core", "silver-agent"], "building has nothing to do with deploying"),
    ("silver-transport", &["wasmtime*", "clap"], "a transport carries"),
    ("silver-providers", &["wasmtime*", "clap", "tokio", "silver-*"], "who makes machines knows nothing of what runs on them"),
];

/// Only this crate may link wasmtime, besides the command that joins all.
const WASMTIME: [&str; 3] = ["silver-extensions", "silver-cli", "silver-tests"];

/// Fails when a wall has a hole; says where.
pub(crate) fn check() -> Result<(), Failure> {
    let mut holes = Vec::new();
    let metadata = run::output(&mut run::cargo(&["metadata", "--format-version", "1", "--locked", "--no-deps"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata without packages")?;
    let members: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut linked = BTreeMap::new();
    for &member in &members {
        linked.insert(member, links(member)?);
    }
    for (name, forbidden, why) in WALLS {
        let links = linked.get(name).ok_or_else(|| format!("there is a wall around {name}, but no such crate"))?;
        let through = links.iter().filter(|link| link.as_str() != *name && forbidden.iter().any(|rule| matches(rule, link)));
        // `silver-*` forbids all but itself
        holes.extend(through.map(|link| format!("{name} links {link}: {why}")));
    }
    for (name, links) in &linked {
        if !WASMTIME.contains(name) && links.contains("wasmtime") {
            holes.push(format!("{name} links wasmtime: only silver-extensions does"));
        }
    }
    if holes.is_empty() {
        println!("    {} walls stand", WALLS.len() + 1);
        return Ok(());
    }
    holes.sort();
    holes.dedup();
    Err(format!("holes in the walls:\n  {}", holes.join("\n  ")).into())
}

/// Names of all that a crate links in a build of its own, with its default features.
fn links(package: &str) -> Result<BTreeSet<String>, Failure> {
    let arguments = ["tree", "--locked", "--package", package, "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let tree = run::output(&mut run::cargo(&arguments))?;
    Ok(tree.lines().filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

fn matches(rule: &str, name: &str) -> bool {
    rule.strip_suffix('*').map_or(rule == name, |start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_matches_whole_names_or_starts() {
        assert!(matches("wasmtime*", "wasmtime-environ"));
        assert!(matches("clap", "clap"));
        assert!(!matches("clap", "clap_complete"));
    }

    #[test]
    fn a_hole_would_be_seen() {
        // xtask itself links wit-component; were this not found, no hole would be
        assert!(links("xtask").unwrap().contains("wit-component"));
    }
}
