//! Keys of files that others write, too.

use super::{
    ResourceError,
    machine::Machine,
    paths::{self, roots},
    place::Owned,
};
use silver_pack::render;
use silver_plugin_api::{
    plan::FileFormat,
    setup::{Found, IniKeys},
};

pub(crate) fn observe(machine: &Machine, keys: &IniKeys) -> Result<Found, ResourceError> {
    let text = paths::text(machine, &keys.path)?;
    let values = match &text {
        Some(text) => render::read_keys(keys.format, text, &all(keys)).map_err(|source| wrong(keys, source))?,
        None => Vec::new(),
    };
    Ok(Found::IniKeys { exists: text.is_some(), values })
}

/// Sets them; all else of the file, its owner and its mode stay.
pub(crate) fn apply(machine: &Machine, keys: &IniKeys) -> Result<(), ResourceError> {
    let before = paths::text(machine, &keys.path)?;
    let nothing = if keys.format == FileFormat::Json { "{}\n" } else { "" };
    let text = render::set_keys(keys.format, before.as_deref().unwrap_or(nothing), &all(keys), &keys.entries)
        .map_err(|source| wrong(keys, source))?;
    let place = machine.made(&keys.path)?;
    let owned = place.stat()?.map_or(roots(), |stat| Owned { uid: stat.st_uid, gid: stat.st_gid, mode: stat.st_mode & 0o7777 });
    place.write(text.as_bytes(), owned)
}

/// Every key that the item speaks of.
fn all(keys: &IniKeys) -> Vec<String> {
    let mut all: Vec<String> = keys.owned.iter().chain(keys.entries.iter().map(|(key, _)| key)).cloned().collect();
    all.sort();
    all.dedup();
    all
}

fn wrong(keys: &IniKeys, source: render::RenderError) -> ResourceError {
    ResourceError::Keys { path: keys.path.clone(), source }
}
