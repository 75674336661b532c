//! Takes a transition over from the client: the last moment at which it can be refused.

use super::Agent;
use crate::{
    content,
    disk::words,
    feed::Feed,
    journal::{self, Journal, JournalError, Start},
    lock::Lock,
    names::{self, NameError},
    observe::ObserveError,
    state::{self, StateError},
    transition,
};
use silver_plugin_api::plan::{Outcome, OutcomeKind, Transition};
use std::sync::Arc;

/// Why a transition was not taken over. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// A name in the plan cannot be.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The plan is for another app than the one that is locked.
    #[error("the plan is for `{plan}`, but `{locked}` is locked")]
    OtherApp {
        /// The app of the plan.
        plan: String,
        /// The app whose lock is held.
        locked: String,
    },
    /// Another release is current than the plan expects.
    #[error("the plan expects {} to be current, but it is {}", words_of(.expected.as_deref()), words_of(.found.as_deref()))]
    Stale {
        /// As the plan says.
        expected: Option<String>,
        /// As it is.
        found: Option<String>,
    },
    /// The release is not on the node, or is another one.
    #[error("the release `{0}` is not on the node as the plan has it")]
    NotStaged(String),
    /// Two steps have the same name.
    #[error("the plan has two steps named `{0}`")]
    TwoSteps(String),
    /// A location belongs to another app.
    #[error("the location `{location}` belongs to `{app}`")]
    Taken {
        /// The location.
        location: String,
        /// Who has it.
        app: String,
    },
    /// The agent is ending.
    #[error("the agent is ending")]
    Ending,
    /// An earlier transition cannot be brought to its end.
    #[error("an earlier change of `{0}` is not at its end; see the agent's log")]
    Left(String),
    /// The app cannot be looked at.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// The app's state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// Nobody could be started who carries it.
    #[error("the change cannot be begun")]
    Launch(#[source] std::io::Error),
    /// The journal cannot be begun.
    #[error("the change cannot be begun")]
    Journal(#[from] JournalError),
}

impl SubmitError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Stale { .. } | Self::Taken { .. } => Some("something has changed since the plan was made: plan again".into()),
            Self::Left(_) => Some("the agent's log says why; when that is put right, run the same command again".into()),
            Self::Name(error) => error.hint(),
            _ => None,
        }
    }
}

fn words_of(label: Option<&str>) -> &str {
    label.unwrap_or("no release")
}

impl Agent {
    /// Takes a transition over. When it returns, the journal is on the disk and the transition goes on
    /// whatever becomes of the client; `lock` is kept until its end.
    pub(crate) async fn submit(
        self: &Arc<Self>,
        locked: &str,
        mut transition: Transition,
        lock: Lock,
    ) -> Result<Arc<Feed>, SubmitError> {
        if *self.ending.borrow() {
            return Err(SubmitError::Ending);
        }
        if transition.id.is_empty() {
            transition.id = format!("{}.{}", transition.app, jiff::Timestamp::now().strftime("%Y%m%dt%H%M%S.%3f"));
        }
        names::transition(&transition)?;
        if transition.app != locked {
            return Err(SubmitError::OtherApp { plan: transition.app, locked: locked.to_owned() });
        }
        if !journal::of(self.dirs(), locked).map_err(ObserveError::from)?.is_empty() {
            return Err(SubmitError::Left(locked.to_owned()));
        }
        self.check(&transition)?;
        let observed = self.observe(locked).await?;
        if observed.current != transition.parent {
            return Err(SubmitError::Stale { expected: transition.parent, found: observed.current });
        }
        let taken = observed.taken.into_iter().find(|(location, _)| transition.locations.contains(location));
        if let Some((location, app)) = taken {
            return Err(SubmitError::Taken { location, app });
        }
        let start = Start { transition, previous: observed.current, drift: observed.drift, key: self.options.key.clone() };
        let journal = Journal::start(self.dirs(), start, self.options.die_at.clone())?;
        match &self.options.launch {
            Some(launch) => self.hand_over(&**launch, journal, lock).await.map_err(SubmitError::Launch),
            None => Ok(self.carry(journal, lock)),
        }
    }

    /// Everything that the plan says of itself.
    fn check(&self, transition: &Transition) -> Result<(), SubmitError> {
        let mut seen = std::collections::BTreeSet::new();
        for step in &transition.steps {
            if !seen.insert(&step.id) {
                return Err(SubmitError::TwoSteps(step.id.clone()));
            }
        }
        let Some((label, release)) = &transition.release else { return Ok(()) };
        match state::release(self.dirs(), &transition.app, label) {
            Ok(file) if file.release == *release => Ok(()),
            Ok(_) | Err(StateError::NoRelease(_)) => Err(SubmitError::NotStaged(label.clone())),
            Err(error) => Err(error.into()),
        }
    }

    /// Carries a new transition to its end, and gives its lock back; how it ended.
    pub(crate) async fn carry_for_others(self: &Arc<Self>, journal: Journal, lock: Lock) -> Outcome {
        let feed = self.carry(journal, lock);
        feed.ended().await
    }

    /// Carries a new transition to its end.
    fn carry(self: &Arc<Self>, journal: Journal, lock: Lock) -> Arc<Feed> {
        let (id, app) = (journal.transition().id.clone(), journal.transition().app.clone());
        let operator = journal.transition().deployment.operator.clone();
        let feed = self.begin(&app, &id);
        let (agent, told) = (Arc::clone(self), Arc::clone(&feed));
        let (working, saying) = (Arc::clone(self), Arc::clone(&feed));
        let work = tokio::spawn(async move { transition::carry(working.means(&saying), journal).await });
        tokio::spawn(async move {
            let outcome = match work.await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(error)) => stopped(&words(&error)),
                // a bug, but whoever looks on has to hear of it
                Err(panic) => stopped(&panic.to_string()),
            };
            if outcome.kind == OutcomeKind::Done
                && let Err(error) = content::let_go(agent.dirs(), &agent.store, &agent.recorder, &app, &operator).await
            {
                tracing::warn!(app, "content of former releases stays: {}", words(&error));
            }
            drop(lock);
            agent.finish(&app, &id, &told, outcome);
        });
        feed
    }
}

/// The journal could not be written: nobody can say more than that until somebody takes the app's lock again.
pub(super) fn stopped(why: &str) -> Outcome {
    tracing::error!("{why}");
    Outcome {
        kind: OutcomeKind::RevertFailed,
        failed_step: None,
        message: Some(format!("the change stopped in the middle: {why}; the next change of the application settles it first")),
        log: Vec::new(),
        undo_errors: Vec::new(),
        current: None,
        event: None,
        closed_ms: 0,
    }
}
