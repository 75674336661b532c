//! One connection: requests one after the other, each answered with everything that belongs to it.

mod program;
mod setup;
mod transfer;

use super::{
    log_error,
    refuse::{Refuse, refused},
};
use crate::{
    agent::{Agent, TrustError},
    apps::Placed,
    barrier,
    feed::{Feed, Seen},
    lock::{Lock, LockError},
    names,
    protocol::{Channel, ErrorCode, Hello, ProtocolError, Refusal, Request, Response, accept},
    secrets,
    stage::{self, AssembleError, Brought, Order, Parts, StageError},
    state,
};
use silver_pack::listing::Listing;
use silver_plugin_api::plan::{Finished, LogQuery, Outcome, Release, Transition, TrustRequest};
use std::{collections::BTreeMap, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncWrite, Empty, Sink},
    sync::{mpsc, watch},
};
use transfer::blocking;

type Reader = Channel<Box<dyn AsyncRead + Send + Sync + Unpin>, Sink>;
type Writer = Channel<Empty, Box<dyn AsyncWrite + Send + Sync + Unpin>>;

/// Serves one connection to its end, over whatever pair of streams it came.
pub(super) async fn serve<R, W>(agent: Arc<Agent>, reader: R, writer: W)
where
    R: AsyncRead + Send + Sync + Unpin + 'static,
    W: AsyncWrite + Send + Sync + Unpin + 'static,
{
    let (reader, writer): (Box<dyn AsyncRead + Send + Sync + Unpin>, Box<dyn AsyncWrite + Send + Sync + Unpin>) =
        (Box::new(reader), Box::new(writer));
    let shaken = accept(reader, writer, &Hello::new("the agent")).await;
    let (channel, hello) = match shaken {
        Ok(shaken) => shaken,
        Err(error) => return log_error("a client could not be understood", &error),
    };
    let (reader, writer) = channel.split();
    let mut connection = Connection { agent, who: hello.who, locks: BTreeMap::new(), brought: None, reader, writer };
    if let Err(error) = Box::pin(connection.run()).await {
        tracing::debug!("a connection ended: {error}");
    }
}

struct Connection {
    agent: Arc<Agent>,
    who: String,
    locks: BTreeMap<String, Lock>,
    /// What came with the last pack, for the release that is laid out next.
    brought: Option<Arc<Brought>>,
    reader: Reader,
    writer: Writer,
}

/// What is made ready before a transition.
enum Preparation {
    /// A release.
    Release(Order),
    /// What a build step makes of it.
    Parts { parts: Parts, run: bool },
}

/// Why a request was not answered with a `Response` of its own.
enum Stop {
    /// The client is told.
    Refused(Refusal),
    /// The connection is of no use any more.
    Broken(ProtocolError),
}

impl From<ProtocolError> for Stop {
    fn from(error: ProtocolError) -> Self {
        Self::Broken(error)
    }
}

impl<E: Refuse> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Refused(error.refusal())
    }
}

impl Connection {
    async fn run(&mut self) -> Result<(), ProtocolError> {
        while let Some(request) = self.reader.receive::<Request>().await? {
            let ends = matches!(request, Request::Run(_) | Request::Logs(LogQuery { follow: true, .. }));
            match Box::pin(self.answer(request)).await {
                Ok(Some(response)) => self.writer.send(&response).await?,
                Ok(None) => {}
                Err(Stop::Refused(refusal)) => self.writer.send(&Response::Error(refusal)).await?,
                Err(Stop::Broken(error)) => return Err(error),
            }
            if ends {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The last response; `None` when it has been sent, with data after it.
    async fn answer(&mut self, request: Request) -> Result<Option<Response>, Stop> {
        let agent = Arc::clone(&self.agent);
        Ok(Some(match request {
            Request::Facts => Response::Facts(Box::new(agent.facts().await?)),
            Request::Status => Response::Status(agent.status()),
            Request::Apps => {
                agent.recovered().await;
                Response::Apps(agent.status_of_apps().await?)
            }
            Request::Recorded => {
                agent.recovered().await;
                Response::Apps(agent.recorded_apps()?)
            }
            Request::Observe { app } => {
                names::app(&app)?;
                agent.recovered().await;
                Response::Observed(Box::new(agent.observe(&app).await?))
            }
            Request::Lock { app } => self.lock(app).await?,
            Request::Missing { archive, blobs } => {
                let store = Arc::clone(&agent.store);
                Response::Missing(blocking(move || Ok(store.missing(archive.as_ref(), &blobs))).await?)
            }
            Request::Renewed { app, secrets } => {
                names::app(&app)?;
                Response::Renewed(secrets::renewed(agent.dirs(), &app, &secrets)?)
            }
            Request::PutArchive { digest, size, from } => self.take_archive(digest, size, from).await?,
            Request::PutBlobs { blobs } => self.take_blobs(blobs).await?,
            Request::PutTree { digest, size } => self.take_tree(digest, size).await?,
            Request::Tree { digest } => {
                self.tree(digest).await?;
                return Ok(None);
            }
            Request::Files { app } => {
                self.files(&app).await?;
                return Ok(None);
            }
            Request::Contents { app, label, paths } => {
                self.contents(&app, &label, paths).await?;
                return Ok(None);
            }
            Request::LogHead { since } => Response::LogHead(blocking(move || agent.store.head(since)).await?),
            Request::Events { first } => {
                self.events(first).await?;
                return Ok(None);
            }
            Request::Stored { archives, digests } => {
                self.stored(archives, digests).await?;
                return Ok(None);
            }
            Request::Stage { label, release, secrets } => self.stage(label, Arc::new(*release), secrets).await?,
            Request::Assemble { release, locations, step, files, run } => {
                let files = Listing::parse(&files)
                    .map_err(|error| AssembleError::Request(error.to_string()))
                    .map_err(StageError::from)?;
                let parts = Parts { release: Arc::new(*release), locations, step, files, port: agent.options.port };
                self.assemble(parts, run).await?
            }
            Request::Submit { transition } => Box::pin(self.submit(*transition)).await?,
            Request::Go { app, id, on } => {
                names::app(&app)?;
                names::transition_id(&id)?;
                barrier::say(agent.dirs(), &id, on)?;
                Response::Ok
            }
            Request::Watch { app } => self.watch(&app).await?,
            Request::Logs(query) => self.logs(&query).await?,
            Request::Run(request) => self.program(request).await?,
            Request::Environment { app, phase } => {
                let placed = self.placed(&app).await?;
                Response::Environment(agent.apps.environment(&placed, &phase).await?)
            }
            Request::Trust(request) => self.trust(&request).await?,
            Request::Drift { app, thorough } => self.drift(app, thorough).await?,
            Request::ObserveResources { plan } => self.resources(plan).await?,
            Request::ApplyResources(order) => self.set_up(*order).await?,
            Request::ConfirmResources { id } => self.confirm(&id)?,
            Request::Shutdown => {
                agent.ending.send_replace(true);
                Response::Ok
            }
        }))
    }

    async fn lock(&mut self, app: String) -> Result<Response, Stop> {
        names::app(&app)?;
        if self.locks.contains_key(&app) {
            return Ok(Response::Ok);
        }
        match self.agent.lock(&app, &self.who).await {
            Ok(lock) => {
                self.locks.insert(app, lock);
                self.reader.set_patience(Some(self.agent.options.patience)); // who holds a lock has to be there
                Ok(Response::Ok)
            }
            Err(LockError::Busy(by)) => Ok(Response::Busy { by }),
            Err(error) => Err(error.into()),
        }
    }

    async fn trust(&self, request: &TrustRequest) -> Result<Response, Stop> {
        match self.agent.trust(request, &self.who).await {
            Ok(event) => Ok(Response::Recorded { event }),
            Err(TrustError::Lock(LockError::Busy(by))) => Ok(Response::Busy { by }),
            Err(error) => Err(error.into()),
        }
    }

    fn locked(&self, app: &str) -> Result<Lock, Stop> {
        self.locks
            .get(app)
            .cloned()
            .ok_or_else(|| Stop::Refused(refused(ErrorCode::Refused, format!("`{app}` is not locked by this connection"), None)))
    }

    async fn stage(&mut self, label: String, release: Arc<Release>, secrets: Vec<(String, String)>) -> Result<Response, Stop> {
        let lock = self.locked(&release.app)?;
        let order = Order { app: release.app.clone(), label, release, secrets };
        self.prepare(Preparation::Release(order), Some(lock)).await?;
        Ok(Response::Ok)
    }

    /// To look at what was made before needs no lock.
    async fn assemble(&mut self, parts: Parts, run: bool) -> Result<Response, Stop> {
        let lock = if run { Some(self.locked(&parts.release.app)?) } else { None };
        let made = self.prepare(Preparation::Parts { parts, run }, lock).await?;
        Ok(Response::Assembled { files: made.map(|made| made.to_lines()) })
    }

    /// Staging is given up when the client goes; the lock is kept until it has really ended.
    async fn prepare(&mut self, what: Preparation, lock: Option<Lock>) -> Result<Option<Listing>, Stop> {
        let (feed, (given_up, cancel)) = (Arc::new(Feed::default()), watch::channel(false));
        let (agent, told) = (Arc::clone(&self.agent), Arc::clone(&feed));
        let brought = if matches!(what, Preparation::Release(_)) { self.brought.take() } else { None };
        let mut staging = tokio::spawn(async move {
            let means = stage::Means {
                dirs: agent.dirs(),
                store: &agent.store,
                apps: &*agent.apps,
                path: &agent.options.path,
                brought,
                feed: &told,
                cancel,
            };
            let done = match what {
                Preparation::Release(order) => stage::stage(means, &order).await.map(|()| None),
                Preparation::Parts { parts, run } => stage::assemble(means, &parts, run).await,
            };
            drop(lock);
            done
        });
        let mut watcher = feed.watch();
        let mut gone = std::pin::pin!(self.reader.frame());
        let done = loop {
            tokio::select! {
                biased;
                seen = watcher.next() => if let Seen::Progress(progress) = seen
                    && let Err(error) = self.writer.send(&Response::Progress(progress)).await
                {
                    given_up.send_replace(true);
                    let _ = staging.await; // as below
                    return Err(error.into());
                },
                done = &mut staging => break done,
                _ = &mut gone => {
                    given_up.send_replace(true);
                    let _ = staging.await; // nobody is there to hear of it
                    return Err(ProtocolError::Ended.into());
                }
            }
        };
        match done {
            Ok(done) => Ok(done?),
            Err(_) => Err(StageError::GivenUp.into()),
        }
    }

    async fn submit(&mut self, transition: Transition) -> Result<Response, Stop> {
        let lock = self.locked(&transition.app)?;
        let app = transition.app.clone();
        let feed = self.agent.submit(&app, transition, lock).await?;
        if self.agent.options.launch.is_some() {
            self.locks.remove(&app); // whoever carries it has the lock now
        }
        Ok(Response::Outcome(Box::new(self.follow(&feed).await?)))
    }

    async fn watch(&mut self, app: &str) -> Result<Response, Stop> {
        names::app(app)?;
        let mut under_way = self.agent.under_way(app);
        if under_way.is_none() {
            self.agent.recovered().await; // it may be about to go on with one
            under_way = self.agent.under_way(app);
        }
        match under_way {
            Some((id, feed)) => {
                let outcome = self.follow(&feed).await?;
                Ok(Response::Ended(Box::new(Finished { id, outcome })))
            }
            None => Ok(Response::Idle { last: self.agent.last_of(app).map(Box::new) }),
        }
    }

    /// Passes on what happens, to the end. A client that is gone is no reason to stop anything.
    async fn follow(&mut self, feed: &Feed) -> Result<Outcome, Stop> {
        let mut watcher = feed.watch();
        let mut gone = std::pin::pin!(self.reader.frame());
        loop {
            let seen = tokio::select! {
                biased;
                seen = watcher.next() => seen,
                _ = &mut gone => return Err(ProtocolError::Ended.into()),
            };
            match seen {
                Seen::Progress(progress) => self.writer.send(&Response::Progress(progress)).await?,
                Seen::Outcome(outcome) => return Ok(*outcome),
            }
        }
    }

    async fn logs(&mut self, query: &LogQuery) -> Result<Response, Stop> {
        self.placed(&query.app).await?;
        let (sender, mut received) = mpsc::channel(256);
        let agent = Arc::clone(&self.agent);
        let mut reading = std::pin::pin!(agent.apps.logs(query, sender));
        let mut gone = std::pin::pin!(self.reader.frame());
        let mut done = None;
        loop {
            tokio::select! {
                biased;
                line = received.recv() => match line {
                    Some(line) => self.writer.send(&Response::Line(line)).await?,
                    None if done.is_some() => break,
                    None => done = Some(reading.as_mut().await),
                },
                ended = &mut reading, if done.is_none() => done = Some(ended),
                _ = &mut gone => return Err(ProtocolError::Ended.into()),
            }
        }
        done.unwrap_or(Ok(()))?;
        Ok(Response::Ok)
    }

    /// The current release of an app.
    async fn placed(&self, app: &str) -> Result<Placed, Stop> {
        names::app(app)?;
        self.agent.recovered().await;
        let current = self.agent.current(&state::load(self.agent.dirs(), app)?)?;
        let absent = || {
            Stop::Refused(refused(
                ErrorCode::NotFound,
                format!("there is no app `{app}`"),
                Some("`silver status` lists the apps"),
            ))
        };
        current.ok_or_else(absent)
    }
}
