//! What members of a group say while they are at work.

use crate::{
    deploy::{CONNECTION, DeployError},
    plan::{BARRIER, OPEN},
    progress::Listener,
};
use silver_plugin_api::plan::{Outcome, Progress, ProgressKind};
use tokio::sync::mpsc;

/// Something that a member said.
pub(super) enum Event {
    /// How it goes.
    Progress(usize, Progress),
    /// It waits at the barrier.
    Waits(usize),
    /// It has switched, and lets requests through.
    Open(usize),
    /// It cannot be reached any more.
    Away(usize),
    /// It can be reached again.
    Near(usize),
    /// Whether it answered when it was called, before the first one is told to switch.
    Answers(usize, bool),
    /// The first one could not be told to go on.
    Deaf,
    /// Its transition has ended.
    Ended(usize, Result<Outcome, DeployError>),
}

/// Passes on what one member says.
pub(super) struct Reports {
    index: usize,
    events: mpsc::UnboundedSender<Event>,
}

impl Reports {
    pub(super) fn of(index: usize, events: mpsc::UnboundedSender<Event>) -> Self {
        Self { index, events }
    }
}

impl Listener for Reports {
    fn progress(&mut self, progress: Progress) {
        let more = match (progress.step.as_str(), &progress.kind) {
            (BARRIER, ProgressKind::Begin(_)) => Some(Event::Waits(self.index)),
            (OPEN, ProgressKind::Done) => Some(Event::Open(self.index)),
            (CONNECTION, ProgressKind::Begin(_)) => Some(Event::Away(self.index)),
            (CONNECTION, ProgressKind::Done) => Some(Event::Near(self.index)),
            _ => None,
        };
        for event in std::iter::once(Event::Progress(self.index, progress)).chain(more) {
            // whoever listened was interrupted
            let _ = self.events.send(event);
        }
    }
}
