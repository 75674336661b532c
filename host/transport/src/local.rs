//! This machine's node: the background agent behind its Unix socket, started when it is not there.

use crate::{
    answer::broken,
    connection::Connection,
    dial::{Channel, Dial, shake},
};
use async_trait::async_trait;
use silver_agent::{
    dirs::Dirs,
    protocol::{ProtocolError, Request, Response},
};
use silver_core::node::NodeError;
use std::{io, os::fd::AsRawFd, path::Path, process::Child, time::Duration};
use tokio::{net::UnixStream, sync::Mutex, time::Instant};

/// The name of this machine's node.
pub const NAME: &str = silver_core::node::LOCAL;
/// So long an agent may take until it answers. It recovers what an earlier one left behind before.
const PATIENCE: Duration = Duration::from_mins(1);
/// So often the socket is tried while an agent starts or ends.
const INTERVAL: Duration = Duration::from_millis(20);

/// Starts an agent in the background (a session of its own, standard streams away from the
/// terminal) and returns at once.
pub type Start = Box<dyn Fn() -> io::Result<Child> + Send + Sync>;

/// Dials the background agent.
pub struct Local {
    dirs: Dirs,
    who: String,
    start: Option<Start>,
    /// One start at a time.
    starting: Mutex<()>,
}

impl Local {
    /// The agent of the home with these directories. `who` is the operator as claimed: `user@host`.
    /// Without `start` an agent that does not run stays so.
    pub fn new(dirs: Dirs, who: impl Into<String>, start: Option<Start>) -> Self {
        Self { dirs, who: who.into(), start, starting: Mutex::new(()) }
    }

    /// Does an agent answer? None is started.
    pub async fn runs(&self) -> bool {
        connect(&self.dirs).await.is_ok()
    }

    /// A connection; an agent of another version is restarted, unless a transition runs.
    async fn greet(&self, stream: UnixStream) -> Result<Option<Channel>, NodeError> {
        let (reader, writer) = stream.into_split();
        let ours = env!("CARGO_PKG_VERSION");
        match shake(Box::new(reader), Box::new(writer), &self.who).await {
            Ok((channel, theirs)) if theirs.silver == ours || self.start.is_none() => Ok(Some(channel)),
            Ok((channel, theirs)) => {
                self.replace(channel, &theirs.silver).await?;
                Ok(None)
            }
            // it went while we came, as an agent does that is being replaced
            Err(ProtocolError::Ended | ProtocolError::Io(_)) if self.start.is_some() => Ok(None),
            Err(error) => Err(broken(NAME, &error)),
        }
    }

    /// Ends an agent of another version, unless it is busy.
    async fn replace(&self, channel: Channel, theirs: &str) -> Result<(), NodeError> {
        let mut connection = Connection::new(NAME, channel);
        let busy = match connection.ask(&Request::Apps).await? {
            Response::Apps(apps) => apps.iter().any(|app| app.running.is_some()),
            other => return Err(connection.unexpected(&other, "`Apps`")),
        };
        if busy {
            let ours = env!("CARGO_PKG_VERSION").into();
            return Err(NodeError::Version { node: NAME.into(), theirs: theirs.into(), ours });
        }
        connection.order(&Request::Shutdown).await?;
        // it answers, stops its applications, and then its socket goes
        let deadline = Instant::now() + PATIENCE;
        while connect(&self.dirs).await.is_ok() {
            if Instant::now() >= deadline {
                return Err(unreachable(&self.dirs, "the agent of another version does not end"));
            }
            tokio::time::sleep(INTERVAL).await;
        }
        Ok(())
    }

    /// Waits until the socket answers; starts an agent, and another one should it end at once
    /// because a third command was first.
    async fn start(&self, start: &Start) -> Result<UnixStream, NodeError> {
        let _one = self.starting.lock().await;
        let deadline = Instant::now() + PATIENCE;
        let mut child: Option<Child> = None;
        loop {
            if let Ok(stream) = connect(&self.dirs).await {
                return Ok(stream);
            }
            let failed = |why: String| unreachable(&self.dirs, &why);
            match &mut child {
                None => child = Some(start().map_err(|error| failed(format!("the agent could not be started: {error}")))?),
                Some(running) => {
                    let ended = running.try_wait().map_err(|error| failed(format!("the agent cannot be watched: {error}")))?;
                    if let Some(status) = ended
                        && !status.success()
                    {
                        return Err(failed(format!("the agent ended at once ({status}){}", last_words(&self.dirs))));
                    }
                    // it found another agent there, which will answer soon
                }
            }
            if Instant::now() >= deadline {
                return Err(failed(format!("the agent did not answer within {} s", PATIENCE.as_secs())));
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }
}

#[async_trait]
impl Dial for Local {
    fn node(&self) -> &str {
        NAME
    }

    async fn dial(&self) -> Result<Channel, NodeError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let stream = match (connect(&self.dirs).await, &self.start) {
                (Ok(stream), _) => stream,
                (Err(_), Some(start)) => self.start(start).await?,
                (Err(error), None) => return Err(unreachable(&self.dirs, &format!("the agent does not run ({error})"))),
            };
            if let Some(channel) = self.greet(stream).await? {
                return Ok(channel);
            }
            if Instant::now() >= deadline {
                return Err(unreachable(&self.dirs, "the agent ends again and again"));
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }
}

/// Connects through the directory's file descriptor: the path of a socket has at most 108 bytes.
async fn connect(dirs: &Dirs) -> io::Result<UnixStream> {
    let socket = dirs.agent_socket();
    let (Some(directory), Some(name)) = (socket.parent(), socket.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let directory = std::fs::File::open(directory)?;
    UnixStream::connect(Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name)).await
}

fn unreachable(dirs: &Dirs, why: &str) -> NodeError {
    let log = dirs.agent_log();
    NodeError::Unreachable { node: NAME.into(), reason: format!("{why}; its log is {}", log.display()) }
}

/// The last line of the agent's log, if there is one.
fn last_words(dirs: &Dirs) -> String {
    let log = std::fs::read(dirs.agent_log()).unwrap_or_default();
    let tail = String::from_utf8_lossy(&log[log.len().saturating_sub(4096)..]).into_owned();
    tail.lines().rfind(|line| !line.trim().is_empty()).map(|line| format!(": {line}")).unwrap_or_default()
}
