//! What is remembered of a running process, so that an agent that was killed leaves nobody behind.
//!
//! `run/apps/<app>/<label>/<process>.pid` holds process id, start time and instance directory. A
//! process is the recorded one only if its start time is the same; what a dead leader left behind
//! is recognised by its group and by the instance directory in its environment. Nothing is ever
//! looked for by name.

use super::group::{end, member, members, signal};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// A running process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The leader of the group.
    pub(crate) pid: u32,
    /// Its start time in clock ticks since boot.
    pub(crate) start: u64,
    /// `SILVER_INSTANCE_DIR` of the process.
    pub(crate) instance: PathBuf,
}

impl Record {
    /// Remembers a process that was just started.
    pub(crate) fn write(file: &Path, pid: u32, instance: &Path) -> io::Result<()> {
        let Some(leader) = member(pid) else { return Ok(()) }; // ended already
        let record = Self { pid, start: leader.start, instance: instance.to_owned() };
        fs::write(file, serde_json::to_vec(&record)?)
    }

    /// Who of it still lives.
    fn survivors(&self) -> Vec<u32> {
        match member(self.pid) {
            Some(leader) if leader.start == self.start => members(self.pid).into_iter().map(|member| member.pid).collect(),
            Some(_) => Vec::new(), // the number belongs to somebody else now
            None => members(self.pid).into_iter().filter(|member| self.is_ours(member.pid)).map(|member| member.pid).collect(),
        }
    }

    fn is_ours(&self, pid: u32) -> bool {
        let mut wanted = b"SILVER_INSTANCE_DIR=".to_vec();
        wanted.extend_from_slice(self.instance.as_os_str().as_encoded_bytes());
        fs::read(format!("/proc/{pid}/environ")).is_ok_and(|all| all.split(|&byte| byte == 0).any(|entry| entry == wanted))
    }
}

/// Ends all processes that are recorded below `directory`, and forgets them. Returns how many
/// groups there were.
pub(crate) async fn sweep(directory: &Path) -> usize {
    let files: Vec<PathBuf> = walkdir::WalkDir::new(directory)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file() && entry.path().extension().is_some_and(|end| end == "pid"))
        .map(walkdir::DirEntry::into_path)
        .collect();
    let read = |file: &PathBuf| serde_json::from_slice::<Record>(&fs::read(file).ok()?).ok();
    let left: Vec<Record> = files.iter().filter_map(read).filter(|record| !record.survivors().is_empty()).collect();
    for record in &left {
        signal(record.pid, Signal::TERM);
    }
    for _ in 0..100 {
        if left.iter().all(|record| record.survivors().is_empty()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for record in &left {
        if !record.survivors().is_empty() {
            end(record.pid).await;
        }
    }
    for file in files {
        let _ = fs::remove_file(file); // gone or not: the next start writes it anew
    }
    left.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::process::CommandExt as _, process::Command};

    fn start(script: &str, instance: &Path) -> std::process::Child {
        Command::new("/bin/sh").args(["-c", script]).env("SILVER_INSTANCE_DIR", instance).process_group(0).spawn().unwrap()
    }

    #[tokio::test]
    async fn leftovers_die_and_strangers_live() {
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str, record: &Record| {
            fs::write(home.path().join(name), serde_json::to_vec(record).unwrap()).unwrap();
        };
        // one that ignores SIGTERM and has a child
        let mut stubborn = start("trap '' TERM; sleep 600 & while :; do sleep 600; done", home.path());
        Record::write(&home.path().join("a.pid"), stubborn.id(), home.path()).unwrap();
        // a dead leader whose child lives on
        let mut leader = start("sleep 600 & exit 0", home.path());
        let orphaned = leader.id();
        write("b.pid", &Record { pid: orphaned, start: 1, instance: home.path().into() });
        leader.wait().unwrap();
        // a stranger that has the recorded number by now
        let mut stranger = start("sleep 600", Path::new("/elsewhere"));
        write("c.pid", &Record { pid: stranger.id(), start: 1, instance: home.path().into() });

        assert_eq!(members(orphaned).len(), 1);
        assert_eq!(sweep(home.path()).await, 2);
        assert!(!stubborn.wait().unwrap().success());
        assert!(members(stubborn.id()).is_empty() && members(orphaned).is_empty());
        assert!(member(stranger.id()).is_some(), "another start time is another process");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
        end(stranger.id()).await;
        stranger.wait().unwrap();
    }
}
