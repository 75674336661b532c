//! On a server an agent is there for one client. What it takes over is carried by a process of its own
//! ([`crate::launch`]), which it looks on at as everybody else does: through the feed's file.

use super::{Agent, submit::stopped};
use crate::{
    disk::words,
    feed::{Feed, file},
    journal::{self, Journal},
    launch::{Launch, Work},
    lock::{self, Lock, LockError},
    store::StoreError,
};
use silver_plugin_api::plan::{Finished, Outcome};
use silver_registry::{Change, Record};
use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::time::Instant;

/// How often it is looked what has come.
const INTERVAL: Duration = Duration::from_millis(20);
/// After so long a silence it is looked whether whoever carries the change is still there.
const SILENCE: Duration = Duration::from_millis(300);
/// So often somebody is asked to settle what another has left.
const ATTEMPTS: u32 = 2;
/// So many of the newest events are looked at for an outcome that nobody has seen.
const LOOK_BACK: u64 = 64;

impl Agent {
    /// Hands a change over. When this fails, nothing has changed.
    pub(super) async fn hand_over(self: &Arc<Self>, launch: &dyn Launch, journal: Journal, lock: Lock) -> io::Result<Arc<Feed>> {
        let work = Work { app: journal.transition().app.clone(), id: journal.transition().id.clone(), settle: false };
        if let Err(error) = self.launch(launch, &work, lock).await {
            journal.remove(self.dirs()).map_err(io::Error::other)?;
            return Err(error);
        }
        Ok(self.look_on(&work.app, &work.id, 0))
    }

    /// The lock is given away, unless this fails.
    async fn launch(&self, launch: &dyn Launch, work: &Work, lock: Lock) -> io::Result<()> {
        launch.launch(self.dirs(), work, lock.file().map_err(io::Error::other)?).await?;
        lock.handed_over();
        Ok(())
    }

    /// Has everything settled that was left of an app. The lock is given away for it, and taken again.
    pub(super) async fn have_settled(
        self: &Arc<Self>,
        launch: &dyn Launch,
        app: &str,
        who: &str,
        mut lock: Lock,
    ) -> Result<Lock, LockError> {
        let mut tried = BTreeSet::new();
        while let Some(id) = journal::of(self.dirs(), app)?.into_iter().find(|id| !tried.contains(id)) {
            let work = Work { app: app.to_owned(), id: id.clone(), settle: true };
            let from = file::length(&file::path(self.dirs(), app, &id));
            self.launch(launch, &work, lock).await.map_err(LockError::Left)?;
            self.look_on(app, &id, from).ended().await;
            tried.insert(id);
            lock = lock::app_soon(self.dirs(), app, who).await?;
        }
        Ok(lock)
    }

    /// The feed of a change that another process carries, from this byte of its file on.
    pub(super) fn look_on(self: &Arc<Self>, app: &str, id: &str, from: u64) -> Arc<Feed> {
        let feed = Arc::new(Feed::default());
        let reader = file::Reader::new(file::path(self.dirs(), app, id), from);
        let relay = Relay { agent: Arc::clone(self), app: app.to_owned(), id: id.to_owned(), attempts: 0 };
        tokio::spawn(relay.run(reader, Arc::downgrade(&feed)));
        feed
    }

    /// What the registry says of the newest change of an app: after a start of the machine nothing else tells.
    pub(super) fn recorded_last(&self, app: &str) -> Result<Option<Finished>, StoreError> {
        self.recorded(|record, _| record.app.as_deref() == Some(app))
    }

    /// What the registry says of how the newest change ended that is meant.
    fn recorded(&self, is_meant: impl Fn(&Record, &Change) -> bool) -> Result<Option<Finished>, StoreError> {
        let events = self.store.newest(LOOK_BACK)?.into_iter();
        let mut found = events.filter_map(|event| {
            let record = event.statement.record();
            let change = record.event.change().filter(|change| is_meant(record, change))?.clone();
            let outcome = Outcome {
                kind: change.outcome,
                failed_step: change.failed_step,
                message: change.message,
                log: Vec::new(),
                undo_errors: change.undo_errors,
                current: change.current,
                event: Some(event.index),
                closed_ms: change.closed_ms,
            };
            Some(Finished { id: change.transition, outcome })
        });
        Ok(found.next())
    }
}

/// Passes a feed on from its file, for as long as somebody looks on.
struct Relay {
    agent: Arc<Agent>,
    app: String,
    id: String,
    attempts: u32,
}

impl Relay {
    async fn run(mut self, mut reader: file::Reader, to: Weak<Feed>) {
        let mut heard = Instant::now();
        while let Some(feed) = to.upgrade() {
            if self.pass_on(&mut reader, &feed, &mut heard) {
                return;
            }
            if heard.elapsed() > SILENCE {
                if self.ended(&mut reader, &feed, &mut heard).await {
                    return;
                }
                heard = Instant::now();
            }
            drop(feed);
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Passes on what has come; has it ended?
    fn pass_on(&self, reader: &mut file::Reader, feed: &Feed, heard: &mut Instant) -> bool {
        let lines = reader.more().unwrap_or_else(|error| {
            tracing::warn!(transition = self.id, "{}", words(&error));
            Vec::new()
        });
        for line in lines {
            *heard = Instant::now();
            match line {
                file::Line::Begin { .. } => {}
                file::Line::Progress(progress) => feed.pass_on(progress),
                file::Line::Outcome(outcome) => {
                    feed.finish(*outcome);
                    return true;
                }
            }
        }
        false
    }

    /// Who carries the change holds the app's lock. If it is to be had, the change has ended and said so by
    /// now, or it was left: then it is settled.
    async fn ended(&mut self, reader: &mut file::Reader, feed: &Feed, heard: &mut Instant) -> bool {
        let dirs = self.agent.dirs();
        let Ok(lock) = lock::app(dirs, &self.app, lock::SETTLES) else { return false };
        if self.pass_on(reader, feed, heard) {
            return true;
        }
        let Ok(left) = journal::of(dirs, &self.app) else { return false };
        if !left.contains(&self.id) {
            drop(lock);
            // who has given it back just now is about to say how it ended
            tokio::time::sleep(SILENCE).await;
            if !self.pass_on(reader, feed, heard) {
                feed.finish(self.untold());
            }
            return true;
        }
        let launch = self.agent.options.launch.clone().filter(|_| self.attempts < ATTEMPTS);
        let Some(launch) = launch else {
            feed.finish(stopped("whoever carried it was ended"));
            return true;
        };
        self.attempts += 1;
        let work = Work { app: self.app.clone(), id: self.id.clone(), settle: true };
        match self.agent.launch(&*launch, &work, lock).await {
            Ok(()) => {}
            Err(error) => tracing::error!(transition = self.id, "what was left cannot be settled: {error}"),
        }
        false
    }

    /// How it ended, when whoever carried it was killed in its last moment. Others are told so as well: it is not under way.
    fn untold(&self) -> Outcome {
        let outcome = match self.agent.recorded(|_, change| change.transition == self.id) {
            Ok(Some(finished)) => finished.outcome,
            Ok(None) => stopped("how it ended is not known"),
            Err(error) => return stopped(&words(&error)),
        };
        match Feed::in_file(&file::path(self.agent.dirs(), &self.app, &self.id)) {
            Ok(feed) => feed.finish(outcome.clone()),
            Err(error) => tracing::warn!(transition = self.id, "{}", words(&error)),
        }
        outcome
    }
}
