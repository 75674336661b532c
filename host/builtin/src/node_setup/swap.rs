//! Swap, where memory is small: without any, the first peak ends a process.

use super::{machine::Machine, settings::Wanted};
use silver_plugin_api::setup::{Command, Content, Item, Resource, Unit};

const FILE: &str = "/var/lib/silver/swap";
/// The name of a unit follows from the path: systemd.swap(5).
const UNIT: &str = "var-lib-silver-swap.swap";
/// MiB of memory below which there is swap, and how much.
const SMALL: u64 = 2000;
const ENOUGH: u64 = 1024;

/// A container cannot have its own; swap that is there is enough.
pub(super) fn items(machine: &Machine<'_>, wanted: &Wanted) -> Vec<Item> {
    let by_memory = if machine.memory() < SMALL { ENOUGH } else { 0 };
    let mib = wanted.swap.unwrap_or(by_memory);
    if mib == 0 || machine.is_container() || machine.has_swap() {
        return Vec::new();
    }
    // complete under its name, or not there
    let make = format!(
        "rm -f {FILE}.new; fallocate -l {mib}M {FILE}.new; chmod 600 {FILE}.new; mkswap {FILE}.new; mv {FILE}.new {FILE}"
    );
    let command =
        Command { argv: ["sh", "-ec", &make].map(str::to_owned).into(), creates: Some(FILE.into()), ..Command::default() };
    let text =
        format!("# Written by silver.\n[Unit]\nDescription=Swap\n\n[Swap]\nWhat={FILE}\n\n[Install]\nWantedBy=swap.target\n");
    let unit = Unit { name: UNIT.into(), content: Some(Content::text(text)), enabled: true, running: true };
    vec![
        Item::new("swap-file", Resource::Command(command), format!("{mib} MiB on the disk")).after(["directory:/var/lib/silver"]),
        Item::new("swap", Resource::Unit(unit), "a peak slows the machine down and ends nothing").after(["swap-file"]),
    ]
}
