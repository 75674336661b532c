//! One line for each request: who asked which host for what, the answer, its bytes and how long it took.

use super::{Body, BodyError, entry::Entry};
use hyper::{
    Method, Request, Response,
    body::{Body as _, Bytes, Frame, SizeHint},
};
use std::{
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

/// A request that is being answered; written when it is dropped, so an answer that broke off is
/// there too, with the bytes that left.
#[derive(Debug)]
pub(super) struct Access {
    entry: Arc<Entry>,
    visitor: IpAddr,
    host: String,
    method: Method,
    path: String,
    started: Instant,
    status: u16,
    bytes: u64,
    whole: bool,
}

impl Access {
    /// What was asked. The query is left out: it may hold what is nobody's business.
    pub(super) fn new<B>(entry: &Arc<Entry>, visitor: IpAddr, host: &str, request: &Request<B>) -> Self {
        let query = if request.uri().query().is_some() { "?" } else { "" };
        Self {
            entry: Arc::clone(entry),
            visitor,
            host: host.to_owned(),
            method: request.method().clone(),
            path: format!("{}{query}", request.uri().path()),
            started: Instant::now(),
            status: 0,
            bytes: 0,
            whole: false,
        }
    }

    /// Follows the answer to its end.
    pub(super) fn follow(mut self, response: Response<Body>) -> Response<Body> {
        self.status = response.status().as_u16();
        self.whole = response.body().is_end_stream();
        response.map(|body| Body::new(Followed { body, access: self }))
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        let Self { visitor, host, method, path, status, bytes, .. } = &self;
        let milliseconds = self.started.elapsed().as_millis();
        let end = if self.whole { "" } else { " broken off" };
        self.entry.access_log.line(&format!("{host} {visitor} {method} {path} {status} {bytes} {milliseconds}ms{end}"));
    }
}

struct Followed {
    body: Body,
    access: Access,
}

impl hyper::body::Body for Followed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.access.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                self.access.whole = self.body.is_end_stream();
            }
            Poll::Ready(None) => self.access.whole = true,
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
