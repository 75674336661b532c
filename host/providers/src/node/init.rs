//! Finds a node's first process among those of this machine.

use std::{collections::BTreeMap, fs, path::Path};

/// The process below `keeper` that is the first one of the innermost process namespace, and is systemd
/// already.
pub(super) fn find(keeper: u32) -> Option<u32> {
    let processes = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse::<u32>().ok()?;
        let (parent, inner) = parse(&fs::read_to_string(entry.path().join("status")).ok()?)?;
        Some((pid, (parent, inner)))
    });
    let processes: BTreeMap<u32, (u32, Vec<u32>)> = processes.collect();
    let below = |mut pid: u32| {
        while let Some((parent, _)) = processes.get(&pid) {
            if *parent == keeper {
                return true;
            }
            pid = *parent;
        }
        false
    };
    // the keeper's shell is the first process of one namespace, the node's of another inside that
    let depth = processes.get(&keeper)?.1.len() + 2;
    let mut inits = processes.iter().filter(|(pid, (_, inner))| inner.len() == depth && inner.last() == Some(&1) && below(**pid));
    let pid = *inits.next()?.0;
    let program = fs::read_link(Path::new("/proc").join(pid.to_string()).join("exe")).ok()?;
    program.ends_with("systemd/systemd").then_some(pid)
}

/// Parent, and the ids in every namespace, outermost first, of `/proc/PID/status`.
fn parse(status: &str) -> Option<(u32, Vec<u32>)> {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    let parent = field("PPid:")?.trim().parse().ok()?;
    let inner = field("NSpid:")?.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    Some((parent, inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parent_and_inner_ids_are_read() {
        let status = "Name:\tsystemd\nPid:\t4711\nPPid:\t4700\nNSpid:\t4711\t5\t1\n";
        assert_eq!(parse(status), Some((4700, vec![4711, 5, 1])));
        assert_eq!(parse("Name:\tx\nPPid:\t1\n"), None);
    }

    #[test]
    fn this_process_has_no_node_below_it() {
        assert_eq!(find(std::process::id()), None);
    }
}
