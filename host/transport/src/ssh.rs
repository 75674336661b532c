//! Servers over the operator's own ssh: its keys, its agent, its configuration with jump hosts.
//!
//! One *master* (an ssh process in the background) per node keeps the connection for ten minutes, for later
//! commands too: `master`. A command starts one agent at the far end of one channel of it (`start`), after
//! having copied the program if the node lacks it (`install`), and asks everything through connections inside
//! of that channel (`silver_agent::protocol::mux`).

mod config;
mod failure;
mod install;
mod lock;
mod look;
mod master;
mod program;
mod remote;
mod start;

pub use config::Place;
pub use install::Install;
pub use look::{Looked, is_known, look, shown_key};
pub use program::Program;
pub use remote::Remote;

use crate::{
    answer::broken,
    dial::{Channel, Dial},
};
use async_trait::async_trait;
use silver_agent::protocol::{self, Hello, mux::Mux};
use silver_core::node::NodeError;
use start::{Found, start};
use std::time::Duration;
use tokio::sync::Mutex;

/// So long a node may take until its agent has started: a login shell's start-up files run before.
const PATIENCE: Duration = Duration::from_mins(1);

/// Says what takes a moment, such as copying the agent.
pub type Note = Box<dyn Fn(&str) + Send + Sync>;

/// Dials the agent of a server.
pub struct Ssh {
    place: Place,
    who: String,
    programs: Vec<Program>,
    install: Install,
    note: Note,
    /// The agent that was started; one for the whole command.
    mux: Mutex<Option<Mux>>,
}

impl Ssh {
    /// The server at `place`. `who` is the operator as claimed: `user@host`. The first of `programs` that the
    /// server can run is its agent.
    pub fn new(place: Place, who: impl Into<String>, programs: Vec<Program>, install: Install, note: Note) -> Self {
        Self { place, who: who.into(), programs, install, note, mux: Mutex::new(None) }
    }

    /// The agent's streams; it is started, and before that copied, if need be.
    async fn mux(&self) -> Result<Mux, NodeError> {
        let mut mux = self.mux.lock().await;
        if let Some(mux) = mux.as_ref().filter(|mux| !mux.has_ended()) {
            return Ok(mux.clone());
        }
        let started = self.start().await?;
        *mux = Some(started.clone());
        Ok(started)
    }

    async fn start(&self) -> Result<Mux, NodeError> {
        let mut remote = Remote::reach(&self.place).await?;
        let found = match start(&remote, &self.programs).await {
            // the connection had been there before, and was dead: the network has changed, or the node was restarted
            Err(NodeError::Unreachable { .. }) if remote.was_kept() => {
                remote = Remote::reach(&self.place).await?;
                start(&remote, &self.programs).await?
            }
            found => found?,
        };
        let absent = match found {
            Found::Agent(mux) => return Ok(mux),
            Found::Absent(absent) => absent,
        };
        install::install(&remote, &absent, &self.programs, self.install, &self.note).await?;
        match start(&remote, &self.programs).await? {
            Found::Agent(mux) => Ok(mux),
            Found::Absent(_) => Err(failure::unsuitable(
                remote.node(),
                "the agent that was copied a moment ago is not there".into(),
                "does something on the node remove it?",
            )),
        }
    }
}

impl Ssh {
    async fn open(&self, mux: &Mux) -> Result<Channel, NodeError> {
        let stream = mux.open().await.map_err(|error| broken(&self.place.node, &error))?;
        let (reader, writer) = tokio::io::split(stream);
        let opened = protocol::open(Box::new(reader) as _, Box::new(writer) as _, &Hello::new(&self.who)).await;
        opened.map_err(|error| broken(&self.place.node, &error))
    }
}

#[async_trait]
impl Dial for Ssh {
    fn node(&self) -> &str {
        &self.place.node
    }

    async fn dial(&self) -> Result<Channel, NodeError> {
        self.open(&self.mux().await?).await
    }

    /// Over a connection that is kept, and where the agent is there.
    async fn begin(&self) {
        let mut mux = self.mux.lock().await;
        if mux.is_none()
            && let Some(remote) = Remote::kept(&self.place).await
            && let Ok(Found::Agent(started)) = start(&remote, &self.programs).await
        {
            *mux = Some(started);
        }
    }

    async fn dial_afresh(&self) -> Result<Channel, NodeError> {
        let remote = Remote::reach_afresh(&self.place).await?;
        match start(&remote, &self.programs).await? {
            Found::Agent(mux) => {
                // something about logging in has changed
                master::forget(&self.place);
                self.open(&mux).await
            }
            Found::Absent(absent) => Err(NodeError::NoAgent { node: self.place.node.clone(), theirs: absent.silver }),
        }
    }
}
