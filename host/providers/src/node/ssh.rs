//! How whoever made a node reaches it: with a key of its own, and the host key that it gave the node.

use super::Node;
use crate::ProviderError;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

/// A private key that nodes know, and the host keys of those nodes.
#[derive(Debug, Clone)]
pub struct Access {
    key: PathBuf,
    hosts: PathBuf,
}

impl Access {
    /// With a private key; host keys are kept in the directory.
    pub fn new(key: impl Into<PathBuf>, dir: &Path) -> Self {
        Self { key: key.into(), hosts: dir.join("known-hosts") }
    }

    /// With a new key in this directory, unless there is one.
    pub fn generate(dir: &Path) -> Result<Self, ProviderError> {
        let access = Self::new(dir.join("key"), dir);
        if !access.key.exists() {
            fs::create_dir_all(dir).map_err(ProviderError::file(dir, "make the directory"))?;
            fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(ProviderError::file(dir, "close"))?;
            let mut keygen = Command::new("ssh-keygen");
            crate::run::run(keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "silver", "-f"]).arg(&access.key))?;
        }
        Ok(access)
    }

    /// The private key's file.
    pub fn key(&self) -> &Path {
        &self.key
    }

    /// The public key: a line of `authorized_keys`.
    pub fn public_key(&self) -> Result<String, ProviderError> {
        let path = self.key.with_extension("pub");
        fs::read_to_string(&path).map(|text| text.trim().to_owned()).map_err(ProviderError::file(path, "read"))
    }

    /// From now on this node's host key is known, and no other for its address.
    pub fn know(&self, node: &Node) -> Result<(), ProviderError> {
        let ip = node.address().ip().to_string();
        let before = fs::read_to_string(&self.hosts).unwrap_or_default();
        let others = before.lines().filter(|line| line.split(' ').next() != Some(&ip)).flat_map(|line| [line, "\n"]);
        let text = others.collect::<String>() + &format!("{ip} {}\n", node.host_key());
        fs::write(&self.hosts, text).map_err(ProviderError::file(&self.hosts, "write"))
    }

    /// `ssh` with a command for the user's login shell, ready to be started; of this machine's user it reads nothing.
    pub fn command(&self, node: &Node, user: &str, script: &str) -> Command {
        let mut command = Command::new("ssh");
        command.args(["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes"]);
        command.args(["-o", "LogLevel=ERROR", "-o", "ConnectTimeout=5", "-o"]);
        command.arg(format!("UserKnownHostsFile={}", self.hosts.display())).arg("-i").arg(&self.key);
        command.arg(format!("{user}@{}", node.address().ip())).arg(script);
        command
    }
}
