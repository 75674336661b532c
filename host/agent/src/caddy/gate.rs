//! The gates of apps; how a request sees one: [`super::site`].
//!
//! Whether a gate is closed lies on the disk, for any agent to see; whoever closed it answers those who
//! are waiting, for as long as it lives.

use super::{
    inside,
    links::{Links, open_dir, point},
    places::Places,
};
use crate::{
    apps::AppFailure,
    dirs::Dirs,
    disk::{At, DiskError, names, remove_file},
    failure::because,
    systemd,
};
use hyper::{Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    net::UnixListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// Between passing the gate and dialling the application lies nearly nothing; a request that takes longer finds
/// the way barred.
const PASSING: Duration = Duration::from_millis(250);
/// How often is looked who is inside.
const LOOK: Duration = Duration::from_millis(20);
/// So many requests wait at a closed gate; further ones are told to come back.
const MOST_HELD: usize = 1_000;
/// Who asked just before the gate opened is answered for so long.
const LATE: Duration = Duration::from_secs(2);

/// A gate that this agent has closed.
#[derive(Debug)]
pub(super) struct Closed {
    opened: Arc<watch::Sender<bool>>,
    answering: JoinHandle<()>,
    waiting: Arc<AtomicUsize>,
}

impl Closed {
    /// How many are waiting.
    pub(super) fn held(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        if *self.opened.borrow() {
            return; // those who come late are answered yet
        }
        self.answering.abort();
    }
}

/// The gate of an app.
#[derive(Debug)]
pub(super) struct Gate<'a> {
    dirs: &'a Dirs,
    places: &'a Places,
    app: &'a str,
    dir: PathBuf,
}

impl<'a> Gate<'a> {
    pub(super) fn of(dirs: &'a Dirs, places: &'a Places, app: &'a str) -> Self {
        Self { dirs, places, app, dir: places.app(app) }
    }

    /// Is it open? A gate that was never closed is.
    pub(super) fn is_open(&self) -> bool {
        !fs::read_link(self.dir.join("gate")).is_ok_and(|target| target != self.places.inside)
    }

    /// Closes it, and waits until those who were inside are out. Those who are not after `patience` are cut.
    pub(super) async fn close(&self, hold: Duration, patience: Duration) -> Result<Closed, AppFailure> {
        let closed = self.shut(hold).map_err(|error| because(&format!("the gate of `{}`", self.app), &error, error.hint()))?;
        tokio::time::sleep(PASSING).await;
        let links = Links::of(self.places, self.app);
        let barred = links.bar(true).and_then(|()| links.labels());
        let labels = barred.map_err(|error| because(&format!("the gate of `{}`", self.app), &error, error.hint()))?;
        let sockets: Vec<PathBuf> = labels.iter().map(|label| web(self.dirs, label)).collect();
        let look = || sockets.iter().try_fold(0, |sum, prefix| Ok::<_, std::io::Error>(sum + inside::count(prefix)?));
        let failed = |error: std::io::Error| because(&format!("cannot see who is inside `{}`", self.app), &error, None);
        let until = Instant::now() + patience;
        while look().map_err(failed)? > 0 && Instant::now() < until {
            tokio::time::sleep(LOOK).await;
        }
        if look().map_err(failed)? > 0 {
            tracing::info!(app = self.app, "requests were cut when the gate closed");
            sockets.iter().try_for_each(|prefix| inside::cut(prefix)).map_err(failed)?;
        }
        Ok(closed)
    }

    /// New requests are held from now on.
    fn shut(&self, hold: Duration) -> Result<Closed, DiskError> {
        open_dir(&self.dir)?;
        let name = format!("g.{}", std::process::id());
        let path = self.dir.join(&name);
        remove_file(&path)?;
        let listener = UnixListener::bind(&path).at("listen at", &path)?;
        // for Caddy, as its own socket is; no app may fill it
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).at("set the mode of", &path)?;
        if let Ok(caddy) = fs::metadata(&self.places.admin) {
            chown(&path, Some(caddy.uid()), Some(caddy.gid())).at("set the owner of", &path)?;
        }
        let opened = Arc::new(watch::channel(false).0);
        let waiting = Arc::new(AtomicUsize::new(0));
        let answering = tokio::spawn(answer(listener, Arc::clone(&opened), Arc::clone(&waiting), hold));
        point(&self.dir.join("gate"), &path)?;
        remove_file(&self.dir.join("open"))?;
        Ok(Closed { opened, answering, waiting })
    }

    /// Opens it, whoever closed it.
    pub(super) fn open(&self, closed: Option<&Closed>) -> Result<(), DiskError> {
        open_dir(&self.dir)?;
        Links::of(self.places, self.app).bar(false)?;
        point(&self.dir.join("gate"), &self.places.inside)?;
        let open = self.dir.join("open");
        fs::write(&open, b"").at("make", &open)?;
        if let Some(closed) = closed {
            tracing::info!(app = self.app, held = closed.held(), "the gate opens");
            closed.opened.send_replace(true);
        }
        for left in names(&self.dir)?.iter().filter(|name| name.starts_with("g.")) {
            remove_file(&self.dir.join(left))?;
        }
        Ok(())
    }
}

/// With what the paths of a release's web sockets begin.
pub(super) fn web(dirs: &Dirs, label: &str) -> PathBuf {
    systemd::directory(dirs, label).join("web.")
}

/// Answers requests of Caddy: with 204 as soon as the gate is open, with 503 when that takes too long or too many
/// are waiting.
async fn answer(listener: UnixListener, opened: Arc<watch::Sender<bool>>, waiting: Arc<AtomicUsize>, hold: Duration) {
    let mut gate = opened.subscribe();
    let mut asking = JoinSet::new(); // they end with this
    loop {
        while asking.try_join_next().is_some() {}
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            () = async {
                let _ = gate.wait_for(|open| *open).await;
                tokio::time::sleep(LATE).await;
            } => return,
        };
        let Ok((stream, _)) = stream else {
            tokio::time::sleep(LOOK).await; // out of file descriptors: some will be free again
            continue;
        };
        let (opened, waiting) = (Arc::clone(&opened), Arc::clone(&waiting));
        asking.spawn(async move {
            let service = service_fn(move |_request: Request<Incoming>| {
                let (opened, waiting) = (Arc::clone(&opened), Arc::clone(&waiting));
                async move {
                    let mut response = Response::new(String::new());
                    *response.status_mut() = wait(&opened, &waiting, hold).await;
                    Ok::<_, Infallible>(response)
                }
            });
            let _ = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service).await; // visitors go away
        });
    }
}

async fn wait(opened: &watch::Sender<bool>, waiting: &AtomicUsize, hold: Duration) -> StatusCode {
    struct Held<'a>(&'a AtomicUsize);
    impl Drop for Held<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let before = waiting.fetch_add(1, Ordering::Relaxed);
    let _held = Held(waiting);
    if before >= MOST_HELD {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let mut gate = opened.subscribe();
    let open = tokio::time::timeout(hold, gate.wait_for(|open| *open)).await.is_ok_and(|open| open.is_ok());
    if open { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE }
}
