//! What of silver starts with the machine: whatever was left under way is finished or undone, and the applications
//! that shall serve are started. It is also told when a change under way dies.

use silver_plugin_api::setup::{Content, Item, Resource, Unit};

const UNIT: &str = "silver-recover.service";

const TEXT: &str = "\
# Written by silver.
[Unit]
Description=silver: applications, and changes that were cut off
Wants=caddy.service
After=caddy.service network.target systemd-tmpfiles-setup.service
RequiresMountsFor=/var/lib/silver

[Service]
Type=oneshot
ExecStart=/usr/local/lib/silver/current agent recover
TimeoutStartSec=30min

[Install]
WantedBy=multi-user.target
";

pub(super) fn items() -> Vec<Item> {
    let unit = Unit { name: UNIT.into(), content: Some(Content::text(TEXT)), enabled: true, running: true };
    let why = "starts the applications with the machine, and settles changes that were cut off";
    vec![Item::new("recover", Resource::Unit(unit), why).after(["unit:caddy.service", "directory:/var/lib/silver"])]
}
