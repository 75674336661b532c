//! The progress of one piece of work, for any number of watchers, who may come late and leave early.
//! On a server they are other processes: there it is in a file, too ([`file`]).

pub(crate) mod file;

use crate::disk::DiskError;
use silver_plugin_api::plan::{Outcome, Progress, ProgressKind};
use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::Instant,
};
use tokio::sync::watch;

/// So many lines of an application are kept for those who come later; more are counted only.
const MAX_ITEMS: usize = 20_000;

/// What was said so far, and how it ended.
#[derive(Debug)]
pub struct Feed {
    began: Instant,
    items: Mutex<Vec<Progress>>,
    changed: watch::Sender<State>,
    file: Option<Mutex<file::Writer>>,
}

#[derive(Debug, Clone, Default)]
struct State {
    count: usize,
    outcome: Option<Outcome>,
}

impl Default for Feed {
    fn default() -> Self {
        Self { began: Instant::now(), items: Mutex::default(), changed: watch::Sender::default(), file: None }
    }
}

impl Feed {
    /// One that is written to a file as well, after what is there.
    pub(crate) fn in_file(path: &Path) -> Result<Self, DiskError> {
        Ok(Self { file: Some(Mutex::new(file::Writer::begin(path)?)), ..Self::default() })
    }

    /// Says something about a step.
    pub fn say(&self, step: &str, kind: ProgressKind) {
        let at_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.pass_on(Progress { step: step.to_owned(), kind, at_ms });
    }

    /// Says what somebody else has said.
    pub(crate) fn pass_on(&self, progress: Progress) {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        if items.len() >= MAX_ITEMS && matches!(progress.kind, ProgressKind::Line(_) | ProgressKind::Amount { .. }) {
            return;
        }
        self.write(&file::Line::Progress(progress.clone()));
        items.push(progress);
        let count = items.len();
        drop(items);
        self.changed.send_modify(|state| state.count = count);
    }

    fn write(&self, line: &file::Line) {
        if let Some(file) = &self.file {
            file.lock().unwrap_or_else(PoisonError::into_inner).write(line);
        }
    }

    /// How it ended; waits for it.
    pub(crate) async fn ended(&self) -> Outcome {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(outcome) = changed.borrow_and_update().outcome.clone() {
                return outcome;
            }
            if changed.changed().await.is_err() {
                std::future::pending::<()>().await; // the feed is borrowed: its sender cannot be gone
            }
        }
    }

    /// Ends it.
    pub fn finish(&self, outcome: Outcome) {
        self.write(&file::Line::Outcome(Box::new(outcome.clone())));
        self.changed.send_modify(|state| state.outcome = Some(outcome));
    }

    /// Looks on from the beginning.
    pub fn watch(&self) -> Watcher<'_> {
        Watcher { feed: self, changed: self.changed.subscribe(), next: 0 }
    }
}

/// Looks on at a [`Feed`].
#[derive(Debug)]
pub struct Watcher<'a> {
    feed: &'a Feed,
    changed: watch::Receiver<State>,
    next: usize,
}

/// What a watcher sees.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// It goes on.
    Progress(Progress),
    /// It has ended.
    Outcome(Box<Outcome>),
}

impl Watcher<'_> {
    /// What comes next; waits for it. After the outcome nothing comes any more.
    pub async fn next(&mut self) -> Seen {
        loop {
            // read the state before the items: whatever was said before the end is then seen before it
            let state = self.changed.borrow_and_update().clone();
            let item = self.feed.items.lock().unwrap_or_else(PoisonError::into_inner).get(self.next).cloned();
            if let Some(item) = item {
                self.next += 1;
                return Seen::Progress(item);
            }
            if let Some(outcome) = state.outcome {
                return Seen::Outcome(Box::new(outcome));
            }
            if self.changed.changed().await.is_err() {
                std::future::pending::<()>().await; // the feed is borrowed: its sender cannot be gone
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use silver_plugin_api::plan::OutcomeKind;

    #[tokio::test]
    async fn late_and_early_watchers_see_all_in_order() {
        let feed = Feed::default();
        let outcome = Outcome {
            kind: OutcomeKind::Done,
            failed_step: None,
            message: None,
            log: Vec::new(),
            undo_errors: Vec::new(),
            current: None,
            event: None,
            closed_ms: 0,
        };
        let read = async {
            let mut watcher = feed.watch();
            let mut steps = Vec::new();
            loop {
                match watcher.next().await {
                    Seen::Progress(progress) => steps.push(progress.step),
                    Seen::Outcome(seen) => return (steps, *seen),
                }
            }
        };
        let speak = async {
            for step in ["a", "b", "c"] {
                feed.say(step, ProgressKind::Done);
                tokio::task::yield_now().await;
            }
            feed.finish(outcome.clone());
        };
        let expected = (vec!["a".to_owned(), "b".into(), "c".into()], outcome.clone());
        assert_eq!(tokio::join!(read, speak).0, expected);
        let mut late = feed.watch();
        assert!(matches!(late.next().await, Seen::Progress(first) if first.step == "a"));
    }
}
