//! The node that a command talks to: this machine's, whose agent is started when it does not run.

use crate::{commands::agent::log, context::Context, dirs, error::Result, operator};
use silver_agent::dirs::Dirs;
use silver_transport::{
    RemoteNode,
    local::{Local, Start},
};
use std::{
    io,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// This machine's node. Its agent is started by the first question, if need be.
pub fn connect(context: &Context) -> Result<RemoteNode> {
    let dirs = context.dirs()?;
    let start = starter(dirs.clone(), dirs::port()?)?;
    Ok(RemoteNode::new(Local::new(dirs, operator::claimed(), Some(start))))
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
