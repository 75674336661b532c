//! Repositories of packages: two files.

use super::{
    Accounts, ResourceError,
    machine::Machine,
    paths::{self, roots},
};
use silver_plugin_api::setup::{Found, Repository};

pub(crate) fn observe(machine: &Machine, accounts: &Accounts, repository: &Repository) -> Result<Found, ResourceError> {
    Ok(Found::Repository {
        sources: paths::look(machine, accounts, &repository.sources_path())?,
        key: paths::look(machine, accounts, &repository.key_path())?,
    })
}

/// First the key, which the description names.
pub(crate) fn apply(machine: &Machine, repository: &Repository) -> Result<(), ResourceError> {
    machine.made(&repository.key_path())?.write(&machine.bytes(&repository.key)?, roots())?;
    machine.made(&repository.sources_path())?.write(repository.sources().as_bytes(), roots())
}
