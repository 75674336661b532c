//! What agents are told, in whatever role.

use crate::error::Result;
use silver_agent::{agent::Options, apps::Apps, dirs::Dirs, fault::DieAt, protocol::PATIENCE};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where programs are found when nobody says so, as in a unit of systemd.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Options that every role has in common; nothing is carried elsewhere.
pub fn of(dirs: Dirs) -> Options {
    let path = std::env::var("PATH").unwrap_or_else(|_| PATH.into());
    Options { dirs, port: 0, path, patience: PATIENCE, key: None, launch: None, die_at: None }
}

/// What the agents of a server have in common.
#[derive(Debug, clap::Args)]
pub struct Server {
    /// The directory below which the server's folders are
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    root: PathBuf,
    /// For tests: as of the agent in the background
    #[arg(long, hide = true)]
    die_at: Option<String>,
}

impl Server {
    /// The folders; files that are made from now on can be read where they are allowed to be, whatever the login
    /// shell says.
    pub fn dirs(&self) -> Dirs {
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        if self.root == Path::new("/") { Dirs::server() } else { Dirs::server_below(&self.root) }
    }

    /// What the agent is told, and who runs the applications.
    pub fn options(&self, dirs: &Dirs) -> Result<(Options, Arc<dyn Apps>)> {
        let (apps, port) = super::apps::of(dirs)?;
        let die_at = self.die_at.as_deref().map(str::parse::<DieAt>).transpose();
        let die_at = die_at.map_err(|error| crate::error::CommandError::usage(error.to_string()))?;
        Ok((Options { die_at, port, ..of(dirs.clone()) }, apps))
    }

    /// The same, for another agent on this server.
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if self.root != Path::new("/") {
            words.extend(["--root".into(), self.root.to_string_lossy().into_owned()]);
        }
        words.extend(self.die_at.iter().flat_map(|place| ["--die-at".to_owned(), place.clone()]));
        words
    }
}
