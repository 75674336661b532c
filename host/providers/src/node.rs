//! One node: an overlay over an image, started by systemd-nspawn with systemd as its first process, in
//! namespaces and control groups of its own. What it writes stays in its directory; killing it is pulling the plug.

pub mod address;
mod cgroup;
mod identity;
mod init;
mod keeper;
mod ssh;

pub use address::{Address, Bridge};
pub use cgroup::sweep;
pub use ssh::Access;

use crate::{
    ProviderError,
    image::Image,
    run::{run, tail},
};
use cgroup::Groups;
use keeper::Keeper;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a node may take for anything that is waited for.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often what is waited for is looked at.
const INTERVAL: Duration = Duration::from_millis(10);

/// What a node is made of.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Its host name.
    pub name: String,
    /// Its directory; made, if it is not there. Not on an overlay.
    pub dir: PathBuf,
    /// What it starts from.
    pub image: Image,
    /// Where it is reached.
    pub address: Address,
    /// Public keys that may log in as root and as the image's user.
    pub keys: Vec<String>,
    /// A disk of so many MiB, in memory; without, the room of its directory.
    pub disk_mib: Option<u32>,
}

/// A node.
#[derive(Debug)]
pub struct Node {
    spec: Spec,
    host_key: String,
    keeper: Mutex<Option<Keeper>>,
}

impl Node {
    /// A new one, with a host key of its own; it is not started.
    pub fn create(spec: Spec) -> Result<Self, ProviderError> {
        check_name(&spec.name)?;
        for part in ["disk", "root"] {
            let dir = spec.dir.join(part);
            fs::create_dir_all(&dir).map_err(ProviderError::file(&dir, "make the directory"))?;
        }
        if let Some(size) = spec.disk_mib {
            let options = format!("size={size}m,mode=755");
            run(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(spec.dir.join("disk")))?;
        }
        let host_key = identity::write(&spec)?;
        Ok(Self { spec, host_key, keeper: Mutex::new(None) })
    }

    /// One that was created before, and may run.
    pub fn open(spec: Spec) -> Result<Self, ProviderError> {
        let host_key = identity::read(&spec).unwrap_or_default(); // none, if its making was cut off
        let keeper = Keeper::find(&spec)?;
        Ok(Self { spec, host_key, keeper: Mutex::new(keeper) })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Where it is reached.
    pub fn address(&self) -> Address {
        self.spec.address
    }

    /// Its host key: `ssh-ed25519 …`.
    pub fn host_key(&self) -> &str {
        &self.host_key
    }

    /// The directory that holds what it has written, also while it does not run.
    pub fn disk(&self) -> PathBuf {
        self.spec.dir.join("disk/upper")
    }

    /// What its console has shown.
    pub fn console(&self) -> PathBuf {
        self.spec.dir.join("console.log")
    }

    /// Does it run?
    pub fn is_running(&self) -> bool {
        self.keeper().as_mut().is_some_and(Keeper::is_alive)
    }

    /// Switches it on, and returns before it has booted.
    pub fn start(&self) -> Result<(), ProviderError> {
        let mut keeper = self.keeper();
        if keeper.as_mut().is_some_and(Keeper::is_alive) {
            return Ok(());
        }
        *keeper = Some(Keeper::start(&self.spec)?);
        Ok(())
    }

    /// Waits until it lets in over ssh whoever may log in.
    pub fn wait_ssh(&self, access: &Access) -> Result<(), ProviderError> {
        self.wait("reachable over ssh", || {
            // the network first: a refused connection costs less than a run of ssh
            let up = self.spec.address.answers_ssh() && self.admits_users();
            up && access.command(self, "root", "true").output().is_ok_and(|output| output.status.success())
        })
    }

    /// Runs a shell script as root at its console: it needs neither network nor sshd.
    pub fn exec(&self, script: &str) -> Result<Output, ProviderError> {
        let mut command = self.console_command(&["sh", "-c", script])?;
        let output = command.stdin(Stdio::null()).output();
        output.map_err(|source| ProviderError::Start { program: "nsenter".into(), source })
    }

    /// A command at its console, ready to be started.
    pub fn console_command(&self, words: &[&str]) -> Result<Command, ProviderError> {
        let init = self.init().ok_or_else(|| self.not_running())?;
        let mut command = Command::new("nsenter");
        command.args(["--target", &init.to_string(), "--all", "--", "env", "-i", "HOME=/root", "LANG=C.UTF-8"]);
        command.args(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "USER=root"]).args(words);
        Ok(command)
    }

    /// Its file system as this machine sees it, while it runs. Absolute links in it lead astray.
    pub fn root(&self) -> Result<PathBuf, ProviderError> {
        let init = self.init().ok_or_else(|| self.not_running())?;
        Ok(Path::new("/proc").join(init.to_string()).join("root"))
    }

    /// Shuts it down in good order; what does not end in time is switched off.
    pub fn stop(&self) -> Result<(), ProviderError> {
        if let Some(init) = self.init() {
            // as the button of a machine does
            signal(init, "RTMIN+4")?;
            poll(|| !self.is_running());
        }
        self.kill()
    }

    /// Pulls the plug: every process ends at once, what was written stays.
    pub fn kill(&self) -> Result<(), ProviderError> {
        if let Some(keeper) = self.keeper().take() {
            keeper.kill();
        }
        let groups = Groups::of(&self.spec);
        let gone = poll(|| groups.remove());
        self.spec.address.unplug();
        if gone { Ok(()) } else { Err(self.slow("off")) }
    }

    /// Pulls the plug and switches it on again.
    pub fn restart(&self) -> Result<(), ProviderError> {
        self.kill()?;
        self.start()
    }

    /// Reboots it in good order, and returns when the new system runs.
    pub fn reboot(&self) -> Result<(), ProviderError> {
        let before = self.init().ok_or_else(|| self.not_running())?;
        signal(before, "RTMIN+5")?;
        self.wait("started anew", || self.init().is_some_and(|init| init != before))
    }

    /// Cuts its network, or mends it. Nobody is told: packets are lost.
    pub fn partition(&self, cut: bool) -> Result<(), ProviderError> {
        self.spec.address.set_link(!cut)
    }

    /// Switches it off and removes everything that it was.
    pub fn destroy(self) -> Result<(), ProviderError> {
        self.kill()?;
        if self.spec.disk_mib.is_some() {
            run(Command::new("umount").arg(self.spec.dir.join("disk")))?;
        }
        fs::remove_dir_all(&self.spec.dir).map_err(ProviderError::file(&self.spec.dir, "remove"))
    }

    /// The process id, on this machine, of its first process, once that is its system's.
    fn init(&self) -> Option<u32> {
        init::find(self.keeper().as_ref()?.pid())
    }

    /// Have users other than root been let in since it started?
    fn admits_users(&self) -> bool {
        self.root().is_ok_and(|root| root.join("run/systemd/system").exists() && !root.join("run/nologin").exists())
    }

    fn keeper(&self) -> MutexGuard<'_, Option<Keeper>> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something that a running node reaches.
    fn wait(&self, what: &'static str, mut reached: impl FnMut() -> bool) -> Result<(), ProviderError> {
        let mut ended = false;
        let arrived = poll(|| {
            ended = !self.is_running();
            ended || reached()
        });
        match (arrived, ended) {
            (true, false) => Ok(()),
            (_, true) => Err(self.not_running()),
            (false, false) => Err(self.slow(what)),
        }
    }

    fn not_running(&self) -> ProviderError {
        ProviderError::NotRunning { node: self.spec.name.clone(), said: self.said() }
    }

    fn slow(&self, what: &'static str) -> ProviderError {
        ProviderError::Slow { node: self.spec.name.clone(), what, seconds: PATIENCE.as_secs(), said: self.said() }
    }

    /// The end of its console, as the end of an error's sentence.
    fn said(&self) -> String {
        let said = tail(&fs::read(self.console()).unwrap_or_default());
        if said.is_empty() { said } else { format!("; the end of its console:\n{said}") }
    }
}

/// Sends the system a signal by its name; what RTMIN+n mean stands in systemd(1).
fn signal(init: u32, name: &str) -> Result<(), ProviderError> {
    // every shell knows `kill`; as a program it comes with a package that a small machine may lack
    run(Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &init.to_string()])).map(drop)
}

/// Looks again and again until it is so, or patience ends.
fn poll(mut reached: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if reached() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(INTERVAL);
    }
}

/// A host's name: letters, digits and hyphens.
pub fn check_name(name: &str) -> Result<(), ProviderError> {
    let sound = (1..=32).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if sound { Ok(()) } else { Err(ProviderError::Name(name.into())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_a_host_can_have() {
        for name in ["web1", "a", "db-2", "0"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "-a", "a-", "Web", "a.b", "a/b", "..", "a b", "ä", &"a".repeat(33)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
