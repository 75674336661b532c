//! The process that a node's life hangs on.

use super::{Address, Bridge, Spec, cgroup::Groups};
use crate::{ProviderError, image::REPOSITORY, run::script};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

/// In namespaces for processes and mounts that end with it. What mounts, boots, and boots again.
const NAMESPACES: [&str; 9] =
    ["setsid", "unshare", "--pid", "--fork", "--kill-child=KILL", "--mount", "--mount-proc", "--propagation=private", "--"];

/// A running keeper.
#[derive(Debug)]
pub(super) struct Keeper {
    pid: u32,
    /// Tells it from a later process with the same id.
    started: u64,
    /// When it was started by this process.
    child: Option<Child>,
}

impl Keeper {
    /// Starts one.
    pub(super) fn start(spec: &Spec) -> Result<Self, ProviderError> {
        Bridge::ensure()?;
        let groups = Groups::of(spec);
        groups.hand_on();
        let words = |paths: &[PathBuf]| paths.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>().join(":");
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let address = spec.address;
        let arguments = [
            spec.name.clone(),
            path(&spec.dir.join("root")),
            words(&spec.image.layers),
            path(&spec.dir.join("disk")),
            path(&spec.image.repository),
            REPOSITORY.into(),
            groups.machine(),
            Address::bridge().into(),
            address.link(),
            address.with_prefix(),
            address.mac(),
            Address::gateway(),
        ];
        let console = spec.dir.join("console.log");
        let log = fs::File::options().create(true).append(true).mode(0o600).open(&console);
        let log = log.map_err(ProviderError::file(&console, "open"))?;
        let errors = log.try_clone().map_err(ProviderError::file(&console, "open"))?;
        let mut command = script(&NAMESPACES, include_str!("keeper.sh"), arguments.iter().map(String::as_str));
        let child = command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
        let child = child.map_err(|source| ProviderError::Start { program: "setsid".into(), source })?;
        let pid = child.id();
        let keeper = Self { pid, started: started(pid).unwrap_or_default(), child: Some(child) };
        let note = note(spec);
        fs::write(&note, format!("{} {}\n", keeper.pid, keeper.started)).map_err(ProviderError::file(&note, "write"))?;
        Ok(keeper)
    }

    /// That of a node which another process has started.
    pub(super) fn find(spec: &Spec) -> Result<Option<Self>, ProviderError> {
        let note = note(spec);
        let Ok(text) = fs::read_to_string(&note) else { return Ok(None) };
        let read = text.trim().split_once(' ').and_then(|(pid, started)| Some((pid.parse().ok()?, started.parse().ok()?)));
        let (pid, started) = read.ok_or_else(|| ProviderError::Damaged { path: note, why: text.clone() })?;
        let mut keeper = Self { pid, started, child: None };
        Ok(keeper.is_alive().then_some(keeper))
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn is_alive(&mut self) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => started(self.pid) == Some(self.started),
        }
    }

    /// Ends it; the kernel then ends everything below.
    pub(super) fn kill(mut self) {
        if let Some(child) = &mut self.child {
            // one that has ended already is as good
            child.kill().ok();
            child.wait().ok();
        } else if self.is_alive()
            && let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw)
        {
            kill_process(pid, Signal::KILL).ok();
        }
    }
}

/// Where keeper and start time are noted, for later processes.
fn note(spec: &Spec) -> PathBuf {
    spec.dir.join("keeper")
}

/// When the process was started, in ticks since this machine was; none when it has ended.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    // the name in brackets may hold anything; state is the third field, the start the twenty-second
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_from_a_later_one_by_its_start() {
        let own = started(std::process::id()).unwrap();
        assert!(own > 0);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert_eq!(started(child.id()), None);
        let later = Keeper { pid: std::process::id(), started: own + 1, child: None };
        assert!(!{ later }.is_alive());
    }
}
