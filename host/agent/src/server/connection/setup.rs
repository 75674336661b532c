//! The set-up of this machine, and how the files of its releases are.

use super::{Connection, Stop};
use crate::{
    disk::DiskError,
    feed::{Feed, Seen},
    lock::{self, LockError},
    names, observe,
    protocol::{ErrorCode, ProtocolError, Refusal, Response},
    resources::{CONFIRM, Setup},
    server::{log_error, refuse::refused},
};
use silver_plugin_api::setup::{Plan, SetupOrder};
use std::sync::Arc;
use tokio::sync::mpsc;

impl Connection {
    pub(super) async fn drift(&self, app: String, thorough: bool) -> Result<Response, Stop> {
        names::app(&app)?;
        let agent = Arc::clone(&self.agent);
        let looked = tokio::task::spawn_blocking(move || observe::releases(agent.dirs(), &agent.store, &app, thorough));
        Ok(Response::Drift(looked.await.map_err(|_| failed("looking at the releases"))??))
    }

    pub(super) async fn resources(&self, plan: Option<Box<Plan>>) -> Result<Response, Stop> {
        if let Some(plan) = &plan {
            self.check(plan)?;
        }
        let state = self.setup().observe(plan.as_deref()).await?;
        Ok(Response::Resources(Box::new(state)))
    }

    /// Once begun it is carried through, also when the client goes; what a fresh connection has to confirm
    /// is then undone.
    pub(super) async fn set_up(&mut self, order: SetupOrder) -> Result<Response, Stop> {
        self.check(&order.plan)?;
        let lock = match lock::take(&self.agent.dirs().setup_lock(), &self.who) {
            Ok(lock) => lock,
            Err(LockError::Busy(by)) => return Ok(Response::Busy { by }),
            Err(error) => return Err(error.into()),
        };
        let (feed, (confirm, mut confirms)) = (Arc::new(Feed::default()), mpsc::channel(1));
        let (agent, setup, told) = (Arc::clone(&self.agent), self.setup(), Arc::clone(&feed));
        let mut work = tokio::spawn(async move {
            let _working = agent.working(); // the agent does not end before
            let _lock = lock;
            let began = jiff::Timestamp::now().as_millisecond();
            let mut applied = setup.apply(order.plan.clone(), told, confirm).await?;
            if applied.has_changed() {
                agent.forget_facts().await;
                match agent.recorder.setup(&order, &applied, began).await {
                    Ok(event) => applied.event = Some(event),
                    Err(error) => log_error("a set-up could not be recorded", &error),
                }
            }
            Ok::<_, DiskError>(applied)
        });
        let mut watcher = feed.watch();
        let mut gone = std::pin::pin!(self.reader.frame());
        let done = loop {
            tokio::select! {
                biased;
                seen = watcher.next() => if let Seen::Progress(progress) = seen {
                    self.writer.send(&Response::Progress(progress)).await?;
                },
                Some(id) = confirms.recv() => {
                    self.writer.send(&Response::Confirm { id, seconds: CONFIRM.as_secs() }).await?;
                }
                done = &mut work => break done,
                _ = &mut gone => return Err(ProtocolError::Ended.into()),
            }
        };
        let applied = done.map_err(|_| failed("the set-up"))??;
        Ok(Response::Applied(Box::new(applied)))
    }

    /// That this connection came through is the confirmation.
    pub(super) fn confirm(&self, id: &str) -> Result<Response, Stop> {
        if self.setup().confirm(id)? {
            return Ok(Response::Ok);
        }
        Err(Stop::Refused(refused(ErrorCode::Stale, "nothing waits for this confirmation any more: it was undone", None)))
    }

    fn setup(&self) -> Setup {
        Setup::new(self.agent.dirs(), Arc::clone(&self.agent.store))
    }

    fn check(&self, plan: &Plan) -> Result<(), Stop> {
        if !self.agent.dirs().is_server() {
            let hint = Some("applications run on this machine as they are: nothing has to be set up");
            return Err(Stop::Refused(refused(ErrorCode::Refused, "the local node is not set up", hint)));
        }
        plan.check().map_err(|flaws| {
            let causes = flaws.iter().take(20).map(ToString::to_string).collect();
            Stop::Refused(Refusal { causes, ..refused(ErrorCode::Refused, "the plan makes no sense", None) })
        })
    }
}

fn failed(what: &str) -> Stop {
    Stop::Refused(refused(ErrorCode::Failed, format!("{what} failed in the agent itself"), None))
}
