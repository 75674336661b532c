//! One connection: a question, its answers.

use crate::{
    answer::{self, broken, refused, unexpected},
    dial::{Channel, Reader, Writer},
    keepalive::Keepalive,
};
use silver_agent::protocol::{self, KEEPALIVE, Request, Response};
use silver_core::{
    node::{Body, NodeError},
    progress::Listener,
};
use std::{
    io::{Seek, Write},
    sync::Arc,
};
use tempfile::SpooledTempFile;
use tokio::{
    io::{Empty, Sink},
    sync::Mutex,
};

/// What the agent says.
pub(crate) type Listen = protocol::Channel<Reader, Sink>;
/// What is said to the agent.
pub(crate) type Talk = protocol::Channel<Empty, Writer>;

/// So many bytes of a file are read at once.
const PIECE: usize = silver_agent::protocol::CHUNK;

/// What is longer than this is kept on the disk on its way.
const IN_MEMORY: usize = 4 << 20;

/// A connection to the agent of a node.
pub(crate) struct Connection {
    pub(crate) node: String,
    pub(crate) listen: Listen,
    /// Shared with the [`Keepalive`] of whoever holds a lock.
    pub(crate) talk: Arc<Mutex<Talk>>,
}

impl Connection {
    pub(crate) fn new(node: &str, channel: Channel) -> Self {
        let (listen, talk) = channel.split();
        Self { node: node.into(), listen, talk: Arc::new(Mutex::new(talk)) }
    }

    /// From now on the agent hears regularly that this client is there.
    pub(crate) fn keep_alive(&self) -> Keepalive {
        Keepalive::start(Arc::clone(&self.talk), KEEPALIVE)
    }

    /// Sends a question.
    pub(crate) async fn send(&mut self, request: &Request) -> Result<(), NodeError> {
        let sent = self.talk.lock().await.send(request).await;
        sent.map_err(|error| broken(&self.node, &error))
    }

    /// The next answer; a refusal becomes an error.
    pub(crate) async fn receive(&mut self) -> Result<Response, NodeError> {
        let received = self.listen.receive().await.map_err(|error| broken(&self.node, &error))?;
        match received {
            Some(Response::Error(refusal)) => Err(refused(refusal)),
            Some(response) => Ok(response),
            None => Err(NodeError::Broken { node: self.node.clone(), reason: "the agent ended the connection".into() }),
        }
    }

    /// A question with one answer.
    pub(crate) async fn ask(&mut self, request: &Request) -> Result<Response, NodeError> {
        self.send(request).await?;
        self.receive().await
    }

    /// A question that is answered with `Ok`.
    pub(crate) async fn order(&mut self, request: &Request) -> Result<(), NodeError> {
        self.send(request).await?;
        self.done().await
    }

    /// The answer `Ok`.
    pub(crate) async fn done(&mut self) -> Result<(), NodeError> {
        match self.receive().await? {
            Response::Ok => Ok(()),
            other => Err(self.unexpected(&other, "`Ok`")),
        }
    }

    /// Answers up to the last one; progress goes to the listener.
    pub(crate) async fn follow(&mut self, listener: &mut dyn Listener) -> Result<Response, NodeError> {
        loop {
            match self.receive().await? {
                Response::Progress(progress) => listener.progress(progress),
                last => return Ok(last),
            }
        }
    }

    /// Sends exactly `size` bytes, as they were announced; `sent` is told the bytes so far.
    pub(crate) async fn send_body(
        &mut self,
        what: &str,
        body: Body<'_>,
        size: u64,
        sent: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), NodeError> {
        let mut done = 0;
        let mut piece = vec![0; PIECE];
        while done < size {
            let wanted = usize::try_from(size - done).map_or(PIECE, |left| left.min(PIECE));
            body.read_exact(&mut piece[..wanted]).map_err(|source| NodeError::Read { what: what.into(), source })?;
            let pieces = self.talk.lock().await.send_data(&mut &piece[..wanted], wanted as u64, |_| {}).await;
            pieces.map_err(|error| broken(&self.node, &error))?;
            done += wanted as u64;
            sent(done);
        }
        Ok(())
    }

    /// As [`Connection::receive_body`], on the disk when it is long.
    pub(crate) async fn receive_spooled(&mut self, size: u64, limit: u64) -> Result<SpooledTempFile, NodeError> {
        let broken = |reason: String| NodeError::Broken { node: self.node.clone(), reason };
        if size > limit {
            return Err(broken(format!("it announces {size} bytes where at most {limit} are allowed")));
        }
        let mut body = SpooledTempFile::new(IN_MEMORY);
        let mut left = size;
        while left > 0 {
            let piece = self.listen.receive_data().await.map_err(|error| answer::broken(&self.node, &error))?;
            left = match left.checked_sub(piece.len() as u64) {
                Some(left) if !piece.is_empty() => left,
                _ => return Err(broken("it sent other data than it had announced".into())),
            };
            body.write_all(&piece).map_err(|error| broken(format!("what it sent cannot be kept: {error}")))?;
        }
        body.rewind().map_err(|error| broken(format!("what it sent cannot be kept: {error}")))?;
        Ok(body)
    }

    /// Exactly `size` bytes of data, as they were announced, at most `limit`.
    pub(crate) async fn receive_body(&mut self, size: u64, limit: u64) -> Result<Vec<u8>, NodeError> {
        if size > limit {
            let reason = format!("it announces {size} bytes where at most {limit} are allowed");
            return Err(NodeError::Broken { node: self.node.clone(), reason });
        }
        let mut body = Vec::new();
        while (body.len() as u64) < size {
            let piece = self.listen.receive_data().await.map_err(|error| broken(&self.node, &error))?;
            body.extend(piece);
        }
        if body.len() as u64 != size {
            let reason = "it sent more than it had announced".into();
            return Err(NodeError::Broken { node: self.node.clone(), reason });
        }
        Ok(body)
    }

    pub(crate) fn unexpected(&self, answer: &Response, expected: &'static str) -> NodeError {
        unexpected(&self.node, answer, expected)
    }
}
