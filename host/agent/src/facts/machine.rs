//! What the set-up of a server follows from. Nothing of it changes by itself.

use super::{find, output};
use silver_plugin_api::Settings;
use std::{collections::BTreeSet, fs, path::Path, process::Command, thread};

/// Silver's own swap, and what it has put into Caddy's unit: silver's work is no fact about the machine.
const OWN_SWAP: &str = "/var/lib/silver/swap";
const OWN_CADDY: &str = "/etc/systemd/system/caddy.service.d/silver.conf";
/// Where silver puts the keys of operators.
const OWN_KEYS: &str = "/etc/ssh/silver/";

/// Programs that set the clock, with their names for people.
const CLOCKS: [(&str, &str); 4] = [
    ("/usr/sbin/chronyd", "chrony"),
    ("/usr/sbin/ntpd", "ntpd"),
    ("/usr/sbin/openntpd", "openntpd"),
    ("/usr/sbin/ntpsec", "ntpsec"),
];

/// Distribution, container, swap, clock, sshd, and who serves the web already.
pub(super) fn machine(path: &str) -> Settings {
    let path = format!("{path}:/usr/sbin:/sbin");
    let (sshd, web, caddy) = thread::scope(|scope| {
        let sshd = scope.spawn(|| say("sshd", &["-T"], &path));
        let web = scope.spawn(|| say("ss", &["-Hltnp"], &path));
        let caddy = foreign_caddy(&path);
        (sshd.join().ok().flatten(), web.join().ok().flatten(), caddy)
    });
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
    if let Some(said) = sshd {
        let values = |name: &str| said.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).collect::<Vec<_>>();
        know("ssh.ports", Some(values("port").join(" ")));
        let files = values("authorizedkeysfile").join(" ");
        know("ssh.keys", Some(files.split(' ').filter(|file| !file.starts_with(OWN_KEYS)).collect::<Vec<_>>().join(" ")));
    }
    know("web.other", web.map(|said| other_servers(&said)));
    know("caddy.foreign", caddy);
    facts
}

fn say(program: &str, arguments: &[&str], path: &str) -> Option<String> {
    output(Command::new(find(program, path)?).args(arguments), path)
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

/// Programs that listen on 80 or 443, but for Caddy; from `ss`, whose lines end with `users:(("nginx",pid=1,fd=6),…)`.
fn other_servers(said: &str) -> String {
    let web = said.lines().filter(|line| {
        let local = line.split_whitespace().nth(3).unwrap_or_default();
        local.ends_with(":80") || local.ends_with(":443")
    });
    let names: BTreeSet<&str> = web.filter_map(|line| line.split_once("((\"")?.1.split('"').next()).collect();
    names.into_iter().filter(|name| *name != "caddy").collect::<Vec<_>>().join(" ")
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
        let said = "LISTEN 0 4096 *:443 *:* users:((\"caddy\",pid=1,fd=3))\n\
                    LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:((\"nginx\",pid=7,fd=6),(\"nginx\",pid=6,fd=6))\n\
                    LISTEN 0 128 [::]:8080 [::]:* users:((\"other\",pid=9,fd=4))\n";
        assert_eq!(other_servers(said), "nginx");
        assert_eq!(changed("??5?????? c /etc/caddy/Caddyfile\n").as_deref(), Some("/etc/caddy/Caddyfile"));
        assert_eq!(changed("missing   c /etc/caddy/Caddyfile\n"), None);
    }
}
