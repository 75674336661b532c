//! Counts the requests that are inside, and lets somebody wait for the last one.

use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// A counter of requests. `streams` are connections that were upgraded (WebSocket): they have no
/// end of their own, so nobody waits for them; they are cut.
#[derive(Debug, Clone)]
pub(crate) struct Inside {
    requests: Arc<watch::Sender<usize>>,
    streams: Arc<watch::Sender<usize>>,
    cuts: Arc<watch::Sender<u64>>,
}

impl Default for Inside {
    fn default() -> Self {
        let sender = || Arc::new(watch::channel(0).0);
        Self { requests: sender(), streams: sender(), cuts: Arc::new(watch::channel(0).0) }
    }
}

/// A request that is inside, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Guard {
    counted: Arc<watch::Sender<usize>>,
    cuts: watch::Receiver<u64>,
    inside: Inside,
}

impl Inside {
    /// Counts a request in.
    pub(crate) fn enter(&self) -> Guard {
        self.requests.send_modify(|count| *count += 1);
        Guard { counted: Arc::clone(&self.requests), cuts: self.cuts.subscribe(), inside: self.clone() }
    }

    /// How many requests are inside.
    #[cfg(test)]
    pub(crate) fn requests(&self) -> usize {
        *self.requests.borrow()
    }

    /// Waits until no request is inside, at most so long; then cuts what is left. Says whether all
    /// requests ended by themselves.
    pub(crate) async fn empty(&self, timeout: Duration) -> bool {
        let mut requests = self.requests.subscribe();
        let clean = tokio::time::timeout(timeout, requests.wait_for(|&count| count == 0)).await.is_ok();
        self.cuts.send_modify(|cuts| *cuts += 1);
        let mut streams = self.streams.subscribe();
        let gone = async {
            let _ = requests.wait_for(|&count| count == 0).await;
            let _ = streams.wait_for(|&count| count == 0).await;
        };
        // a cut takes effect when its task runs next; the bound is for a runtime that is drowning
        let _ = tokio::time::timeout(Duration::from_secs(5), gone).await;
        clean
    }
}

impl Guard {
    /// The request has become a stream.
    pub(crate) fn into_stream(self) -> Self {
        let inside = self.inside.clone();
        inside.streams.send_modify(|count| *count += 1);
        Self { counted: Arc::clone(&inside.streams), cuts: self.cuts.clone(), inside }
    }

    /// Ends when the connection is to be cut.
    pub(crate) fn cut(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut cuts = self.cuts.clone();
        async move {
            if cuts.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.counted.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_for_requests_and_cuts_streams() {
        let inside = Inside::default();
        assert!(inside.empty(Duration::ZERO).await);
        let request = inside.enter();
        let stream = inside.enter().into_stream();
        assert_eq!(inside.requests(), 1);
        let cut = stream.cut();
        let task = tokio::spawn(async move {
            cut.await;
            drop(stream);
        });
        let waiting = tokio::spawn({
            let inside = inside.clone();
            async move { inside.empty(Duration::from_secs(20)).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(request);
        assert!(waiting.await.unwrap());
        task.await.unwrap();
    }

    #[tokio::test]
    async fn a_request_that_does_not_end_is_cut() {
        let inside = Inside::default();
        let request = inside.enter();
        let cut = request.cut();
        let task = tokio::spawn(async move {
            cut.await;
            drop(request);
        });
        assert!(!inside.empty(Duration::from_millis(20)).await);
        task.await.unwrap();
        assert_eq!(inside.requests(), 0);
    }
}
