//! What makes a node of an image: its name, its host key, who may log in.

use super::{Address, Spec};
use crate::{ProviderError, run::run};
use std::{
    fs,
    os::unix::fs::{DirBuilderExt, PermissionsExt, chown},
    path::Path,
    process::Command,
};

/// The host's key, below the node's own layer.
const HOST_KEY: &str = "etc/ssh/ssh_host_ed25519_key";
/// The image's first user, whom `useradd` gave the first id.
const FIRST_USER: u32 = 1000;

/// Writes it into the node's own layer; the public host key.
pub(super) fn write(spec: &Spec) -> Result<String, ProviderError> {
    let disk = spec.dir.join("disk");
    for part in ["upper", "work"] {
        directory(&disk.join(part), 0o755)?;
    }
    let upper = disk.join("upper");
    let (name, ip) = (&spec.name, spec.address.ip());
    for (path, mode) in [("etc", 0o755), ("etc/ssh", 0o755), ("root", 0o700), ("root/.ssh", 0o700), ("home", 0o755)] {
        directory(&upper.join(path), mode)?;
    }
    put(&upper.join("etc/hostname"), 0o644, &format!("{name}\n"))?;
    put(&upper.join("etc/hosts"), 0o644, &format!("127.0.0.1 localhost\n{ip} {name}\n{} host\n", Address::gateway()))?;
    let id = fs::read_to_string("/proc/sys/kernel/random/uuid")
        .map_err(ProviderError::file("/proc/sys/kernel/random/uuid", "read"))?;
    put(&upper.join("etc/machine-id"), 0o444, &id.replace('-', ""))?;
    let keys: String = spec.keys.iter().flat_map(|key| [key.trim(), "\n"]).collect();
    put(&upper.join("root/.ssh/authorized_keys"), 0o600, &keys)?;
    let ssh = upper.join("home").join(crate::image::USER).join(".ssh");
    directory(&ssh, 0o700)?;
    put(&ssh.join("authorized_keys"), 0o600, &keys)?;
    for path in [ssh.parent().unwrap_or(&ssh), &ssh, &ssh.join("authorized_keys")] {
        chown(path, Some(FIRST_USER), Some(FIRST_USER)).map_err(ProviderError::file(path, "change the owner"))?;
    }
    let comment = format!("root@{name}");
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", &comment, "-f"]).arg(upper.join(HOST_KEY)))?;
    read(spec)
}

/// The public host key of a node that was created before.
pub(super) fn read(spec: &Spec) -> Result<String, ProviderError> {
    let path = spec.dir.join("disk/upper").join(format!("{HOST_KEY}.pub"));
    let text = fs::read_to_string(&path).map_err(ProviderError::file(&path, "read"))?;
    let key: Vec<&str> = text.split_whitespace().take(2).collect();
    Ok(key.join(" "))
}

fn directory(path: &Path, mode: u32) -> Result<(), ProviderError> {
    let created = fs::DirBuilder::new().mode(mode).recursive(true).create(path);
    created.map_err(ProviderError::file(path, "make the directory"))
}

fn put(path: &Path, mode: u32, content: &str) -> Result<(), ProviderError> {
    let written = fs::write(path, content).and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode)));
    written.map_err(ProviderError::file(path, "write"))
}
