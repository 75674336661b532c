//! Files.

use super::{Accounts, ResourceError, machine::Machine, paths};
use silver_plugin_api::setup::{File, Found, Presence};

pub(crate) fn observe(machine: &Machine, accounts: &Accounts, file: &File) -> Result<Found, ResourceError> {
    Ok(Found::Path(paths::look(machine, accounts, &file.path)?))
}

pub(crate) fn apply(machine: &Machine, accounts: &Accounts, file: &File) -> Result<(), ResourceError> {
    if file.state == Presence::Absent {
        return machine.place(&file.path)?.map_or(Ok(()), |place| place.remove());
    }
    let owned = paths::owned(accounts, &file.owner, &file.group, file.mode)?;
    machine.made(&file.path)?.write(&machine.bytes(&file.content)?, owned)
}
