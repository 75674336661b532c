use crate::{
    context::Context,
    dirs,
    error::{CommandError, Result},
    exit::Exit,
    nodes::NodesFile,
    providers,
};
use serde::Serialize;
use silver_core::nodes::{Address, LOCAL, NodeEntry, PublicKey, add_node};
use silver_pack::manifest::Name;
use silver_providers::Wanted;
use std::path::PathBuf;

/// Create a node and note it in nodes.toml
///
/// Without a provider in nodes.toml it is made on this machine: a bare Debian 12 in namespaces of its own, in seconds (as
/// root; the first one makes the image, which takes a minute). The keys of the operators in nodes.toml may log in, or those in
/// ~/.ssh.
#[derive(Debug, clap::Args)]
pub struct CreateNode {
    /// What it is called
    name: Name,
    /// The provider of nodes.toml that creates it
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// What it is made of: `silver list-images`
    #[arg(long, value_name = "NAME")]
    image: Option<String>,
    /// A public key that may log in (a file; may be repeated)
    #[arg(long, value_name = "FILE")]
    ssh_key: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Report<'a> {
    node: &'a str,
    address: &'a str,
    host_key: String,
    fingerprint: String,
    image: &'a str,
    file: String,
}

impl CreateNode {
    pub fn run(self, context: &Context) -> Result {
        let file = NodesFile::read(context)?;
        if *self.name == *LOCAL || file.nodes.nodes.contains_key(&self.name) || file.nodes.groups.contains_key(&self.name) {
            return Err(CommandError::usage(format!("there is a node or group `{}` already", self.name)));
        }
        let chosen = providers::choose(context, &file, self.provider.as_deref())?;
        let wanted = Wanted {
            name: self.name.to_string(),
            image: self.image.clone().or(chosen.image),
            keys: self.keys(&file)?.iter().map(ToString::to_string).collect(),
        };
        let created = chosen.provider.create(&wanted, &mut |text| context.ui.note(text))?;
        // the provider is ours, and yet what it says is read as what anybody says
        let wrong = |error: String| CommandError::new(Exit::Error, format!("the provider says of the new node: {error}"));
        let address: Address = created.address.parse().map_err(wrong)?;
        let host_key: PublicKey = created.host_key.parse().map_err(wrong)?;
        let fingerprint = host_key.fingerprint();
        let mut entry = NodeEntry { host_key: Some(host_key), provider: chosen.name, ..NodeEntry::at(address) };
        // somebody may have changed the file meanwhile
        let file = NodesFile::read(context)?;
        if entry.provider.as_ref().is_some_and(|name| !file.nodes.providers.contains_key(name)) {
            entry.provider = None;
        }
        file.write(&add_node(&file.text, &self.name, &entry)?)?;
        let report = Report {
            node: &self.name,
            address: &created.address,
            host_key: created.host_key.clone(),
            fingerprint,
            image: &created.image,
            file: file.path.display().to_string(),
        };
        if context.ui.json() {
            context.ui.report_json(&report)?;
            return Ok(Exit::Done);
        }
        context.ui.line(&format!("{} answers at {} and is noted in {}", report.node, report.address, report.file));
        context.ui.hint(&format!("`silver setup-node {}` prepares it for applications", report.node));
        Ok(Exit::Done)
    }

    /// Who may log in: the keys that were named, else those of the operators, else those in `~/.ssh`.
    fn keys(&self, file: &NodesFile) -> Result<Vec<PublicKey>> {
        let named = |paths: &[PathBuf]| paths.iter().map(|path| read(path)).collect::<Result<Vec<_>>>();
        if !self.ssh_key.is_empty() {
            return named(&self.ssh_key);
        }
        let operators: Vec<PublicKey> =
            file.nodes.operators.values().flat_map(|operator| operator.ssh_keys.iter().cloned()).collect();
        if !operators.is_empty() {
            return Ok(operators);
        }
        let own = named(&dirs::own_ssh_keys())?;
        if own.is_empty() {
            return Err(CommandError::usage("nobody could log in: no public key is known")
                .hint("make one with `ssh-keygen -t ed25519`, or name one with --ssh-key"));
        }
        Ok(own)
    }
}

fn read(path: &std::path::Path) -> Result<PublicKey> {
    let wrong = |error: String| CommandError::usage(format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    text.trim().parse().map_err(wrong)
}
