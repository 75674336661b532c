//! The owned keys of a config that the application also writes: set, and put back as they were.
//! Whatever else is in the file is the administrator's and stays.

use super::{Means, act::failure};
use crate::{
    apps::{AppFailure, Placed},
    disk::{DiskError, read_optional, remove_file, write_owned},
    journal::{self, Former, Journal},
    place::Place,
};
use silver_pack::{hash, render};
use silver_plugin_api::{
    TreePath,
    plan::{Action, FileFormat, SetKey},
};
use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
};

/// Sets the owned keys; the former text is kept with the journal.
pub(super) fn set(
    means: Means<'_>,
    journal: &Journal,
    release: &Placed,
    file: &TreePath,
    format: FileFormat,
    owned: &[String],
    set: &[SetKey],
) -> Result<(), AppFailure> {
    let mut values = Vec::new();
    for SetKey { key, value } in set {
        values.push((key.clone(), means.apps.resolve(release, value)?));
    }
    let place = Place::of(means.dirs, release.app(), file).map_err(failure)?;
    let former = read(&place, file)?;
    journal::keep_former(means.dirs, &journal.transition().id, &name(file), former.as_deref()).map_err(failure)?;
    let before = former.unwrap_or_default();
    let after = render::set_keys(format, &before, owned, &values).map_err(failure)?;
    if after == before { Ok(()) } else { write(&place, &after).map_err(failure) }
}

/// Puts the owned keys back; what else was changed in the meantime stays.
pub(super) fn restore(means: Means<'_>, journal: &Journal, file: &TreePath) -> Result<(), AppFailure> {
    let transition = journal.transition();
    let setting = transition.steps.iter().find_map(|step| match &step.action {
        Action::SetKeys { file: of, format, owned, .. } if of == file => Some((*format, owned)),
        _ => None,
    });
    let Some((format, owned)) = setting else { return Ok(()) };
    let place = Place::of(means.dirs, &transition.app, file).map_err(failure)?;
    match journal::former(means.dirs, &transition.id, &name(file)).map_err(failure)? {
        Former::Unknown => Ok(()),
        Former::Absent => remove_file(place.path()).map_err(failure),
        Former::Text(former) => {
            let Some(present) = read(&place, file)? else { return Ok(()) };
            let keys = render::read_keys(format, &former, owned).map_err(failure)?;
            let text = render::set_keys(format, &present, owned, &keys).map_err(failure)?;
            if text == present { Ok(()) } else { write(&place, &text).map_err(failure) }
        }
    }
}

fn read(place: &Place, file: &TreePath) -> Result<Option<String>, AppFailure> {
    let bytes = read_optional(place.path()).map_err(failure)?;
    let text = bytes.map(String::from_utf8).transpose();
    text.map_err(|_| AppFailure::new(format!("{file} is not UTF-8 text, so its keys cannot be set")))
}

/// The file keeps its mode and its owner.
fn write(place: &Place, text: &str) -> Result<(), DiskError> {
    let former = fs::metadata(place.path()).ok();
    let mode = former.as_ref().map_or(0o600, |meta| meta.permissions().mode() & 0o777);
    let owner = former.map(|meta| (meta.uid(), meta.gid()));
    write_owned(place.path(), text.as_bytes(), mode, owner)
}

fn name(file: &TreePath) -> String {
    hash::sha256(file.as_str().as_bytes()).hex()
}
