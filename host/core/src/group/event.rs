//! What members of a group say while they are at work.

use crate::{
    deploy::DeployError,
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
            _ => None,
        };
        for event in std::iter::once(Event::Progress(self.index, progress)).chain(more) {
            // whoever listened was interrupted
            let _ = self.events.send(event);
        }
    }
}
