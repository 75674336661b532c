//! The publisher's keys of the person at this machine: by name below the data directory, or a file
//! anywhere.

use crate::{
    context::Context,
    error::{CommandError, Result},
};
use silver_build::keys::{KeyFiles, SigningKey};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Where keys have names: `keys/publisher` of the data directory.
fn dir(context: &Context) -> Result<PathBuf> {
    Ok(context.dirs()?.publisher_keys())
}

/// All keys that have names, sorted.
pub fn all(context: &Context) -> Result<Vec<KeyFiles>> {
    let mut paths: Vec<PathBuf> = match fs::read_dir(dir(context)?) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "pub"));
    paths.sort();
    Ok(paths.into_iter().map(|path| KeyFiles::at(path.with_extension("key"))).collect())
}

/// The name of a key.
pub fn name(files: &KeyFiles) -> String {
    files.secret().file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The key that `text` means: a path, where it has a slash or names a file that is there; else a name.
pub fn find(context: &Context, text: &str) -> Result<KeyFiles> {
    if text.contains('/') {
        return Ok(KeyFiles::at(text));
    }
    let named = named(context, text)?;
    Ok(if !named.secret().exists() && Path::new(text).is_file() { KeyFiles::at(text) } else { named })
}

/// The key that is to be made under this name or path.
pub fn new(context: &Context, text: &str) -> Result<KeyFiles> {
    if text.contains('/') { Ok(KeyFiles::at(text)) } else { named(context, text) }
}

fn named(context: &Context, name: &str) -> Result<KeyFiles> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.starts_with(['.', '-']) || !name.chars().all(fits) {
        return Err(CommandError::usage(format!("`{}` cannot name a key", name.escape_debug()))
            .hint("a name has letters, digits, `-`, `_` and `.`; a path has a slash"));
    }
    Ok(KeyFiles::at(dir(context)?.join(format!("{}.key", name.strip_suffix(".key").unwrap_or(name)))))
}

/// Reads a secret key; its passphrase is asked for where it has one.
pub fn unlock(context: &Context, files: &KeyFiles) -> Result<SigningKey> {
    let path = files.secret().display();
    if files.is_exposed() {
        context.ui.warning(&format!("others than you may read the secret key `{path}`"));
        context.ui.hint(&format!("`chmod 600 {path}`"));
    }
    if !files.is_encrypted()? {
        return Ok(files.load(None)?);
    }
    let passphrase =
        context.ui.ask_secret(&format!("Passphrase of {path}:"), "a key without one: `silver keys new --unencrypted`")?;
    Ok(files.load(Some(&passphrase))?)
}

/// The passphrase for a new key, typed twice; `None` when there is to be none.
pub fn new_passphrase(context: &Context, unencrypted: bool) -> Result<Option<String>> {
    if unencrypted {
        return Ok(None);
    }
    let instead = "--unencrypted, where the file is protected otherwise";
    let first = context.ui.ask_secret("Passphrase for the new key:", instead)?;
    if first.is_empty() {
        return Err(CommandError::usage("the passphrase is empty").hint("a key without a passphrase: `--unencrypted`"));
    }
    if first != context.ui.ask_secret("The same again:", instead)? {
        return Err(CommandError::usage("the passphrases differ; no key was made"));
    }
    Ok(Some(first))
}
