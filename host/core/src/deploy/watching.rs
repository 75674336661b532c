//! Looking on at what a node does, also when the connection breaks: the node goes on without us, so all that is
//! to be done is to come back.

use super::DeployError;
use crate::{
    node::{LOCAL, Node, NodeError, Session, Watched},
    progress::Listener,
};
use silver_plugin_api::plan::{Finished, Outcome, Progress, ProgressKind};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// For so long a node that cannot be reached any more is tried again.
const PATIENCE: Duration = Duration::from_mins(5);
/// So often.
const INTERVAL: Duration = Duration::from_secs(2);
/// The step that begins when the connection breaks, and is done when there is another one.
pub(crate) const CONNECTION: &str = "connection";

/// Follows a transition that was submitted to its end; whenever the connection breaks, `node` is asked again.
pub(super) async fn to_the_end(
    session: &mut dyn Session,
    node: &dyn Node,
    app: &str,
    id: &str,
    listener: &mut dyn Listener,
) -> Result<Outcome, DeployError> {
    let mut once = Once { to: listener, heard: Vec::new(), next: 0, away: false };
    let broken = match session.outcome(&mut once).await {
        Err(error @ NodeError::Broken { .. }) => error,
        other => return Ok(other?),
    };
    let mut until: Option<Instant> = None;
    loop {
        once.next = 0;
        if node.name() != LOCAL {
            once.lost();
        }
        match node.watch(app, &mut once).await {
            Ok(Watched::Ended(Finished { id: ended, outcome }) | Watched::Idle(Some(Finished { id: ended, outcome })))
                if ended == id =>
            {
                return Ok(outcome);
            }
            // it was never taken over, or the agent was ended in between: then it has been reverted or
            // finished before the agent answers again, and what is current says which
            Ok(_) => return Err(DeployError::Unwatched { app: app.to_owned(), source: broken }),
            // this machine's agent is started when it does not run: whoever cannot be reached then is not there
            // and a server that has just started lets nobody in for a moment
            Err(NodeError::Broken { .. } | NodeError::Unreachable { .. } | NodeError::Closed { .. }) if node.name() != LOCAL => {
                let now = Instant::now();
                if once.next > 0 {
                    until = None; // it was reached for a while
                }
                if now >= *until.get_or_insert_with(|| now + PATIENCE) {
                    return Err(DeployError::OutOfSight { app: app.to_owned(), source: broken });
                }
                once.say(ProgressKind::Line(format!("{broken}; trying again")));
                sleep(INTERVAL).await;
            }
            Err(_) => return Err(broken.into()),
        }
    }
}

/// Passes on what was not heard before: whoever comes back hears all from the beginning.
struct Once<'a> {
    to: &'a mut dyn Listener,
    heard: Vec<Progress>,
    next: usize,
    /// There is no connection.
    away: bool,
}

impl Once<'_> {
    fn lost(&mut self) {
        if !self.away {
            self.away = true;
            self.say(ProgressKind::Begin("reach the node again".into()));
        }
    }

    fn say(&mut self, kind: ProgressKind) {
        self.to.progress(Progress { step: CONNECTION.into(), kind, at_ms: 0 });
    }
}

impl Listener for Once<'_> {
    fn progress(&mut self, progress: Progress) {
        if std::mem::take(&mut self.away) {
            self.say(ProgressKind::Done);
        }
        let known = self.heard.get(self.next) == Some(&progress);
        self.next += 1;
        if known {
            return;
        }
        // somebody else goes on with it, and begins a story of their own
        self.heard.truncate(self.next - 1);
        self.heard.push(progress.clone());
        self.to.progress(progress);
    }
}
