//! Control groups of nodes: one in every hierarchy that a system needs for its services, so that memory and
//! tasks are limited and counted inside as on a machine of its own.
//!
//! A group without processes belongs to nobody: a node's processes are in it from the first to the last.

use super::Spec;
use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Names of groups begin with it.
const PREFIX: &str = "silver-node.";
/// Hierarchies of the first version that a node gets groups in; of the second there is one.
const CONTROLLERS: [&str; 5] = ["name=systemd", "memory", "pids", "cpu", "cpuacct"];
/// Controllers that are handed on in a hierarchy of the second version.
const HANDED_ON: &str = "+memory +pids +cpu";

/// The groups of one node.
#[derive(Debug)]
pub(super) struct Groups(Vec<PathBuf>);

impl Groups {
    /// Those of this node, whether they exist or not.
    pub(super) fn of(spec: &Spec) -> Self {
        // a number is unique in a network namespace
        let network = fs::metadata("/proc/self/ns/net").map_or(0, |namespace| namespace.ino());
        let name = format!("{PREFIX}{network}.{}", spec.address.ip());
        Self(hierarchies().into_iter().map(|hierarchy| hierarchy.join(&name)).collect())
    }

    /// Where the node's first process goes: a group below, since systemd-nspawn wants one without other processes.
    pub(super) fn machine(&self) -> String {
        let groups = self.0.iter().map(|group| group.join("machine").to_string_lossy().into_owned());
        groups.collect::<Vec<_>>().join(" ")
    }

    /// Lets groups below have controllers, where that has to be said.
    pub(super) fn hand_on(&self) {
        for group in &self.0 {
            for dir in group.parent().into_iter().chain([group.as_path()]) {
                let control = dir.join("cgroup.subtree_control");
                if control.exists() && (fs::create_dir_all(group).is_ok()) {
                    // without, limits of memory are not enforced in the node, which its own systemd says
                    fs::write(control, HANDED_ON).ok();
                }
            }
        }
    }

    /// Removes what no process is in; is all gone?
    pub(super) fn remove(&self) -> bool {
        self.0.iter().all(|group| remove(group).is_ok())
    }
}

/// Removes groups that killed processes have left.
pub fn sweep() {
    for hierarchy in hierarchies() {
        for entry in fs::read_dir(hierarchy).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(PREFIX) {
                remove(&entry.path()).ok(); // one with processes stays, as it should
            }
        }
    }
}

/// Removes a group and those below it; fails where a process is.
fn remove(group: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(group) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    fs::remove_dir(group)
}

/// Where hierarchies are mounted.
fn hierarchies() -> Vec<PathBuf> {
    parse(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
}

/// Of `/proc/self/mountinfo`: «id parent device root point options … - type source options».
fn parse(mounts: &str) -> Vec<PathBuf> {
    let wanted = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let mut right = right.split(' ');
        let is_wanted = match right.next()? {
            "cgroup2" => true,
            "cgroup" => right.nth(1)?.split(',').any(|option| CONTROLLERS.contains(&option)),
            _ => false,
        };
        is_wanted.then(|| left.split(' ').nth(4).map(PathBuf::from))?
    };
    let mut found: Vec<PathBuf> = mounts.lines().filter_map(wanted).collect();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_are_those_that_a_system_needs() {
        let mounts = "\
24 1 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw
25 24 0:23 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:1 - cgroup cgroup rw,cpu,cpuacct
26 24 0:24 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
27 24 0:25 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
28 24 0:26 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
        let points = ["cpu,cpuacct", "systemd", "unified"].map(|name| Path::new("/sys/fs/cgroup").join(name));
        assert_eq!(parse(mounts), points);
        assert_eq!(parse("1 2 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"), [Path::new("/sys/fs/cgroup")]);
    }
}
