//! `index.sqlite.sha256`: says that the index was written to its end and not touched since.

use crate::{
    durable::{self},
    error::RegistryError,
};
use silver_pack::hash;
use silver_plugin_api::Digest;
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

pub(super) fn seal_path(index: &Path) -> PathBuf {
    index.with_extension("sqlite.sha256")
}

pub(super) fn journal(index: &Path) -> PathBuf {
    index.with_extension("sqlite-journal")
}

/// Is the index sealed, and are its bytes those that were sealed?
pub(super) fn is_right(index: &Path) -> Result<bool, RegistryError> {
    let seal = match fs::read_to_string(seal_path(index)) {
        Ok(seal) => seal,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(false),
        Err(error) => return Err(RegistryError::io("read", &seal_path(index))(error)),
    };
    Ok(seal == text(&digest(index)?))
}

/// From now on the index is not believed.
pub(super) fn break_open(index: &Path) -> Result<(), RegistryError> {
    match fs::remove_file(seal_path(index)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(RegistryError::io("remove", &seal_path(index))(error)),
        _ => Ok(()),
    }
}

/// From now on the index is believed.
pub(super) fn write(index: &Path) -> Result<(), RegistryError> {
    let tmp = durable::parent(index).join("tmp");
    durable::publish(&tmp, &seal_path(index), text(&digest(index)?).as_bytes(), 0o644)
}

fn text(digest: &Digest) -> String {
    format!("{}  index.sqlite\n", digest.hex())
}

fn digest(index: &Path) -> Result<Digest, RegistryError> {
    let copied = File::open(index).and_then(|mut file| hash::copy_hashed(&mut file, &mut io::sink()));
    Ok(copied.map_err(RegistryError::io("read", index))?.0)
}
