//! Nothing is reached from outside but ssh and the web, and what the settings open.

use super::{
    machine::Machine,
    settings::{Wanted, rule},
    write::package,
};
use silver_plugin_api::setup::{Item, Protocol, Resource};

pub(super) fn items(machine: &Machine<'_>, wanted: &Wanted) -> Vec<Item> {
    if !wanted.firewall {
        return Vec::new();
    }
    let open = |name: String, port, protocol, why: &str| {
        let rule = Resource::Firewall(rule(&name, port, protocol));
        Item::new(format!("firewall:{name}"), rule, why).after(["package:nftables"])
    };
    let mut items = vec![Item::new("package:nftables", package("nftables"), "the firewall of the kernel")];
    let ssh = |port| open(format!("ssh-{port}"), port, Protocol::Tcp, "operators come in through it");
    items.extend(machine.ssh_ports().into_iter().map(ssh));
    items.extend([
        open("http".into(), 80, Protocol::Tcp, "is sent on to https; certificates are asked for through it"),
        open("https".into(), 443, Protocol::Tcp, "applications"),
        open("http3".into(), 443, Protocol::Udp, "applications, in fewer round trips"),
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
