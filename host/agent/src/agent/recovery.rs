//! What an agent that was ended has left: finished or reverted before anybody changes the app again.

use super::Agent;
use crate::{
    apps::Route,
    disk::{DiskError, words},
    journal::{self, Journal, JournalError},
    lock::{self, Lock, LockError},
    prune, recover, state, transition,
};
use silver_plugin_api::plan::{AppState, Observed, Outcome};
use std::{sync::Arc, time::Duration};

/// Somebody may be changing an app while the apps are started; then it is looked at again this often.
const INTERVAL: Duration = Duration::from_millis(200);

impl Agent {
    /// Before anything else: what an earlier agent left is finished or reverted. Then the apps that
    /// shall serve are started.
    pub(crate) async fn recover_all(self: &Arc<Self>) {
        if let Err(error) = self.settle_all().await {
            tracing::error!("what an earlier agent left cannot be read: {}", words(&error));
        }
        self.sweep().await;
        self.revive_all().await;
        self.recovered.send_replace(true);
    }

    /// Every journal that nobody carries.
    async fn settle_all(self: &Arc<Self>) -> Result<(), DiskError> {
        for seen in journal::under_way(self.dirs())? {
            let Some(app) = seen.app else {
                tracing::error!(transition = seen.id, "its journal has no beginning; it is put aside for a person to look at");
                journal::set_aside(self.dirs(), &seen.id)?;
                continue;
            };
            match lock::app(self.dirs(), &app, lock::SETTLES) {
                Ok(lock) => self.settle(&seen.id, Some(lock)).await?,
                Err(LockError::Busy(by)) => tracing::info!(transition = seen.id, "carried by {by}"),
                Err(error) => tracing::error!(transition = seen.id, "{}", words(&error)),
            }
        }
        Ok(())
    }

    /// Settles one change, and gives its lock back; how it ended.
    pub(crate) async fn settle_for_others(self: &Arc<Self>, app: &str, id: &str, lock: Lock) -> Option<Outcome> {
        if let Err(error) = self.settle(id, Some(lock)).await {
            tracing::error!(transition = id, "{}", words(&error));
        }
        self.finished(app).filter(|finished| finished.id == id).map(|finished| finished.outcome)
    }

    /// What was left of an app, for the one who holds its lock.
    pub(super) async fn settle_app(self: &Arc<Self>, app: &str) -> Result<(), DiskError> {
        for id in journal::of(self.dirs(), app)? {
            self.settle(&id, None).await?;
        }
        Ok(())
    }

    /// Deals with a journal that is there without a transition under way. The app's lock is held; one that is
    /// given falls when it is settled.
    pub(super) async fn settle(self: &Arc<Self>, id: &str, lock: Option<Lock>) -> Result<(), DiskError> {
        let journal = match Journal::take(self.dirs(), id, self.options.die_at.clone()) {
            Ok(journal) => journal,
            // it was there a moment ago, before its lock was had: it has ended
            Err(JournalError::NoStart(path)) if !path.exists() => return Ok(()),
            Err(error) => {
                tracing::error!("{}; it is put aside for a person to look at", words(&error));
                return journal::set_aside(self.dirs(), id);
            }
        };
        let app = journal.transition().app.clone();
        let current = state::load(self.dirs(), &app).ok().and_then(|file| file.current);
        let observed = Observed { app: app.clone(), current, ..Observed::default() };
        let decision = recover::recover(journal.transition(), journal.lines(), &observed);
        tracing::info!(transition = id, "left by an earlier agent: {decision:?}");
        let feed = self.begin(&app, id);
        if let Err(failure) = self.apps.settle(&app).await {
            tracing::warn!(transition = id, "programs may have been left running: {failure}");
        }
        let ended = transition::resume(self.means(&feed), journal, decision).await;
        drop(lock);
        match ended {
            Ok(Some(outcome)) => self.finish(&app, id, &feed, outcome),
            Ok(None) => self.forget(&app, id),
            Err(error) => {
                tracing::error!(transition = id, "{}", words(&error));
                feed.finish(super::submit::stopped(&words(&error)));
                self.forget(&app, id);
            }
        }
        Ok(())
    }

    /// Leftovers go, unless a transition that could not be dealt with may need what looks superfluous.
    async fn sweep(&self) {
        let dirs = self.dirs().clone();
        let work = move || if journal::under_way(&dirs)?.is_empty() { prune::sweep(&dirs) } else { Ok(()) };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("leftovers cannot be removed: {}", words(&error)),
            Err(error) => tracing::warn!("leftovers cannot be removed: {error}"),
        }
    }

    async fn revive_all(&self) {
        let apps = state::apps(self.dirs()).unwrap_or_else(|error| {
            tracing::error!("{}", words(&error));
            Vec::new()
        });
        for app in apps {
            if let Err(problem) = self.revive(&app).await {
                tracing::error!(app, "it cannot be started: {problem}");
            }
        }
    }

    /// Routes come first: requests then wait for the processes instead of finding no app.
    async fn revive(&self, app: &str) -> Result<(), String> {
        let _lock = loop {
            match lock::app(self.dirs(), app, lock::STARTS) {
                Err(LockError::Busy(_)) => tokio::time::sleep(INTERVAL).await,
                taken => break taken.map_err(|error| words(&error))?,
            }
        };
        let file = state::load(self.dirs(), app).map_err(|error| words(&error))?;
        let Some(placed) = self.current(&file).map_err(|error| words(&error))? else { return Ok(()) };
        let route = Route {
            app: app.to_owned(),
            state: file.state,
            locations: file.locations,
            current: Some(placed.clone()),
            undoing: false,
        };
        self.apps.route(route).await.map_err(|failure| failure.message)?;
        if file.state == AppState::Active {
            self.apps.start(&placed, false).await.map_err(|failure| failure.message)?;
        }
        Ok(())
    }
}
