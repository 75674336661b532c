//! What a program of an app may see, use and write: its sandbox, the same for processes, periodic commands, hooks
//! and `silver run`.
//!
//! Of silver's own directories only what is named here is there: over the others lies an empty
//! file system. Everything else of the machine is read-only and without devices, homes and other users'
//! processes; there is one temporary directory for each unit.

use super::places;
use crate::{
    apps::Placed,
    dirs::Dirs,
    environment::{home, temp},
};
use std::path::{Path, PathBuf};

/// Memory of a program of which the pack does not say how much it may use: all of them together can then still not
/// take the machine down with one leak.
const MEMORY: &str = "75%";
/// Processes and threads of one unit.
const TASKS: u32 = 1024;
/// Files that a program may have open.
const FILES: u32 = 65_536;

/// The room of a release's programs.
#[derive(Debug, Clone)]
pub(super) struct Room {
    /// The app's user and group.
    pub(super) user: String,
    /// Directories of silver that are there, read-only.
    shown: Vec<PathBuf>,
    /// Directories that can be written to.
    written: Vec<PathBuf>,
    /// What hides silver's own directories.
    hidden: Vec<PathBuf>,
    /// The working directory.
    tree: PathBuf,
}

impl Room {
    /// Of a release.
    pub(super) fn of(dirs: &Dirs, placed: &Placed, user: &str) -> Self {
        let (app, label) = (placed.app(), placed.label.as_str());
        let tree = dirs.tree(app, label);
        let conf = dirs.run_release(app, label).join("conf");
        let mut shown = vec![tree.clone(), dirs.instance(app, label), conf];
        shown.extend(placed.release.environment.as_ref().map(|spec| dirs.environment(&spec.id)));
        Self {
            user: user.to_owned(),
            shown,
            written: vec![dirs.data(app), home(dirs, app), temp(dirs, app), places::directory(dirs, label)],
            hidden: vec![dirs.data.clone(), dirs.state.clone(), dirs.cache.clone(), dirs.run.clone()],
            tree,
        }
    }

    /// The settings of a unit, in order. A setting with a list may be there more than once.
    pub(super) fn properties(&self, memory: Option<u64>, network: bool) -> Vec<(&'static str, String)> {
        let mut all: Vec<(&'static str, String)> = Vec::new();
        let mut set = |name: &'static str, value: &str| all.push((name, value.to_owned()));
        set("User", &self.user);
        set("Group", &self.user);
        // the group of what is made where the front may look in has to be able to use it; nobody else ever
        set("UMask", "0007");
        set("WorkingDirectory", &shown(&self.tree));
        set("Slice", "silver.slice");

        set("MemoryMax", &memory.map_or_else(|| MEMORY.to_owned(), |bytes| bytes.to_string()));
        set("MemorySwapMax", "0");
        set("OOMPolicy", "kill");
        set("TasksMax", &TASKS.to_string());
        set("LimitNOFILE", &FILES.to_string());

        set("NoNewPrivileges", "yes");
        set("CapabilityBoundingSet", "");
        set("AmbientCapabilities", "");
        set("ProtectSystem", "strict");
        set("ProtectHome", "yes");
        set("ProtectProc", "invisible");
        set("ProtectHostname", "yes");
        set("ProtectClock", "yes");
        set("ProtectKernelTunables", "yes");
        set("ProtectKernelModules", "yes");
        set("ProtectKernelLogs", "yes");
        set("ProtectControlGroups", "yes");
        set("PrivateTmp", "yes");
        set("PrivateDevices", "yes");
        set("PrivateUsers", "yes");
        set("PrivateNetwork", if network { "no" } else { "yes" });
        set("RemoveIPC", "yes");
        set("KeyringMode", "private");
        set("LockPersonality", "yes");
        set("RestrictNamespaces", "yes");
        set("RestrictRealtime", "yes");
        set("RestrictSUIDSGID", "yes");
        // getaddrinfo(3) and getifaddrs(3) ask by netlink which addresses there are
        set("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK");
        set("SystemCallArchitectures", "native");
        set("SystemCallErrorNumber", "EPERM");
        set("SystemCallFilter", "@system-service");
        set("SystemCallFilter", "~@privileged @resources");
        // servers give their socket to themselves; whom else to give it to, the missing capability forbids
        set("SystemCallFilter", "@chown");

        for dir in &self.hidden {
            set("TemporaryFileSystem", &format!("{}:ro", shown(dir)));
        }
        set("InaccessiblePaths", "-/run/dbus");
        set("InaccessiblePaths", "-/etc/silver");
        for dir in &self.shown {
            set("BindReadOnlyPaths", &shown(dir));
        }
        for dir in &self.written {
            set("BindPaths", &shown(dir));
        }
        all
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
