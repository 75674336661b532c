//! Groups.

use super::{
    Accounts, ResourceError,
    machine::{Machine, Step},
};
use silver_plugin_api::setup::{Found, Group, Presence};

pub(crate) fn observe(accounts: &Accounts, group: &Group) -> Found {
    Found::Group { exists: accounts.group(&group.name).is_some() }
}

pub(crate) async fn apply(machine: &Machine, step: Step<'_>, group: &Group) -> Result<(), ResourceError> {
    match group.state {
        Presence::Present if group.system => machine.run(step, &["groupadd", "--system", "--", &group.name]).await,
        Presence::Present => machine.run(step, &["groupadd", "--", &group.name]).await,
        Presence::Absent => machine.run(step, &["groupdel", "--", &group.name]).await,
    }
}
