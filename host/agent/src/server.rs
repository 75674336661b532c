//! The background agent of one home: there is only one, because it holds `run/agent.lock`; it listens
//! on a Unix socket that only its owner can reach. On a server there is no such agent: there are those that
//! clients start ([`visit`]), and those that systemd starts ([`carry`], [`recover`]).

mod connection;
mod refuse;
#[cfg(test)]
mod tests;
mod unattended;
mod visit;

use crate::{
    agent::{Agent, Options},
    apps::Apps,
    dirs::Dirs,
    disk::{At, DiskError, make_dir, remove_file, words},
    lock::{self, Lock, LockError},
    store::StoreError,
};
use std::{
    fs::{self, File},
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    net::{UnixListener, UnixStream},
    signal::unix::{SignalKind, signal},
};
pub use unattended::{CarryError, carry, recover, undo_left};
pub use visit::visit;

/// For so long an agent that ends may finish what is under way.
const PATIENCE: Duration = Duration::from_mins(10);

/// Why there is no agent.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is one already.
    #[error("an agent runs already for this home (process {0})")]
    Running(String),
    /// A file cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The registry cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ServeError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Running(_) => Some("`silver local stop` ends it".into()),
            Self::Disk(error) => error.hint(),
            Self::Store(error) => error.0.hint(),
        }
    }
}

/// The right to be the agent of a home, for as long as it is held.
#[derive(Debug)]
pub struct OnlyAgent {
    _lock: Lock,
}

/// Becomes the agent of a home, or fails because there is one. One that is about to end, or to begin,
/// has no socket: it is waited for.
pub async fn only_agent(dirs: &Dirs) -> Result<OnlyAgent, ServeError> {
    let until = Instant::now() + PATIENCE;
    loop {
        match lock::take(&dirs.agent_lock(), &std::process::id().to_string()) {
            Ok(lock) => return Ok(OnlyAgent { _lock: lock }),
            Err(LockError::Busy(_)) if !dirs.agent_socket().exists() && Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(LockError::Disk(error)) => return Err(error.into()),
            Err(LockError::Busy(by)) => return Err(ServeError::Running(by)),
            Err(error @ (LockError::NotTheLock(_) | LockError::Left(_))) => return Err(ServeError::Running(error.to_string())),
        }
    }
}

/// Waits until no agent holds this home any more: everything it ran has stopped then. False when
/// there still is one after that time.
pub async fn ended(dirs: &Dirs, within: Duration) -> bool {
    let until = Instant::now() + within;
    while lock::take(&dirs.agent_lock(), &std::process::id().to_string()).is_err() {
        if Instant::now() >= until {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    true
}

/// Serves until it is asked to end, by a request or by SIGTERM or SIGINT. Then transitions under way
/// are finished, and everything is stopped in order.
pub async fn serve(_only: OnlyAgent, options: Options, apps: Arc<dyn Apps>) -> Result<(), ServeError> {
    let socket = options.dirs.agent_socket();
    let agent = Agent::new(options, apps)?;
    let listener = listen(agent.dirs())?;
    let recovering = Arc::clone(&agent);
    tokio::spawn(async move { recovering.recover_all().await });
    tracing::info!("the agent serves at {}", socket.display());
    accept(&agent, &listener).await;
    drop(listener);
    remove_file(&socket)?; // who comes now starts an agent of their own, which waits for our lock
    agent.end().await;
    Ok(())
}

async fn accept(agent: &Arc<Agent>, listener: &UnixListener) {
    let mut ending = agent.ending.subscribe();
    let (terminate, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut terminate), Ok(mut interrupt)) = (terminate, interrupt) else {
        tracing::error!("signals cannot be received");
        return;
    };
    loop {
        tokio::select! {
            connected = listener.accept() => match connected {
                Ok((stream, _)) => {
                    let (reader, writer) = stream.into_split();
                    tokio::spawn(connection::serve(Arc::clone(agent), reader, writer));
                }
                Err(error) => {
                    tracing::warn!("a connection could not be accepted: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await; // no file handles left: wait for some
                }
            },
            _ = terminate.recv() => return,
            _ = interrupt.recv() => return,
            () = async { drop(ending.wait_for(|end| *end).await) } => return,
        }
    }
}

/// A socket's address has at most 107 bytes; through a handle of its directory any path will do.
fn listen(dirs: &Dirs) -> Result<UnixListener, DiskError> {
    let path = dirs.agent_socket();
    remove_file(&path)?; // of an agent that was killed: we hold the lock
    let (_dir, short) = short(&path)?;
    let listener = UnixListener::bind(&short).at("listen at", &path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).at("set the mode of", &path)?;
    Ok(listener)
}

/// Connects to the agent of a home.
pub async fn connect(dirs: &Dirs) -> Result<UnixStream, DiskError> {
    let path = dirs.agent_socket();
    let (_dir, short) = short(&path)?;
    UnixStream::connect(&short).await.at("connect to", &path)
}

/// The same socket by a short path, which holds for as long as the handle is open.
fn short(path: &std::path::Path) -> Result<(File, PathBuf), DiskError> {
    let parent = path.parent().unwrap_or(path);
    make_dir(parent)?;
    let dir = File::open(parent).at("open", parent)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd())).join(path.file_name().unwrap_or_default());
    Ok((dir, short))
}

/// Only for messages to the log: what a background task can tell nobody else.
fn log_error(what: &str, error: &dyn std::error::Error) {
    tracing::warn!("{what}: {}", words(error));
}
