//! The operator's SSH signature over what was agreed to: made and checked by `ssh-keygen`, so that agents,
//! hardware keys and every kind of key work.

use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    nodes::NodesFile,
};
use silver_core::nodes::{Nodes, PublicKey};
use silver_plugin_api::Digest;
use silver_registry::operator_signature::{NAMESPACE, message};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The operator's signature over the digest of a plan; `None` when nodes.toml names no operators, or none of their
/// keys is here, which is said.
pub fn sign(context: &Context, plan: &Digest) -> Result<Option<String>> {
    Ok(sign_all(context, std::slice::from_ref(plan))?.pop().flatten())
}

/// As [`sign`], over each of the digests.
pub fn sign_all(context: &Context, plans: &[Digest]) -> Result<Vec<Option<String>>> {
    let nodes = NodesFile::read(context)?.nodes;
    let signer = if nodes.operators.is_empty() { None } else { Signer::find(&nodes)? };
    if signer.is_none() && !nodes.operators.is_empty() {
        context.ui.note("not signed: no key of an operator in nodes.toml is on this machine or in an agent");
    }
    plans.iter().map(|plan| signer.as_ref().map(|signer| signer.sign(plan)).transpose()).collect()
}

/// Signs with an operator's key.
struct Signer {
    /// The public key's file; the private one lies beside it, or an agent has it.
    file: PathBuf,
    /// Holds the file, where silver wrote it.
    _kept: Option<tempfile::TempDir>,
}

impl Signer {
    /// The key of an operator in nodes.toml that is on this machine: below `~/.ssh`, or in the agent. `None` when
    /// there is none.
    fn find(nodes: &Nodes) -> Result<Option<Self>> {
        let keys: Vec<&PublicKey> = nodes.operators.values().flat_map(|operator| &operator.ssh_keys).collect();
        let is_one = |line: &str| line.parse::<PublicKey>().is_ok_and(|key| keys.iter().any(|known| known.bare() == key.bare()));
        if let Some(file) = at_home().into_iter().find(|file| fs::read_to_string(file).is_ok_and(|line| is_one(line.trim()))) {
            return Ok(Some(Self { file, _kept: None }));
        }
        let Some(line) = in_agent().into_iter().find(|line| is_one(line)) else { return Ok(None) };
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("operator.pub");
        fs::write(&file, format!("{line}\n"))?;
        Ok(Some(Self { file, _kept: Some(folder) }))
    }

    /// The signature over the digest of a plan.
    fn sign(&self, plan: &Digest) -> Result<String> {
        let failed = |why: String| {
            let key = self.file.display();
            CommandError::new(Exit::Error, format!("the plan cannot be signed with {key}: {why}"))
                .hint("`ssh-add` puts the key into an agent; nothing was changed")
        };
        // ssh-keygen asks for a passphrase by the terminal
        let child = Command::new("ssh-keygen")
            .args(["-q", "-Y", "sign", "-n", NAMESPACE, "-f"])
            .arg(&self.file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.map_err(|error| failed(error.to_string()))?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(message(plan).as_bytes()).map_err(|error| failed(error.to_string()))?;
        }
        let done = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
        match String::from_utf8(done.stdout) {
            Ok(signature) if done.status.success() && !signature.is_empty() => Ok(signature),
            _ => Err(failed(String::from_utf8_lossy(&done.stderr).trim().to_owned())),
        }
    }
}

/// Does the signature hold, whoever made it?
pub fn holds(signature: &str, plan: &Digest) -> Result<bool> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(signature.as_bytes())?;
    let child = Command::new("ssh-keygen")
        .args(["-q", "-Y", "check-novalidate", "-n", NAMESPACE, "-s"])
        .arg(file.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.map_err(|error| {
        CommandError::new(Exit::Error, format!("signatures of operators cannot be checked: ssh-keygen: {error}"))
    })?;
    if let Some(mut input) = child.stdin.take() {
        // it may have found fault with the signature already
        input.write_all(message(plan).as_bytes()).ok();
    }
    Ok(child.wait()?.success())
}

/// Public keys below `~/.ssh` that a private one lies beside.
fn at_home() -> Vec<PathBuf> {
    let Some(home) = std::env::var_os("HOME") else { return Vec::new() };
    let entries = fs::read_dir(Path::new(&home).join(".ssh")).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "pub") && file.with_extension("").is_file());
    files.sort();
    files
}

/// The keys of the agent, if one runs.
fn in_agent() -> Vec<String> {
    let listed = Command::new("ssh-add").arg("-L").stdin(Stdio::null()).stderr(Stdio::null()).output();
    let Ok(listed) = listed else { return Vec::new() };
    String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect()
}
