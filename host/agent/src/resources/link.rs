//! Symbolic links.

use super::{Accounts, ResourceError, machine::Machine, paths};
use silver_plugin_api::setup::{Found, Link, Presence};

pub(crate) fn observe(machine: &Machine, accounts: &Accounts, link: &Link) -> Result<Found, ResourceError> {
    Ok(Found::Path(paths::look(machine, accounts, &link.path)?))
}

pub(crate) fn apply(machine: &Machine, link: &Link) -> Result<(), ResourceError> {
    match link.state {
        Presence::Present => machine.made(&link.path)?.link(&link.target),
        Presence::Absent => machine.place(&link.path)?.map_or(Ok(()), |place| place.remove()),
    }
}
