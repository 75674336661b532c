//! Is a plugin newer than its sources? By digest, so that a fresh checkout with other file times
//! changes nothing.

use crate::{Failure, root, target};
use sha2::{Digest, Sha256};
use std::{fs, path::Path};

/// Digest of all that a plugin is made of: its crate and those beside it, the SDK, the lock and what
/// builds it.
pub(crate) fn inputs(source: &Path) -> Result<String, Failure> {
    let mut hash = Sha256::new();
    let root = root();
    hash.update(source.to_string_lossy().as_bytes());
    let sdk = ["api", "rust", "wit", "wit-node", "build/src"].map(|part| root.join("plugins-sdk").join(part));
    for part in sdk.iter().chain(&["Cargo.lock", "Cargo.toml"].map(|file| root.join(file))) {
        add(&mut hash, part)?;
    }
    add(&mut hash, source.parent().unwrap_or(source))?;
    Ok(hex::encode(hash.finalize()))
}

/// Adds name and content of all files below a path, in the order of their names.
fn add(hash: &mut Sha256, path: &Path) -> Result<(), Failure> {
    let wrong = |error| format!("{}: {error}", path.display());
    // what was built lies beside what it was built from
    if path.extension().is_some_and(|suffix| suffix == "wasm") {
        return Ok(());
    }
    if path.is_dir() {
        let mut entries: Vec<_> = fs::read_dir(path).map_err(wrong)?.collect::<Result<_, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        return entries.iter().try_for_each(|entry| add(hash, &entry.path()));
    }
    let content = fs::read(path).map_err(wrong)?;
    hash.update(path.to_string_lossy().as_bytes());
    hash.update((content.len() as u64).to_le_bytes());
    hash.update(content);
    Ok(())
}

/// Was this very component made from these inputs?
pub(crate) fn is_current(name: &str, inputs: &str, output: &Path) -> bool {
    let Ok(bytes) = fs::read(output) else { return false };
    let Ok(recorded) = fs::read_to_string(file(name)) else { return false };
    recorded.starts_with(&format!("inputs {inputs}\noutput {}\n", hex::encode(Sha256::digest(bytes))))
}

/// Remembers what was made from what, and with which compiler.
pub(crate) fn record(name: &str, inputs: &str, output: &[u8], compiler: &str) -> Result<(), Failure> {
    let output = hex::encode(Sha256::digest(output));
    fs::create_dir_all(target().join("plugins"))?;
    Ok(fs::write(file(name), format!("inputs {inputs}\noutput {output}\n{compiler}"))?)
}

fn file(name: &str) -> std::path::PathBuf {
    target().join("plugins").join(format!("{name}.stamp"))
}
