//! What of silver starts with the machine: whatever was left under way is finished or undone, and the applications
//! that shall serve are started. It is also told when a change under way dies. And what copies their logs into files.

use super::write::mount;
use silver_plugin_api::setup::{Content, Item, Resource, Unit};

const UNIT: &str = "silver-recover.service";

const TEXT: &str = "\
# Written by silver.
[Unit]
Description=silver: applications, and changes that were cut off
Wants=caddy.service run-silver-data.mount
After=caddy.service run-silver-data.mount network.target systemd-tmpfiles-setup.service
RequiresMountsFor=/var/lib/silver

[Service]
Type=oneshot
ExecStart=/usr/local/lib/silver/current agent recover
TimeoutStartSec=30min

[Install]
WantedBy=multi-user.target
";

const LOGS: &str = "silver-logs.service";

/// It needs root to read secrets, which it leaves out of the files, and nothing else of what root may do.
/// (`ProtectKernelTunables` would show a container the boot id of its host: journalctl then finds nothing of this boot.)
const LOGS_TEXT: &str = "\
# Written by silver.
[Unit]
Description=silver: what applications say, from the journal into files
After=systemd-journald.service systemd-journal-flush.service
# who reads the journal does not see that it has moved to the disk
PartOf=systemd-journald.service
RequiresMountsFor=/var/log/silver
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=/usr/local/lib/silver/current agent logs
Restart=always
RestartSec=1s
Nice=5
UMask=0027
MemoryMax=256M
CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_DAC_OVERRIDE
NoNewPrivileges=yes
PrivateDevices=yes
PrivateNetwork=yes
PrivateTmp=yes
ProtectHome=yes
ProtectKernelModules=yes
ProtectSystem=strict
ReadWritePaths=/var/log/silver
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
";

pub(super) fn items() -> Vec<Item> {
    let unit = Unit { name: UNIT.into(), content: Some(Content::text(TEXT)), enabled: true, running: true };
    let why = "starts the applications with the machine, and settles changes that were cut off";
    let logs = Unit { name: LOGS.into(), content: Some(Content::text(LOGS_TEXT)), enabled: true, running: true };
    vec![
        mount(
            "run-silver-data.mount",
            "/var/lib/silver/data",
            "/run/silver/data",
            // with disks that are mounted below
            "rbind,nosymfollow,nosuid,nodev,noexec",
            "checkpoints are copied from there: no application can have another's files copied to its own",
        ),
        Item::new("recover", Resource::Unit(unit), why).after(["unit:caddy.service", "directory:/var/lib/silver"]),
        Item::new("logs", Resource::Unit(logs), "what applications say is kept in files, too")
            .after(["directory:/var/log/silver/apps"]),
    ]
}
