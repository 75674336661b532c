//! Lists the files of the guest SDKs, so that a file that is added there is in every project that `silver
//! plugin new` makes: `$OUT_DIR/files.rs` holds `RUST`, `PYTHON`, `JS` and `WIT`, each a slice of (path, text).

use std::{
    env,
    error::Error,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

#[allow(clippy::disallowed_methods, reason = "how cargo talks to build scripts")]
fn main() -> Result<(), Box<dyn Error>> {
    let sdk = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..");
    let mut text = String::new();
    for (name, parts) in [
        ("RUST", &["api/Cargo.toml", "api/src", "rust/Cargo.toml", "rust/src", "rust/examples", "wit-node"][..]),
        ("PYTHON", &["python/silver_plugin.py"]),
        ("JS", &["js/silver-plugin.js"]),
        ("WIT", &["wit"]),
    ] {
        writeln!(text, "pub(crate) static {name}: &[(&str, &str)] = &[")?;
        for part in parts {
            for path in files(&sdk.join(part))? {
                let shown = path.strip_prefix(&sdk)?.display().to_string();
                let path = fs::canonicalize(&path)?.display().to_string();
                writeln!(text, "    ({shown:?}, include_str!({path:?})),")?;
            }
        }
        writeln!(text, "];")?;
    }
    Ok(fs::write(PathBuf::from(env::var("OUT_DIR")?).join("files.rs"), text)?)
}

/// The file itself, or all below the directory, sorted.
#[allow(clippy::disallowed_macros, reason = "how build scripts talk to cargo")]
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    println!("cargo::rerun-if-changed={}", path.display());
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        found.extend(files(&entry)?);
    }
    Ok(found)
}
