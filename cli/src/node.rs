//! The nodes that a command talks to: this machine's, whose agent is started when it does not run, or servers of
//! `nodes.toml`.

use crate::{
    agent_programs,
    commands::agent::log,
    context::Context,
    dirs,
    error::{CommandError, Result},
    nodes::NodesFile,
    operator,
};
use silver_agent::dirs::Dirs;
use silver_core::nodes::{LOCAL, NodeEntry};
use silver_transport::{
    RemoteNode,
    local::{Local, Start},
    ssh::{Install, Place, Ssh},
};
use std::{
    io,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::PoisonError,
};

/// The one node that is meant: `--node`, else this machine's. Nothing is asked yet.
pub fn connect(context: &Context) -> Result<RemoteNode> {
    connect_to(context, &one(context)?)
}

/// The nodes that are meant by `--node NAME[,NAME|group]…`, each once; without it this machine's.
pub fn selected(context: &Context) -> Result<Vec<String>> {
    if context.nodes.iter().all(|name| name == LOCAL) {
        return Ok(vec![LOCAL.into()]);
    }
    Ok(NodesFile::read(context)?.nodes.select(&context.nodes)?)
}

/// The name of the one node that is meant.
pub fn one(context: &Context) -> Result<String> {
    match <[String; 1]>::try_from(selected(context)?) {
        Ok([name]) => Ok(name),
        Err(names) => {
            Err(CommandError::usage(format!("this command takes one node; `--node` means {}: {}", names.len(), names.join(", "))))
        }
    }
}

/// The node with this name. The agent of this machine is started by the first question, if need be; that of a server
/// that was set up is copied, if it has another one.
pub fn connect_to(context: &Context, name: &str) -> Result<RemoteNode> {
    if name == LOCAL {
        return connect_with(context, name, Install::Upgrade);
    }
    let mut reached = context.reached.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(node) = reached.get(name) {
        return Ok(node.clone());
    }
    let node = connect_with(context, name, Install::Upgrade)?;
    reached.insert(name.to_owned(), node.clone());
    Ok(node)
}

/// Has the agents of the servers that are meant by `--node` start, while this side still reads what is to be deployed.
/// What stands in the way is told to whoever asks them.
pub fn begin(context: &Context) {
    let nodes = selected(context).unwrap_or_default();
    for name in nodes.iter().filter(|name| *name != LOCAL) {
        if let Ok(node) = connect_to(context, name) {
            // without a runtime the first question fails as well
            let _ = context.spawn(async move { node.begin().await });
        }
    }
}

/// As [`connect_to`], and says whether a server may get the agent.
pub fn connect_with(context: &Context, name: &str, install: Install) -> Result<RemoteNode> {
    if name == LOCAL {
        let dirs = context.dirs()?;
        let start = starter(dirs.clone(), dirs::port()?)?;
        return Ok(RemoteNode::new(Local::new(dirs, operator::claimed(), Some(start))));
    }
    let file = NodesFile::read(context)?;
    file.nodes.select(&[name.to_owned()])?;
    let Some(entry) = file.nodes.nodes.get(name) else {
        return Err(CommandError::usage(format!("`{name}` is a group; this takes one node")));
    };
    Ok(RemoteNode::new(ssh(context, place(context, name, entry)?, install)?))
}

/// What is needed to reach a server.
pub fn place(context: &Context, name: &str, entry: &NodeEntry) -> Result<Place> {
    Ok(Place {
        node: name.to_owned(),
        address: entry.address.clone(),
        host_key: entry.host_key.clone(),
        control: context.dirs()?.run.join("ssh"),
        config: dirs::ssh_config()?,
    })
}

/// The way to a server.
pub fn ssh(context: &Context, place: Place, install: Install) -> Result<Ssh> {
    let ui = context.ui.clone();
    let note = Box::new(move |text: &str| ui.note(text));
    Ok(Ssh::new(place, operator::claimed(), agent_programs::programs(context)?, install, note))
}

/// This machine's node, unless its agent does not run: none is started.
pub async fn connect_if_running(context: &Context) -> Result<Option<RemoteNode>> {
    let local = Local::new(context.dirs()?, operator::claimed(), None);
    Ok(if local.runs().await { Some(RemoteNode::new(local)) } else { None })
}

/// Starts `silver agent` away from this terminal. It has this command's directories and port, and
/// nothing of its environment reaches the applications.
fn starter(dirs: Dirs, port: u16) -> Result<Start> {
    let silver = std::env::current_exe()?;
    Ok(Box::new(move || start(&silver, &dirs, port)))
}

fn start(silver: &PathBuf, dirs: &Dirs, port: u16) -> io::Result<Child> {
    Command::new(silver)
        .args(["agent", "--port", &port.to_string()])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log::open(dirs)?)
        .spawn()
}
