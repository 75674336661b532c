//! The clock: certificates and logs are worth nothing without the right time.

use super::{
    machine::Machine,
    write::{package, unit},
};
use silver_plugin_api::setup::Item;

/// A container has the clock of its host; one that is set already stays in the hands of who sets it.
pub(super) fn items(machine: &Machine<'_>) -> Vec<Item> {
    if machine.is_container() || machine.other_clock().is_some() {
        return Vec::new();
    }
    vec![
        Item::new("package:systemd-timesyncd", package("systemd-timesyncd"), "sets the clock by servers of time"),
        Item::new("unit:systemd-timesyncd.service", unit("systemd-timesyncd.service"), "keeps the clock right")
            .after(["package:systemd-timesyncd"]),
    ]
}
