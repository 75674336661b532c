//! An app at the front: its gate and the release that is current.

use super::{
    Body, BodyError,
    backend::Backend,
    forward::Task,
    inside::{Guard, Inside},
};
use crate::logs::LogFile;
use hyper::{
    Response,
    body::{Body as _, Bytes, Frame, SizeHint},
};
use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::watch;

/// While an agent begins, requests are held for so long.
const STARTING: Duration = Duration::from_secs(15);
/// So many requests wait at a closed gate; further ones are told to come back.
const MOST_HELD: usize = 1_000;

/// An app.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) app: String,
    pub(crate) access_log: LogFile,
    state: Mutex<State>,
    /// Tells those who wait that something has changed.
    changed: Changes,
    /// All requests inside, whichever release answers them.
    inside: Inside,
    held: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    current: Option<Arc<Backend>>,
    /// The agent has just begun: a release will be current soon.
    expected: bool,
    disabled: bool,
    /// For how long a request is held, while the gate is closed.
    closed: Option<Duration>,
}

#[derive(Debug)]
struct Changes(watch::Sender<u64>);

impl Default for Changes {
    fn default() -> Self {
        Self(watch::channel(0).0)
    }
}

/// A request that came in.
#[derive(Debug)]
pub(crate) struct Entered {
    pub(crate) backend: Arc<Backend>,
    /// Counted for the app and for the release.
    pub(crate) guards: [Guard; 2],
}

impl Entered {
    /// Ends when the connection is to be cut.
    pub(crate) fn cut(&self) -> impl Future<Output = ()> + Send + use<> {
        let [app, release] = self.guards.each_ref().map(Guard::cut);
        async move {
            tokio::select! {
                () = app => {}
                () = release => {}
            }
        }
    }

    /// The request is inside until the last byte of its answer has left.
    pub(crate) fn keep(self, response: Response<Body>) -> Response<Body> {
        self.keep_with(response, None)
    }

    /// The same for an answer that comes from an app.
    pub(super) fn keep_with(self, response: Response<Body>, task: Option<Task>) -> Response<Body> {
        let cut = Box::pin(self.cut());
        response.map(|body| Body::new(Kept { ended: body.is_end_stream(), body, cut, _inside: self, task }))
    }

    /// The request has become a stream.
    pub(crate) fn into_stream(self) -> Self {
        Self { backend: self.backend, guards: self.guards.map(Guard::into_stream) }
    }
}

/// A body whose request is inside.
struct Kept {
    body: Body,
    cut: Pin<Box<dyn Future<Output = ()> + Send>>,
    _inside: Entered,
    task: Option<Task>,
    ended: bool,
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(task) = self.task.take().filter(|_| self.ended) {
            task.finish();
        }
    }
}

impl hyper::body::Body for Kept {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.cut.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err("the release was stopped".into())));
        }
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.ended = matches!(polled, Poll::Ready(None)) || self.body.is_end_stream();
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Why a request did not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The operator has disabled the app.
    Disabled,
    /// The gate stayed closed.
    Closed,
    /// There is no release.
    Nothing,
}

/// Takes one from the number of held requests, also when the visitor goes away.
struct Held<'a>(&'a AtomicUsize);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Entry {
    pub(crate) fn new(app: String, access_log: LogFile) -> Self {
        let (changed, held) = (Changes::default(), AtomicUsize::default());
        Self { app, access_log, state: Mutex::default(), changed, inside: Inside::default(), held }
    }

    /// Comes in, or waits at the gate until it opens or the time is over.
    pub(crate) async fn enter(&self) -> Result<Entered, Refused> {
        let mut changes = self.changed.0.subscribe();
        let hold = match self.try_enter() {
            Ok(entered) => return entered,
            Err(hold) => hold,
        };
        if self.held.fetch_add(1, Ordering::Relaxed) >= MOST_HELD {
            self.held.fetch_sub(1, Ordering::Relaxed);
            return Err(Refused::Closed);
        }
        let _held = Held(&self.held);
        let wait = async {
            loop {
                // a change between subscribing and looking is seen by `changed` at once
                let _ = changes.changed().await;
                if let Ok(entered) = self.try_enter() {
                    return entered;
                }
            }
        };
        tokio::time::timeout(hold, wait).await.unwrap_or(Err(Refused::Closed))
    }

    /// `Err`: the gate is closed, wait so long.
    fn try_enter(&self) -> Result<Result<Entered, Refused>, Duration> {
        let state = self.lock();
        if state.disabled {
            return Ok(Err(Refused::Disabled));
        }
        match state.closed {
            Some(hold) => Err(hold),
            None if state.expected && state.current.is_none() => Err(STARTING),
            // counted while the state is locked: whoever closes the gate after this sees it
            None => Ok(self.come_in(&state)),
        }
    }

    fn come_in(&self, state: &State) -> Result<Entered, Refused> {
        let backend = state.current.clone().ok_or(Refused::Nothing)?;
        let guards = [self.inside.enter(), backend.inside.enter()];
        Ok(Entered { backend, guards })
    }

    /// Counts a request of the agent's own in, if a visitor's would come in now.
    pub(crate) fn pass(&self) -> Option<Guard> {
        let state = self.lock();
        (state.closed.is_none() && !state.disabled).then(|| self.inside.enter())
    }

    /// Makes a release current.
    pub(crate) fn set(&self, current: Option<Arc<Backend>>, disabled: bool) {
        let mut state = self.lock();
        state.current = current;
        state.expected = false;
        state.disabled = disabled;
        drop(state);
        self.notify();
    }

    /// Requests are held for a while: who answers them will be told soon.
    pub(super) fn expect(&self) {
        self.lock().expected = true;
    }

    /// The release that is current.
    pub(crate) fn current(&self) -> Option<Arc<Backend>> {
        self.lock().current.clone()
    }

    /// Closes the gate; ends when all who were inside are out. Those who are not out after
    /// `patience` are cut: what they were not told is not acknowledged.
    pub(crate) async fn close(&self, hold: Duration, patience: Duration) {
        self.lock().closed = Some(hold);
        self.inside.empty(patience).await;
    }

    /// Opens the gate.
    pub(crate) fn open(&self) {
        self.lock().closed = None;
        self.notify();
    }

    /// How many wait at the gate.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn notify(&self) {
        self.changed.0.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
