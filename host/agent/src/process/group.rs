//! Process groups, as /proc tells them.

use rustix::process::{Pid, Signal, kill_process_group};
use std::{fs, time::Duration};

/// A process that lives, as `/proc/<pid>/stat` tells it (proc_pid_stat(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// Process id.
    pub(crate) pid: u32,
    /// Process group.
    pub(crate) group: u32,
    /// When it was started, in clock ticks since boot.
    pub(crate) start: u64,
    /// Resident memory in pages.
    pub(crate) resident_pages: u64,
}

/// Reads one process; `None` when it is gone, or dead and waits to be reaped.
pub(crate) fn member(pid: u32) -> Option<Member> {
    parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name may hold spaces and parentheses: what counts comes after the last `)`.
fn parse(pid: u32, stat: &str) -> Option<Member> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // field 3 of the manual page is fields[0]
    if matches!(*fields.first()?, "Z" | "X" | "x") {
        return None;
    }
    Some(Member {
        pid,
        group: fields.get(2)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
        resident_pages: fields.get(21)?.parse().ok()?,
    })
}

/// All living members of a group.
pub(crate) fn members(group: u32) -> Vec<Member> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(member).filter(|member| member.group == group).collect()
}

/// Sends a signal to all of a group; that it is gone already is no error.
pub(crate) fn signal(group: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(group).ok().and_then(Pid::from_raw)
        && let Err(error) = kill_process_group(pid, signal)
        && error != rustix::io::Errno::SRCH
    {
        tracing::warn!(group, ?signal, %error, "cannot signal a process group");
    }
}

/// Kills a group and waits until nobody of it lives: bounded, because a process in the middle of
/// a system call that cannot be interrupted dies only after it.
pub(crate) async fn end(group: u32) {
    for _ in 0..500 {
        if members(group).is_empty() {
            return;
        }
        signal(group, Signal::KILL);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tracing::warn!(group, "a process group does not die");
}

/// A signal by its name without `SIG`.
pub(crate) fn parse_signal(name: &str) -> Option<Signal> {
    Some(match name.strip_prefix("SIG").unwrap_or(name) {
        "TERM" => Signal::TERM,
        "INT" => Signal::INT,
        "QUIT" => Signal::QUIT,
        "HUP" => Signal::HUP,
        "KILL" => Signal::KILL,
        "USR1" => Signal::USR1,
        "USR2" => Signal::USR2,
        "WINCH" => Signal::WINCH,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_parentheses_do_not_confuse() {
        let stat = "42 (a) S b) (c)) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1000 77 18446744073709551615";
        assert_eq!(parse(42, stat), Some(Member { pid: 42, group: 42, start: 98765, resident_pages: 77 }));
        assert_eq!(parse(42, &stat.replace(") S 1", ") Z 1")), None);
        assert_eq!(parse(42, "garbage"), None);
    }

    #[test]
    fn this_process_is_found() {
        let own = member(std::process::id()).unwrap();
        assert!(
            own.start > 0 && members(own.group).contains(&Member { resident_pages: own.resident_pages, ..own.clone() })
                || members(own.group).iter().any(|member| member.pid == own.pid)
        );
    }
}
