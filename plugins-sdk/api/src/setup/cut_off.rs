//! What a change can cut the operator off with: ssh, sudo, the network, the firewall, keys.
//!
//! What is told by the resource alone is part of the setup version ([`Resource::can_cut_off`]); what only shows when one
//! knows what is there ([`Item::is_guarded_at`]) is not, since it changes with the node.

use super::{Directory, File, Found, IniKeys, Item, Link, Package, PathKind, Presence, Resource, Unit, User};

/// Below these everything has to do with how one gets in.
const PATHS: [&str; 20] = [
    "/etc/ssh",
    "/etc/nftables",
    "/etc/network",
    "/etc/netplan",
    "/etc/systemd/network",
    "/etc/systemd/system/ssh",
    "/etc/sudo",
    "/etc/pam.d",
    "/etc/security",
    "/etc/hosts.deny",
    "/etc/hosts.allow",
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/gshadow",
    "/etc/nsswitch.conf",
    "/etc/nologin",
    "/run/nologin",
    "/run/sshd",
    "/usr/local/lib/silver",
];
const UNITS: [&str; 6] = ["ssh", "sshd", "networking", "systemd-networkd", "NetworkManager", "nftables"];
/// Silver's own directories, where nobody lives. They are made, and changed, before anything that lies in them.
const OWN: [&str; 5] = ["/etc/silver", "/var/lib/silver", "/var/cache/silver", "/var/log/silver", "/run/silver"];
/// Packages that one gets in by, or that make the machine reach the network.
const PACKAGES: [&str; 14] = [
    "apt",
    "dpkg",
    "ifupdown",
    "isc-dhcp-client",
    "libpam-modules",
    "libpam-runtime",
    "login",
    "netplan.io",
    "network-manager",
    "openssh-server",
    "passwd",
    "sudo",
    "systemd",
    "systemd-sysv",
];

/// Is it a package that one gets in by? What it is removed with cannot be undone by a node that nobody reaches.
pub fn is_way_in(package: &str) -> bool {
    PACKAGES.contains(&package.split(':').next().unwrap_or_default())
}

impl Resource {
    /// Can a change of it cut the operator off, whatever is there?
    pub fn can_cut_off(&self) -> bool {
        match self {
            Self::Firewall(_) => true,
            Self::User(user) => !user.authorized_keys.is_empty() || user.state == Presence::Absent,
            Self::Group(group) => group.state == Presence::Absent,
            Self::Sysctl(it) => it.key.starts_with("net."),
            Self::Unit(unit) => {
                let stem = unit.name.rsplit_once('.').map_or(unit.name.as_str(), |(stem, _)| stem);
                UNITS.contains(&stem)
            }
            Self::File(File { path, .. })
            | Self::Link(Link { path, .. })
            | Self::IniKeys(IniKeys { path, .. })
            | Self::Directory(Directory { path, .. }) => {
                PATHS.iter().any(|guarded| path.starts_with(guarded)) || path.contains("/.ssh/") || path.ends_with("/.ssh")
            }
            Self::Package(_) | Self::Repository(_) | Self::Command(_) => false,
        }
    }

    /// Can a change of what was found cut the operator off, though another change of it could not? Of a directory that is
    /// there nobody knows who gets in through it: sshd takes no key below one that others may write to, and where a user
    /// may not pass there is no home. A unit that runs may be what the node is reached by.
    fn cuts_off(&self, found: &Found) -> bool {
        match (self, found) {
            (Self::Directory(it), Found::Path(Some(there))) => {
                let own = |dir: &str| it.path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
                let differs = (there.mode, &there.owner, &there.group) != (it.mode, &it.owner, &it.group);
                there.kind == PathKind::Directory && differs && !OWN.iter().any(|dir| own(dir))
            }
            (Self::User(User { home, shell, .. }), Found::User(Some(there))) => {
                home.as_ref().is_some_and(|home| *home != there.home) || shell.as_ref().is_some_and(|shell| *shell != there.shell)
            }
            (Self::Unit(Unit { running: false, .. }), Found::Unit(there)) => there.active == "active",
            _ => false,
        }
    }
}

impl Package {
    /// Would it take away what one gets in by?
    pub(super) fn takes_the_way_in(&self) -> bool {
        self.state == Presence::Absent && is_way_in(&self.name)
    }
}

impl Item {
    /// Is a change of it confirmed by a fresh connection, or else undone by the node, whatever is there?
    pub fn is_guarded(&self) -> bool {
        self.guard || self.resource.can_cut_off()
    }

    /// Is a change of it guarded, given what was found in its place?
    pub fn is_guarded_at(&self, found: &Found) -> bool {
        self.is_guarded() || self.resource.cuts_off(found)
    }
}
