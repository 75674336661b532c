use crate::{
    agent_programs,
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    node,
    nodes::NodesFile,
};
use serde::Serialize;
use silver_core::{
    node::NodeError,
    nodes::{Address, LOCAL, NodeEntry, PublicKey, add_node, set_host_key},
};
use silver_pack::manifest::Name;
use silver_transport::ssh::{self, Place};

/// Note a server in nodes.toml: where it is, and the key that its host has
///
/// The host's key is shown, and pinned when it is agreed to: from then on a host with another key is refused. Then
/// silver logs in and looks whether it can become root. Nothing is changed on the server: that is what `setup-node` is
/// for.
#[derive(Debug, clap::Args)]
pub struct AddNode {
    /// What it is called here
    name: Name,
    /// Where it is: `USER@HOST[:PORT]`, or a host of your ssh configuration
    #[arg(required_unless_present = "renew")]
    address: Option<Address>,
    /// The key that the host has to show, or its fingerprint (`SHA256:…`), so that nobody is asked
    #[arg(long, value_name = "KEY")]
    host_key: Option<String>,
    /// The node is noted already: pin the key that its host shows now
    #[arg(long, conflicts_with = "address")]
    renew: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    node: &'a str,
    address: String,
    host_key: String,
    fingerprint: String,
    platform: String,
    root: &'static str,
    file: String,
}

impl AddNode {
    pub fn run(self, context: &Context) -> Result {
        context.interrupt.ends_at_once(&context.ui)?;
        let file = NodesFile::read(context)?;
        let entry = self.entry(&file)?;
        let place = node::place(context, &self.name, &entry)?;
        context.block_on(async {
            let key = ssh::shown_key(&place).await?;
            self.agree(context, &place, &key).await?;
            let pinned = Place { host_key: Some(key.clone()), ..place };
            let looked = ssh::look(&pinned, &agent_programs::programs(context)?).await?;
            // somebody may have changed it while the question was open
            let file = NodesFile::read(context)?;
            let text = if self.renew {
                set_host_key(&file.text, &self.name, &key)?
            } else {
                add_node(&file.text, &self.name, &NodeEntry { host_key: Some(key.clone()), ..entry.clone() })?
            };
            file.write(&text)?;
            let report = Report {
                node: &self.name,
                address: entry.address.to_string(),
                host_key: key.bare(),
                fingerprint: key.fingerprint(),
                platform: looked.platform.to_string(),
                root: if looked.root { "login" } else { "sudo" },
                file: file.path.display().to_string(),
            };
            tell(context, &report, looked.set_up)
        })
    }

    fn entry(&self, file: &NodesFile) -> Result<NodeEntry> {
        let known = file.nodes.nodes.get(&self.name);
        if *self.name == *LOCAL || (!self.renew && (known.is_some() || file.nodes.groups.contains_key(&self.name))) {
            let error = CommandError::usage(format!("there is a node or group `{}` already", self.name));
            let renew = format!("`silver add-node {} --renew` pins the key that its host shows now", self.name);
            return Err(error.maybe_hint(known.map(|_| renew)));
        }
        match (&self.address, known) {
            (Some(address), _) => Ok(NodeEntry::at(address.clone())),
            (None, Some(known)) => Ok(NodeEntry { host_key: None, ..known.clone() }),
            (None, None) => Err(file
                .nodes
                .select(&[self.name.to_string()])
                .err()
                .map_or_else(|| CommandError::usage(format!("`{}` is a group", self.name)), CommandError::from)),
        }
    }

    /// Is it the right key? `--host-key` says so, the operator's list of known hosts, or the operator.
    async fn agree(&self, context: &Context, place: &Place, key: &PublicKey) -> Result<()> {
        let (host, fingerprint) = (&place.address.host, key.fingerprint());
        if let Some(wanted) = &self.host_key {
            let same = match wanted.parse::<PublicKey>() {
                Ok(wanted) => wanted.bare() == key.bare(),
                Err(_) if wanted.starts_with("SHA256:") => *wanted == fingerprint,
                Err(error) => return Err(CommandError::usage(error).hint("or give the fingerprint: `SHA256:…`")),
            };
            if same {
                return Ok(());
            }
            return Err(NodeError::HostKey {
                node: self.name.to_string(),
                reason: format!("{host} shows the key {} {fingerprint}", key.kind()),
                hint: "nothing was noted; look at the key on the server's console: `ssh-keygen -lf \
                       /etc/ssh/ssh_host_ed25519_key.pub`"
                    .into(),
            }
            .into());
        }
        context.ui.note(&format!("{host} shows the key {} {fingerprint}", key.kind()));
        if ssh::is_known(place, key).await? {
            context.ui.note("it is the one that your known_hosts has for it");
            return Ok(());
        }
        if context.ui.confirm("Is that the key of this server?", false)? {
            return Ok(());
        }
        Err(CommandError::new(Exit::Interrupted, "nothing was noted"))
    }
}

fn tell(context: &Context, report: &Report<'_>, set_up: bool) -> Result {
    if context.ui.json() {
        context.ui.report_json(report)?;
        return Ok(Exit::Done);
    }
    let root = if report.root == "login" { "logs in as root" } else { "becomes root with `sudo -n`" };
    context.ui.line(&format!("{} is noted in {}; silver {root} there", report.node, report.file));
    if !set_up {
        context.ui.hint(&format!("`silver setup-node {}` prepares it; `--dry-run` shows what it would do", report.node));
    }
    Ok(Exit::Done)
}
