//! Corrections of security are installed without anybody; the distribution's own timers start it each day.

use super::{
    machine::Machine,
    write::{file, package},
};
use silver_plugin_api::setup::Item;

/// Read after the package's own `20auto-upgrades` and `50unattended-upgrades`.
const PATH: &str = "/etc/apt/apt.conf.d/52silver-upgrades";

const HEAD: &str = "\
// Written by silver.
APT::Periodic::Update-Package-Lists \"1\";
APT::Periodic::Unattended-Upgrade \"1\";
Unattended-Upgrade::Automatic-Reboot \"false\";
";

const DEBIAN: &str = "\
#clear Unattended-Upgrade::Origins-Pattern;
Unattended-Upgrade::Origins-Pattern {
    \"origin=Debian,codename=${distro_codename},label=Debian-Security\";
    \"origin=Debian,codename=${distro_codename}-security,label=Debian-Security\";
};
";

const UBUNTU: &str = "\
#clear Unattended-Upgrade::Allowed-Origins;
Unattended-Upgrade::Allowed-Origins {
    \"${distro_id}:${distro_codename}-security\";
    \"${distro_id}ESMApps:${distro_codename}-apps-security\";
    \"${distro_id}ESM:${distro_codename}-infra-security\";
};
";

pub(super) fn items(machine: &Machine<'_>) -> Vec<Item> {
    let origins = if machine.distribution() == "ubuntu" { UBUNTU } else { DEBIAN };
    vec![
        Item::new("package:unattended-upgrades", package("unattended-upgrades"), "installs upgrades of security by itself"),
        Item::new(
            "upgrades",
            file(PATH, format!("{HEAD}{origins}")),
            "of security and no others, and the machine is not restarted for them",
        ),
    ]
}
