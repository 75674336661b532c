//! What the set-up of a server follows from. Nothing of it changes by itself.

use super::{find, listeners, sshd};
use crate::dirs::Dirs;
use silver_plugin_api::Settings;
use std::{fs, path::Path, process::Command};

/// Silver's own swap, and what it has put into Caddy's unit: silver's work is no fact about the machine.
const OWN_SWAP: &str = "/var/lib/silver/swap";
const OWN_CADDY: &str = "/etc/systemd/system/caddy.service.d/silver.conf";

/// Programs that set the clock, with their names for people.
const CLOCKS: [(&str, &str); 4] = [
    ("/usr/sbin/chronyd", "chrony"),
    ("/usr/sbin/ntpd", "ntpd"),
    ("/usr/sbin/openntpd", "openntpd"),
    ("/usr/sbin/ntpsec", "ntpsec"),
];

/// Distribution, container, swap, clock, sshd, and who serves the web already.
pub(super) fn machine(dirs: &Dirs, path: &str) -> Settings {
    let path = format!("{path}:/usr/sbin:/sbin");
    let mut facts = distribution(&fs::read_to_string("/etc/os-release").unwrap_or_default());
    let mut know = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            facts.insert(name.into(), value);
        }
    };
    let container = fs::read_to_string("/run/systemd/container").ok();
    know("container", container.map(|name| name.trim().to_owned()));
    know("swap.other", other_swap(&fs::read_to_string("/proc/swaps").unwrap_or_default()));
    let clock = CLOCKS.iter().find(|(program, _)| Path::new(program).exists());
    know("clock.other", clock.map(|(_, name)| (*name).to_owned()));
    if let Some(sshd) = sshd::ask(&dirs.cache.join("sshd"), &path) {
        know("ssh.ports", Some(sshd.ports));
        know("ssh.keys", Some(sshd.keys));
    }
    let web = listeners::at(&[80, 443]).inspect_err(|error| tracing::warn!("who listens cannot be told: {error}"));
    know("web.other", web.ok().map(|names| names.into_iter().filter(|name| name != "caddy").collect::<Vec<_>>().join(" ")));
    know("caddy.foreign", foreign_caddy(&path));
    facts
}

/// From `/etc/os-release`, whose format os-release(5) gives.
fn distribution(text: &str) -> Settings {
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        Some(line.trim_matches(['"', '\'']).to_owned())
    };
    let named = [("distribution", "ID"), ("distribution.version", "VERSION_ID"), ("distribution.codename", "VERSION_CODENAME")];
    named.into_iter().filter_map(|(name, key)| Some((name.to_owned(), value(key)?))).collect()
}

/// What stands in `/proc/swaps` below its head, but for silver's own.
fn other_swap(text: &str) -> Option<String> {
    let files = text.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    files.filter(|file| *file != OWN_SWAP).map(str::to_owned).next()
}

/// A configuration of Caddy's that somebody wrote. Once silver has Caddy, it is silver's business.
fn foreign_caddy(path: &str) -> Option<String> {
    if Path::new(OWN_CADDY).exists() || !Path::new("/etc/caddy/Caddyfile").exists() {
        return None;
    }
    // it ends with an error where something differs, so its words are what counts
    let verify = Command::new(find("dpkg", path)?).args(["--verify", "caddy"]).env_clear().env("PATH", path).output().ok()?;
    changed(&String::from_utf8_lossy(&verify.stdout))
}

/// The first configuration that differs from the package's; dpkg(1) gives the format.
fn changed(said: &str) -> Option<String> {
    let line = said.lines().find(|line| line.starts_with("??5"))?;
    Some(line.split_whitespace().last()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_is_what_os_release_says() {
        let facts = distribution("PRETTY_NAME=\"Ubuntu 24.04 LTS\"\nVERSION_ID=\"24.04\"\nID=ubuntu\nID_LIKE=debian\n");
        assert_eq!(facts["distribution"], "ubuntu");
        assert_eq!(facts["distribution.version"], "24.04");
        assert_eq!(facts.len(), 2);
    }

    #[test]
    fn what_is_silvers_own_is_no_fact() {
        let head = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        assert_eq!(other_swap(&format!("{head}{OWN_SWAP} file 1048572 0 -2\n")), None);
        assert_eq!(other_swap(&format!("{head}/dev/sda2 partition 1 0 -2\n")).as_deref(), Some("/dev/sda2"));
        assert_eq!(other_swap(""), None);
        assert_eq!(changed("??5?????? c /etc/caddy/Caddyfile\n").as_deref(), Some("/etc/caddy/Caddyfile"));
        assert_eq!(changed("missing   c /etc/caddy/Caddyfile\n"), None);
    }
}
