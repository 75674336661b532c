//! One connection: requests one after the other, each answered with everything that belongs to it.

use super::{
    log_error,
    refuse::{Refuse, refused},
};
use crate::{
    agent::Agent,
    apps::{Placed, RunInput, RunOutput, RunSpec},
    feed::{Feed, Seen},
    lock::{Lock, LockError},
    names,
    protocol::{Channel, ErrorCode, Frame, Hello, ProtocolError, Refusal, Request, Response, RunControl, accept},
    stage::{self, Order, StageError},
    state,
    store::{Arriving, Store, StoreError},
};
use silver_pack::{hash, listing::Listing};
use silver_plugin_api::{Digest, plan::Transition};
use silver_registry::{RegistryError, statement::Session};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    io::{self, Read},
    sync::Arc,
};
use tokio::{
    io::{Empty, Sink},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
};

/// The longest tree that is taken: a million paths of ordinary length.
const MAX_TREE: u64 = 256 << 20;

type Reader = Channel<OwnedReadHalf, Sink>;
type Writer = Channel<Empty, OwnedWriteHalf>;

/// Serves one connection to its end.
pub(super) async fn serve(agent: Arc<Agent>, stream: UnixStream) {
    let (reader, writer) = stream.into_split();
    let shaken = accept(reader, writer, &Hello::new("the agent")).await;
    let (channel, hello) = match shaken {
        Ok(shaken) => shaken,
        Err(error) => return log_error("a client could not be understood", &error),
    };
    let (reader, writer) = channel.split();
    let mut connection = Connection { agent, who: hello.who, locks: BTreeMap::new(), reader, writer };
    if let Err(error) = Box::pin(connection.run()).await {
        tracing::debug!("a connection ended: {error}");
    }
}

struct Connection {
    agent: Arc<Agent>,
    who: String,
    locks: BTreeMap<String, Lock>,
    reader: Reader,
    writer: Writer,
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
            let ends = matches!(request, Request::Run { .. } | Request::Logs { follow: true, .. });
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
            Request::Ping => Response::Ok,
            Request::Apps => {
                agent.recovered().await;
                Response::Apps(agent.status_of_apps()?)
            }
            Request::Observe { app } => {
                names::app(&app)?;
                agent.recovered().await;
                Response::Observed(Box::new(agent.observe(&app).await?))
            }
            Request::Lock { app } => self.lock(app).await?,
            Request::Missing { archive, blobs } => {
                let store = Arc::clone(&agent.store);
                let (archive, blobs) = blocking(move || Ok(store.missing(archive.as_ref(), &blobs))).await?;
                Response::Missing { archive, blobs }
            }
            Request::PutArchive { digest, size } => self.take(size, move |store, from| store.put_archive(from, &digest)).await?,
            Request::PutBlob { digest, size } => self.take(size, move |store, from| store.put_blob(from, &digest)).await?,
            Request::PutTree { digest, size } => self.take_tree(digest, size).await?,
            Request::Tree { digest } => {
                self.tree(digest).await?;
                return Ok(None);
            }
            Request::Stage { label, release, secrets } => self.stage(label, Arc::new(*release), secrets).await?,
            Request::Submit { transition } => Box::pin(self.submit(*transition)).await?,
            Request::Watch { app } => self.watch(&app).await?,
            Request::Logs { app, process, lines, follow } => self.logs(&app, process.as_deref(), lines, follow).await?,
            Request::Run { app, spec, operator, reason } => self.program(&app, spec, operator, reason).await?,
            Request::Environment { app, phase } => {
                let placed = self.placed(&app).await?;
                Response::Environment(agent.apps.environment(&placed, &phase).await?)
            }
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
                Ok(Response::Ok)
            }
            Err(LockError::Busy(by)) => Ok(Response::Busy { by }),
            Err(error) => Err(error.into()),
        }
    }

    fn locked(&self, app: &str) -> Result<Lock, Stop> {
        self.locks
            .get(app)
            .cloned()
            .ok_or_else(|| Stop::Refused(refused(ErrorCode::Refused, format!("`{app}` is not locked by this connection"), None)))
    }

    /// Takes data that was announced and hands it to `put`. All of it is read also when it is not
    /// wanted, so that the connection can be used further.
    async fn take(
        &mut self,
        size: u64,
        put: impl FnOnce(&Store, &mut dyn Read) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<Response, Stop> {
        let (sender, mut arriving) = Arriving::new(size);
        let store = Arc::clone(&self.agent.store);
        let putting = tokio::task::spawn_blocking(move || put(&store, &mut arriving));
        let mut left = size;
        while left > 0 {
            let chunk = self.reader.receive_data().await?;
            left = match left.checked_sub(chunk.len() as u64) {
                Some(left) if !chunk.is_empty() => left,
                _ => return Err(ProtocolError::Unexpected("other data came than was announced").into()),
            };
            let _ = sender.send(chunk).await; // it may know enough already: then nobody receives
        }
        drop(sender);
        ended(putting.await)??;
        Ok(Response::Ok)
    }

    async fn take_tree(&mut self, digest: Digest, size: u64) -> Result<Response, Stop> {
        if size > MAX_TREE {
            return Err(Stop::Refused(refused(ErrorCode::Refused, format!("a tree of {size} bytes is over the limit"), None)));
        }
        let put = move |store: &Store, from: &mut dyn Read| {
            let wrong = |why: String| StoreError(RegistryError::Unusable { what: format!("the tree {digest}"), why });
            let mut text = String::new();
            from.read_to_string(&mut text).map_err(|error| wrong(error.to_string()))?;
            let found = hash::sha256(text.as_bytes());
            if found != digest {
                return Err(StoreError(RegistryError::Digest { what: "a tree".into(), expected: digest, found }));
            }
            let listing = Listing::parse(&text).map_err(|error| wrong(error.to_string()))?;
            store.put_tree(&listing).map(|_| ())
        };
        self.take(size, put).await
    }

    async fn tree(&mut self, digest: Digest) -> Result<(), Stop> {
        let store = Arc::clone(&self.agent.store);
        let lines = blocking(move || Ok(store.registry().tree(&digest)?.to_lines())).await.map_err(|error| {
            let code = if matches!(error.0, RegistryError::NoTree(_)) { ErrorCode::NotFound } else { error.code() };
            Stop::Refused(Refusal { code, ..error.refusal() })
        })?;
        let size = lines.len() as u64;
        self.writer.send(&Response::Tree { size }).await?;
        Ok(self.writer.send_data(&mut lines.as_bytes(), size, |_| {}).await?)
    }

    /// Staging is given up when the client goes; the lock is kept until it has really ended.
    async fn stage(
        &mut self,
        label: String,
        release: Arc<silver_plugin_api::plan::Release>,
        secrets: Vec<(String, String)>,
    ) -> Result<Response, Stop> {
        let lock = self.locked(&release.app)?;
        let order = Order { app: release.app.clone(), label, release, secrets };
        let (feed, (given_up, cancel)) = (Arc::new(Feed::default()), watch::channel(false));
        let (agent, told) = (Arc::clone(&self.agent), Arc::clone(&feed));
        let mut staging = tokio::spawn(async move {
            let means = stage::Means {
                dirs: agent.dirs(),
                store: &agent.store,
                apps: &*agent.apps,
                path: &agent.options.path,
                feed: &told,
                cancel,
            };
            let done = stage::stage(means, &order).await;
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
                    return Err(error.into());
                },
                done = &mut staging => break done,
                _ = &mut gone => {
                    given_up.send_replace(true);
                    return Err(ProtocolError::Ended.into());
                }
            }
        };
        match done {
            Ok(done) => done?,
            Err(_) => return Err(StageError::GivenUp.into()),
        }
        Ok(Response::Ok)
    }

    async fn submit(&mut self, transition: Transition) -> Result<Response, Stop> {
        let lock = self.locked(&transition.app)?;
        let app = transition.app.clone();
        let feed = self.agent.submit(&app, transition, lock).await?;
        self.follow(&feed).await
    }

    async fn watch(&mut self, app: &str) -> Result<Response, Stop> {
        names::app(app)?;
        if self.agent.feed_of(app).is_none() {
            self.agent.recovered().await; // it may be about to go on with one
        }
        match self.agent.feed_of(app) {
            Some(feed) => self.follow(&feed).await,
            None => Ok(Response::Idle { last: self.agent.last_of(app).map(Box::new) }),
        }
    }

    /// Passes on what happens, to the end. A client that is gone is no reason to stop anything.
    async fn follow(&mut self, feed: &Feed) -> Result<Response, Stop> {
        let mut watcher = feed.watch();
        loop {
            match watcher.next().await {
                Seen::Progress(progress) => self.writer.send(&Response::Progress(progress)).await?,
                Seen::Outcome(outcome) => return Ok(Response::Outcome(outcome)),
            }
        }
    }

    async fn logs(&mut self, app: &str, process: Option<&str>, lines: u32, follow: bool) -> Result<Response, Stop> {
        self.placed(app).await?;
        let (sender, mut received) = mpsc::channel(256);
        let agent = Arc::clone(&self.agent);
        let mut reading = std::pin::pin!(agent.apps.logs(app, process, lines, follow, sender));
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

    /// Runs a program of the client's; it ends when the client goes.
    async fn program(&mut self, app: &str, spec: RunSpec, operator: String, reason: Option<String>) -> Result<Response, Stop> {
        let placed = self.placed(app).await?;
        let began = jiff::Timestamp::now().as_millisecond();
        let (input, inputs) = mpsc::channel(16);
        let (output, mut outputs) = mpsc::channel::<RunOutput>(16);
        self.writer.send(&Response::Ok).await?;
        let agent = Arc::clone(&self.agent);
        let Self { reader, writer, .. } = &mut *self;
        // Each direction is a future of its own: a frame that was half read must not be dropped, and
        // whoever waits for the program to take its input must not keep its output waiting.
        let taking = async {
            while let Some(frame) = reader.frame().await? {
                if let Some(said) = run_input(frame)? {
                    let _ = input.send(said).await; // the program may have just ended
                }
            }
            Err::<Infallible, _>(ProtocolError::Ended)
        };
        let giving = async {
            while let Some(said) = outputs.recv().await {
                match said {
                    RunOutput::Out(bytes) => send_chunks(writer, bytes, Frame::Data).await?,
                    RunOutput::Err(bytes) => send_chunks(writer, bytes, Frame::Error).await?,
                }
            }
            Ok::<(), ProtocolError>(())
        };
        let work = async { tokio::join!(agent.apps.run(&placed, &spec, inputs, output), giving) };
        let (ended, gone) = tokio::select! {
            (code, given) = work => (Some(code), given.err()),
            Err(gone) = taking => (None, Some(gone)), // the program is killed: nobody is there any more
        };
        let code = ended.as_ref().and_then(|ended| ended.as_ref().ok().copied());
        self.record(&placed, &spec, &operator, reason.as_deref(), code, began).await;
        match (ended, gone) {
            (_, Some(gone)) => Err(gone.into()),
            (Some(ended), None) => Ok(Response::Exit { code: ended? }),
            (None, None) => Err(ProtocolError::Ended.into()),
        }
    }

    async fn record(&self, placed: &Placed, spec: &RunSpec, operator: &str, reason: Option<&str>, exit: Option<i32>, began: i64) {
        let session = Session {
            release: Some(placed.label.clone()),
            tree: Some(placed.release.tree),
            argv: spec.argv.clone(),
            exit,
            tty: spec.tty.is_some(),
        };
        if let Err(error) = self.agent.recorder.session(placed.app(), operator, reason, session, began).await {
            log_error("a session could not be recorded", &error);
        }
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

async fn send_chunks(writer: &mut Writer, bytes: Vec<u8>, frame: fn(Vec<u8>) -> Frame) -> Result<(), ProtocolError> {
    for chunk in bytes.chunks(crate::protocol::CHUNK) {
        writer.send_frame(&frame(chunk.to_vec())).await?;
    }
    Ok(())
}

fn run_input(frame: Frame) -> Result<Option<RunInput>, ProtocolError> {
    Ok(match frame {
        Frame::Data(bytes) => Some(RunInput::Data(bytes)),
        Frame::Message(body) => Some(match serde_json::from_slice::<RunControl>(&body)? {
            RunControl::End => RunInput::End,
            RunControl::Size(columns, rows) => RunInput::Size(columns, rows),
            RunControl::Signal(name) => RunInput::Signal(name),
        }),
        Frame::Error(_) => return Err(ProtocolError::Unexpected("error data came from a client")),
    })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, StoreError> + Send + 'static) -> Result<T, StoreError> {
    ended(tokio::task::spawn_blocking(work).await)?
}

/// A task that panicked is an error of the one request.
fn ended<T>(joined: Result<T, tokio::task::JoinError>) -> Result<T, StoreError> {
    joined.map_err(|error| {
        let source = io::Error::other(error);
        StoreError(RegistryError::Io { doing: "work on", path: "the registry".into(), source })
    })
}
