//! Nothing is reached from outside but ssh and the web, and what the settings open.

use super::{
    machine::Machine,
    settings::{Wanted, rule},
    write::package,
};
use silver_plugin_api::setup::{Firewall, Item, Presence, Protocol, Resource};

/// Switched off, silver's own rules go; those of others are never touched.
pub(super) fn items(machine: &Machine<'_>, wanted: &Wanted) -> Vec<Item> {
    let state = if wanted.firewall { Presence::Present } else { Presence::Absent };
    let open = |name: String, port, protocol, why: &str| {
        let rule = Resource::Firewall(Firewall { state, ..rule(&name, port, protocol) });
        let item = Item::new(format!("firewall:{name}"), rule, why);
        if wanted.firewall { item.after(["package:nftables"]) } else { item }
    };
    let mut items = Vec::new();
    if wanted.firewall {
        items.push(Item::new("package:nftables", package("nftables"), "the firewall of the kernel"));
    }
    let ssh = |port| open(format!("ssh-{port}"), port, Protocol::Tcp, "operators come in through it");
    items.extend(machine.ssh_ports().into_iter().map(ssh));
    items.extend([
        open("http".into(), 80, Protocol::Tcp, "is sent on to https; certificates are asked for through it"),
        open("https".into(), 443, Protocol::Tcp, "applications"),
    ]);
    let more = |&(port, protocol): &(u16, Protocol)| {
        let name = match protocol {
            Protocol::Tcp => format!("open-{port}-tcp"),
            Protocol::Udp => format!("open-{port}-udp"),
        };
        open(name, port, protocol, "the setting `open` has it")
    };
    items.extend(wanted.open.iter().map(more));
    items
}
