//! A node behind an agent, reached by whatever can be dialled.

use crate::{
    connection::Connection,
    dial::Dial,
    run,
    session::{RemoteSession, assemble},
    setup,
};
use async_trait::async_trait;
use silver_agent::protocol::{Request, Response};
use silver_core::{
    node::{Node, NodeError, Parts, Session, Stored, Watched},
    progress::{Listener, Silent},
};
use silver_plugin_api::{
    Digest, TreePath,
    plan::{
        AgentStatus, AppReport, EnvironmentEntry, LaidOut, LogHead, LogLine, LogQuery, MAX_CONTENT, Missing, NodeFacts, Observed,
        ReleaseDrift, RunInput, RunOutput, RunRequest, TrustRequest,
    },
    setup::{Applied, Plan, SetupOrder, SetupState},
};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::mpsc;

/// The most bytes of a tree's lines that are taken from a node: some 500,000 files.
const MAX_TREE: u64 = 64 << 20;
/// The longest event that is taken.
const MAX_EVENT: u64 = 16 << 20;
/// The most that is taken in one answer with events, which is kept in memory; an agent sends 256 of some KiB.
const MAX_EVENTS: u64 = 1 << 30;
/// The longest pack or content that is taken.
const MAX_STORED: u64 = 16 << 30;

/// A node that is reached over connections to its agent. Each question has a connection of its own,
/// so that they can be asked at the same time.
#[derive(Clone)]
pub struct RemoteNode {
    dial: Arc<dyn Dial>,
}

impl RemoteNode {
    /// The node that `dial` leads to.
    pub fn new(dial: impl Dial + 'static) -> Self {
        Self { dial: Arc::new(dial) }
    }

    /// Has the node's agent start, if that takes a moment: the first question finds it there.
    pub async fn begin(&self) {
        self.dial.begin().await;
    }

    async fn connect(&self) -> Result<Connection, NodeError> {
        Ok(Connection::new(self.dial.node(), self.dial.dial().await?))
    }

    async fn ask(&self, request: &Request) -> Result<(Connection, Response), NodeError> {
        let mut connection = self.connect().await?;
        let answer = connection.ask(request).await?;
        Ok((connection, answer))
    }
}

/// Asks and takes the one answer that fits.
macro_rules! ask {
    ($node:ident, $request:expr, $expected:literal, $pattern:pat => $value:expr) => {
        match $node.ask(&$request).await? {
            (_, $pattern) => Ok($value),
            (connection, other) => Err(connection.unexpected(&other, $expected)),
        }
    };
}

#[async_trait]
impl Node for RemoteNode {
    fn name(&self) -> &str {
        self.dial.node()
    }

    async fn facts(&self) -> Result<NodeFacts, NodeError> {
        // a node has the name by which it is reached, whatever it calls itself
        ask!(self, Request::Facts, "`Facts`", Response::Facts(facts) => NodeFacts { name: self.name().into(), ..*facts })
    }

    async fn apps(&self) -> Result<Vec<AppReport>, NodeError> {
        ask!(self, Request::Apps, "`Apps`", Response::Apps(apps) => apps)
    }

    async fn recorded(&self) -> Result<Vec<AppReport>, NodeError> {
        ask!(self, Request::Recorded, "`Apps`", Response::Apps(apps) => apps)
    }

    async fn observe(&self, app: &str) -> Result<Observed, NodeError> {
        ask!(self, Request::Observe { app: app.into() }, "`Observed`", Response::Observed(observed) => *observed)
    }

    async fn tree(&self, digest: &Digest) -> Result<String, NodeError> {
        let (mut connection, answer) = self.ask(&Request::Tree { digest: *digest }).await?;
        let Response::Tree { size } = answer else { return Err(connection.unexpected(&answer, "`Tree`")) };
        let lines = connection.receive_body(size, MAX_TREE).await?;
        String::from_utf8(lines).map_err(|_| NodeError::Integrity(format!("the lines of tree {digest} are not text")))
    }

    async fn files(&self, app: &str) -> Result<LaidOut, NodeError> {
        let (mut connection, answer) = self.ask(&Request::Files { app: app.into() }).await?;
        let Response::Files { label, size, odd } = answer else { return Err(connection.unexpected(&answer, "`Files`")) };
        let lines = connection.receive_body(size, MAX_TREE).await?;
        let lines =
            String::from_utf8(lines).map_err(|_| NodeError::Integrity(format!("the list of the files of {app} is not text")))?;
        Ok(LaidOut { label, lines, odd })
    }

    async fn contents(&self, app: &str, label: &str, paths: Vec<TreePath>) -> Result<Vec<Option<Vec<u8>>>, NodeError> {
        let wanted = paths.len();
        let request = Request::Contents { app: app.into(), label: label.into(), paths };
        let (mut connection, answer) = self.ask(&request).await?;
        let sizes = match answer {
            Response::Contents { sizes } if sizes.len() == wanted => sizes,
            other => return Err(connection.unexpected(&other, "`Contents` of these files")),
        };
        let mut contents = Vec::new();
        for size in sizes {
            contents.push(match size {
                Some(size) => Some(connection.receive_body(size, MAX_CONTENT).await?),
                None => None,
            });
        }
        Ok(contents)
    }

    async fn missing(&self, archive: Option<Digest>, blobs: Vec<Digest>) -> Result<Missing, NodeError> {
        let request = Request::Missing { archive, blobs };
        ask!(self, request, "`Missing`", Response::Missing(missing) => missing)
    }

    async fn renewed(&self, app: &str, secrets: &BTreeMap<String, String>) -> Result<Vec<String>, NodeError> {
        if secrets.is_empty() {
            return Ok(Vec::new());
        }
        let secrets = secrets.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        ask!(self, Request::Renewed { app: app.into(), secrets }, "`Renewed`", Response::Renewed(names) => names)
    }

    async fn assembled(&self, parts: &Parts<'_>) -> Result<Option<String>, NodeError> {
        let mut connection = self.connect().await?;
        connection.send(&assemble(parts, false)).await?;
        match connection.follow(&mut Silent).await? {
            Response::Assembled { files } => Ok(files),
            other => Err(connection.unexpected(&other, "`Assembled`")),
        }
    }

    async fn log_head(&self, since: Option<u64>) -> Result<LogHead, NodeError> {
        ask!(self, Request::LogHead { since }, "`LogHead`", Response::LogHead(head) => head)
    }

    async fn events(&self, first: u64) -> Result<Vec<Vec<u8>>, NodeError> {
        let (mut connection, answer) = self.ask(&Request::Events { first }).await?;
        let Response::Contents { sizes } = answer else { return Err(connection.unexpected(&answer, "`Contents`")) };
        let (mut events, mut left) = (Vec::new(), MAX_EVENTS);
        for size in sizes.into_iter().flatten() {
            events.push(connection.receive_body(size, MAX_EVENT.min(left)).await?);
            left -= size;
        }
        Ok(events)
    }

    async fn stored(&self, archives: bool, digests: &[Digest]) -> Result<Vec<Option<Stored>>, NodeError> {
        let request = Request::Stored { archives, digests: digests.to_vec() };
        let (mut connection, answer) = self.ask(&request).await?;
        let sizes = match answer {
            Response::Contents { sizes } if sizes.len() == digests.len() => sizes,
            other => return Err(connection.unexpected(&other, "`Contents` of these digests")),
        };
        let mut all: Vec<Option<Stored>> = Vec::new();
        for size in sizes {
            all.push(match size {
                Some(size) => Some(Box::new(connection.receive_spooled(size, MAX_STORED).await?)),
                None => None,
            });
        }
        Ok(all)
    }

    async fn lock(&self, app: &str) -> Result<Box<dyn Session>, NodeError> {
        match self.ask(&Request::Lock { app: app.into() }).await? {
            (connection, Response::Ok) => Ok(Box::new(RemoteSession::new(app, connection))),
            (_, Response::Busy { by }) => Err(NodeError::Busy { app: app.into(), by }),
            (connection, other) => Err(connection.unexpected(&other, "`Ok` or `Busy`")),
        }
    }

    async fn go(&self, app: &str, id: &str, on: bool) -> Result<(), NodeError> {
        ask!(self, Request::Go { app: app.into(), id: id.into(), on }, "`Ok`", Response::Ok => ())
    }

    async fn watch(&self, app: &str, listener: &mut dyn Listener) -> Result<Watched, NodeError> {
        let mut connection = self.connect().await?;
        connection.send(&Request::Watch { app: app.into() }).await?;
        match connection.follow(listener).await? {
            Response::Ended(finished) => Ok(Watched::Ended(*finished)),
            Response::Idle { last } => Ok(Watched::Idle(last.map(|last| *last))),
            other => Err(connection.unexpected(&other, "`Ended` or `Idle`")),
        }
    }

    async fn logs(&self, query: LogQuery, lines: mpsc::Sender<LogLine>) -> Result<(), NodeError> {
        let mut connection = self.connect().await?;
        connection.send(&Request::Logs(query)).await?;
        loop {
            let answer = tokio::select! {
                answer = connection.receive() => answer?,
                () = lines.closed() => return Ok(()),
            };
            match answer {
                Response::Line(line) => {
                    if lines.send(line).await.is_err() {
                        return Ok(());
                    }
                }
                Response::Ok => return Ok(()),
                other => return Err(connection.unexpected(&other, "`Line`")),
            }
        }
    }

    async fn run(
        &self,
        request: RunRequest,
        input: mpsc::Receiver<RunInput>,
        output: mpsc::Sender<RunOutput>,
    ) -> Result<i32, NodeError> {
        run::run(self.connect().await?, request, input, output).await
    }

    async fn environment(&self, app: &str) -> Result<Vec<EnvironmentEntry>, NodeError> {
        let request = Request::Environment { app: app.into(), phase: "serve".into() };
        ask!(self, request, "`Environment`", Response::Environment(list) => list)
    }

    async fn trust(&self, request: TrustRequest) -> Result<u64, NodeError> {
        let app = request.app.clone();
        match self.ask(&Request::Trust(request)).await? {
            (_, Response::Recorded { event }) => Ok(event),
            (_, Response::Busy { by }) => Err(NodeError::Busy { app, by }),
            (connection, other) => Err(connection.unexpected(&other, "`Recorded` or `Busy`")),
        }
    }

    async fn drift(&self, app: &str, thorough: bool) -> Result<Vec<ReleaseDrift>, NodeError> {
        ask!(self, Request::Drift { app: app.into(), thorough }, "`Drift`", Response::Drift(releases) => releases)
    }

    async fn resources(&self, plan: Option<&Plan>) -> Result<SetupState, NodeError> {
        let request = Request::ObserveResources { plan: plan.cloned().map(Box::new) };
        ask!(self, request, "`Resources`", Response::Resources(state) => *state)
    }

    async fn set_up(&self, order: &SetupOrder, listener: &mut dyn Listener) -> Result<Applied, NodeError> {
        setup::set_up(&self.dial, self.connect().await?, order, listener).await
    }

    async fn status(&self) -> Result<AgentStatus, NodeError> {
        ask!(self, Request::Status, "`Status`", Response::Status(status) => status)
    }

    async fn shutdown(&self) -> Result<(), NodeError> {
        ask!(self, Request::Shutdown, "`Ok`", Response::Ok => ())
    }
}
