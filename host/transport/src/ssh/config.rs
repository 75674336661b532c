//! How ssh is told what to do: a configuration of our own, and then the operator's.

use silver_core::nodes::{Address, PublicKey};
use silver_pack::hash::sha256;
use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

/// A server, and what is needed to reach it.
#[derive(Debug, Clone)]
pub struct Place {
    /// The node's name.
    pub node: String,
    /// Where it is.
    pub address: Address,
    /// The only key that it may have; without it the operator's `known_hosts` decides.
    pub host_key: Option<PublicKey>,
    /// A directory for the masters of all nodes.
    pub control: PathBuf,
    /// Read instead of the operator's and the system's configuration of ssh.
    pub config: Option<PathBuf>,
}

impl Place {
    /// The name of this place's directory. Another address, key or configuration is another place: a master
    /// that was made for the former one is not reused.
    pub(super) fn id(&self) -> String {
        let key = self.host_key.as_ref().map(PublicKey::bare).unwrap_or_default();
        let config = self.config.as_deref().unwrap_or(Path::new("")).display();
        sha256(format!("{}\n{key}\n{config}", self.address).as_bytes()).short()
    }

    /// Writes what ssh reads, into the place's directory; returns the configuration and, for a pinned key, the
    /// list of known hosts.
    pub(super) fn write(&self, dir: &Path) -> io::Result<(PathBuf, Option<PathBuf>)> {
        let (config, known) = (dir.join("config"), dir.join("known_hosts"));
        replace(&config, &self.config())?;
        let Some(key) = &self.host_key else { return Ok((config, None)) };
        // the list is for this host only, so it need not repeat how ssh calls it
        replace(&known, &format!("* {}\n", key.bare()))?;
        Ok((config, Some(known)))
    }

    /// Of several values ssh takes the first one, so ours come before the operator's. It is handed on to jump
    /// hosts: what holds for the node only stands below its name.
    fn config(&self) -> String {
        let mut text = "IgnoreUnknown KnownHostsCommand\n".to_owned();
        if self.host_key.is_some() {
            let host = &self.address.host;
            // no other list may know another key of it
            write!(text, "Host {host}\n  GlobalKnownHostsFile /dev/null\n  KnownHostsCommand none\n  VerifyHostKeyDNS no\n").ok();
        }
        text.push_str(
            "Host *\n  BatchMode yes\n  ForwardAgent no\n  ForwardX11 no\n  ClearAllForwardings yes\n  Tunnel no\n  \
             PermitLocalCommand no\n  RemoteCommand none\n  RequestTTY no\n",
        );
        match &self.config {
            Some(config) => writeln!(text, "Include {}", quoted(config)).ok(),
            None => writeln!(text, "Include ~/.ssh/config\nInclude /etc/ssh/ssh_config").ok(),
        };
        text
    }
}

/// ssh_config(5): arguments with spaces stand in double quotes.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}

/// Another command may be reading it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            node: "web1".into(),
            address: "root@web1:23".parse().unwrap(),
            host_key: None,
            control: "/run/ssh".into(),
            config: None,
        }
    }

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIObFZ1aralhabmB65YzYKg19QwuGLsdrGRFHb52JZdTI";

    #[test]
    fn the_operators_configuration_comes_last_and_agents_are_never_forwarded() {
        let text = place().config();
        assert!(text.find("ForwardAgent no").unwrap() < text.find("Include ~/.ssh/config").unwrap());
        assert!(!text.contains("known_hosts") && !text.contains("KnownHostsFile"), "the operator's list decides:\n{text}");
        let own = Place { config: Some("/a b/config".into()), ..place() }.config();
        assert!(own.ends_with("Include \"/a b/config\"\n") && !own.contains("~/.ssh"));
    }

    #[test]
    fn a_pinned_key_is_the_only_one() {
        let dir = tempfile::tempdir().unwrap();
        let pinned = Place { host_key: Some(KEY.parse().unwrap()), ..place() };
        let (config, known) = pinned.write(dir.path()).unwrap();
        assert_eq!(fs::read_to_string(known.unwrap()).unwrap(), format!("* {KEY}\n"));
        let text = fs::read_to_string(config).unwrap();
        let (only, all) = text.split_once("Host *").unwrap();
        assert!(only.contains("Host web1\n  GlobalKnownHostsFile /dev/null") && !all.contains("GlobalKnownHostsFile"));
        assert!(place().write(dir.path()).unwrap().1.is_none());
    }

    #[test]
    fn another_key_address_or_configuration_is_another_place() {
        let other = |change: fn(&mut Place)| {
            let mut other = place();
            change(&mut other);
            other.id()
        };
        let ids = [
            place().id(),
            other(|place| place.host_key = Some(KEY.parse().unwrap())),
            other(|place| place.address.user = None),
            other(|place| place.config = Some("/c".into())),
        ];
        assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), ids.len());
        assert_eq!(other(|place| place.node = "renamed".into()), place().id());
    }
}
