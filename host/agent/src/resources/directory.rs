//! Directories.

use super::{Accounts, ResourceError, machine::Machine, paths};
use silver_plugin_api::setup::{Directory, Found};

pub(crate) fn observe(machine: &Machine, accounts: &Accounts, directory: &Directory) -> Result<Found, ResourceError> {
    Ok(Found::Path(paths::look(machine, accounts, &directory.path)?))
}

pub(crate) fn apply(machine: &Machine, accounts: &Accounts, directory: &Directory) -> Result<(), ResourceError> {
    let owned = paths::owned(accounts, &directory.owner, &directory.group, directory.mode)?;
    machine.made(&directory.path)?.directory(owned)
}
