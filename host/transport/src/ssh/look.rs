//! What is learned of a server before it is noted: its host's key, and what is there.

use super::{
    Place, failure,
    program::Program,
    remote::Remote,
    start::{absent, command},
};
use silver_core::{node::NodeError, nodes::PublicKey};
use silver_pack::platform::Platform;
use std::{fs, path::Path, process::Stdio};
use tokio::process::Command;

/// The name under which a key is asked for, so that it is found again whatever the host is called.
const ALIAS: &str = "silver-asks";
/// Nobody logs in: the key comes before that.
const NO_LOGIN: [&str; 5] = [
    "PubkeyAuthentication=no",
    "PasswordAuthentication=no",
    "KbdInteractiveAuthentication=no",
    "GSSAPIAuthentication=no",
    "HostbasedAuthentication=no",
];

/// What was found on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// What programs it runs.
    pub platform: Platform,
    /// Is it root who logs in? Else `sudo -n` makes it so.
    pub root: bool,
    /// Did any silver prepare it?
    pub set_up: bool,
}

/// Logs in and looks; changes nothing. It is an error when silver could not work there.
pub async fn look(place: &Place, programs: &[Program]) -> Result<Looked, NodeError> {
    let remote = Remote::reach(place).await?;
    let said = remote.run(&command(&[]), b"").await?;
    let Some(found) = absent(&said.out) else {
        let words = if said.err.is_empty() { said.out } else { said.err };
        let why = format!("its login shell does not run commands: {words}");
        return Err(failure::unsuitable(&place.node, why, "silver needs a shell there that runs `sh -c …`"));
    };
    if !programs.iter().any(|program| program.platform.runs_on(&found.platform, &[])) {
        return Err(failure::no_program(&place.node, &found, programs));
    }
    if !found.root {
        let tried = remote.run("exec sudo -n true", b"").await?;
        if !tried.success {
            return Err(failure::copying(place, &tried));
        }
    }
    Ok(Looked { platform: found.platform, root: found.root, set_up: found.set_up })
}

/// The key that the host shows now. Nobody vouches for it, and nobody logs in.
pub async fn shown_key(place: &Place) -> Result<PublicKey, NodeError> {
    let dir = tempfile::tempdir().map_err(|error| failure::unusable(place, &error))?;
    let known = dir.path().join("known_hosts");
    let said = ask(
        place,
        dir.path(),
        &[
            "StrictHostKeyChecking=accept-new".into(),
            format!("UserKnownHostsFile={}", known.display()),
            "GlobalKnownHostsFile=/dev/null".into(),
            "HashKnownHosts=no".into(),
            "UpdateHostKeys=no".into(),
            format!("HostKeyAlias={ALIAS}"),
        ],
    )
    .await?;
    let known = fs::read_to_string(known).unwrap_or_default();
    let key = known.lines().find_map(|line| line.strip_prefix(ALIAS)?.trim().parse().ok());
    key.ok_or_else(|| failure::said_by_ssh(place, &said))
}

/// Does the operator's own list know this key for the host?
pub async fn is_known(place: &Place, key: &PublicKey) -> Result<bool, NodeError> {
    let dir = tempfile::tempdir().map_err(|error| failure::unusable(place, &error))?;
    let algorithms = if key.kind() == "ssh-rsa" { "rsa-sha2-512,rsa-sha2-256" } else { key.kind() };
    let said = ask(place, dir.path(), &["StrictHostKeyChecking=yes".into(), format!("HostKeyAlgorithms={algorithms}")]).await?;
    // the log-in, which is not tried, is what fails after the key was found good
    Ok(said.contains("Permission denied ("))
}

/// Connects as far as the host's key; what ssh said.
async fn ask(place: &Place, dir: &Path, options: &[String]) -> Result<String, NodeError> {
    let unusable = |error| failure::unusable(place, &error);
    let (config, _) = Place { host_key: None, ..place.clone() }.write(dir).map_err(unusable)?;
    let mut ssh = Command::new("ssh");
    ssh.arg("-F").arg(config).args(["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o", "ControlPath=none"]);
    for option in options.iter().map(String::as_str).chain(NO_LOGIN) {
        ssh.args(["-o", option]);
    }
    if let Some(user) = &place.address.user {
        ssh.args(["-l", user]);
    }
    if let Some(port) = place.address.port {
        ssh.args(["-p", &port.to_string()]);
    }
    ssh.arg(&place.address.host).arg("true").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = ssh.output().await.map_err(|error| failure::connecting(place, &openssh::Error::Connect(error)))?;
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}
