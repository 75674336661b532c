//! Where silver keeps its files: `$SILVER_HOME`, else the XDG directories.
//!
//! | what | with `SILVER_HOME=H` | else |
//! |---|---|---|
//! | data: registry, keys, releases, the apps' data | `H/data` | `$XDG_DATA_HOME/silver` (`~/.local/share/silver`) |
//! | state: logs | `H/state` | `$XDG_STATE_HOME/silver` (`~/.local/state/silver`) |
//! | cache: merges, compiled plugins, downloads | `H/cache` | `$XDG_CACHE_HOME/silver` (`~/.cache/silver`) |
//! | run: sockets, rendered secrets | `H/run` | `$XDG_RUNTIME_DIR/silver`, else the state directory's `run` |
//! | config: what people write | `H/config` | `$XDG_CONFIG_HOME/silver` (`~/.config/silver`) |

use crate::error::{CommandError, Result};
use silver_agent::dirs::{Dirs, Layout};
use std::path::PathBuf;

/// Reads `SILVER_HOME`, `XDG_*` and `HOME`. A relative `SILVER_HOME` counts from here.
pub fn from_environment() -> Result<Dirs> {
    if let Some(home) = variable("SILVER_HOME") {
        return Ok(Dirs::below(&std::path::absolute(home)?));
    }
    let home = variable("HOME").ok_or_else(|| {
        CommandError::usage("neither SILVER_HOME nor HOME is set")
            .hint("set SILVER_HOME to the directory where silver may keep its files")
    })?;
    let xdg = |name: &str, below: &str| absolute(name).unwrap_or_else(|| home.join(below)).join("silver");
    let state = xdg("XDG_STATE_HOME", ".local/state");
    let run = absolute("XDG_RUNTIME_DIR").map_or_else(|| state.join("run"), |run| run.join("silver"));
    Ok(Dirs {
        data: xdg("XDG_DATA_HOME", ".local/share"),
        state,
        cache: xdg("XDG_CACHE_HOME", ".cache"),
        run,
        config: xdg("XDG_CONFIG_HOME", ".config"),
        layout: Layout::Local,
    })
}

/// The port of the local front: `SILVER_PORT`, else 8484.
pub fn port() -> Result<u16> {
    let Some(text) = std::env::var_os("SILVER_PORT").filter(|value| !value.is_empty()) else { return Ok(8484) };
    let port = text.to_str().and_then(|text| text.parse().ok()).filter(|port| *port != 0);
    port.ok_or_else(|| {
        CommandError::usage(format!("SILVER_PORT is `{}`", text.display())).hint("a port is a number from 1 to 65535")
    })
}

/// The file `nodes.toml` that is named by `SILVER_NODES`.
pub fn nodes_file() -> Option<PathBuf> {
    variable("SILVER_NODES")
}

/// The configuration of ssh that `SILVER_SSH_CONFIG` names, instead of the operator's.
pub fn ssh_config() -> Result<Option<PathBuf>> {
    Ok(variable("SILVER_SSH_CONFIG").map(std::path::absolute).transpose()?)
}

/// Public keys in `~/.ssh`, sorted.
pub fn own_ssh_keys() -> Vec<PathBuf> {
    let Some(home) = variable("HOME") else { return Vec::new() };
    let entries = std::fs::read_dir(home.join(".ssh")).into_iter().flatten().flatten();
    let mut keys: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    keys.retain(|path| path.extension().is_some_and(|ending| ending == "pub"));
    keys.sort();
    keys
}

/// Cargo's home: `CARGO_HOME`, else `~/.cargo`.
pub fn cargo_home() -> Result<PathBuf> {
    variable("CARGO_HOME")
        .or_else(|| Some(variable("HOME")?.join(".cargo")))
        .ok_or_else(|| CommandError::usage("neither CARGO_HOME nor HOME is set").hint("set HOME to your home directory"))
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The XDG specification: relative values are to be ignored.
fn absolute(name: &str) -> Option<PathBuf> {
    variable(name).filter(|path| path.is_absolute())
}
