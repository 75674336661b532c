//! Faults for tests: the agent can be told to die at a line of the journal, as if it had been
//! killed there, so that the promise about crashes is tested at every step.

use crate::journal::Fact;
use std::{fmt, str::FromStr, sync::Arc};

/// Which side of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The line that says that a step begins is durable.
    Begin,
    /// The line that says that it is done is durable.
    Done,
    /// The line that says that it failed is durable.
    Failed,
    /// The line that says that it is being undone is durable.
    Undo,
    /// The line that says that it is undone is durable.
    Undone,
}

/// Where to die: `<step>:<begin|done|failed|undo|undone>`. Two places are no steps: `start:done` (the
/// transition was taken over) and `end:begin`, `end:done` (recorded; the journal closed).
#[derive(Clone)]
pub struct DieAt {
    step: String,
    moment: Moment,
    die: Arc<dyn Fn() + Send + Sync>,
}

/// The text is not a place to die at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not STEP:begin, :done, :failed, :undo or :undone")]
pub struct DieAtError(String);

impl FromStr for DieAt {
    type Err = DieAtError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || DieAtError(text.to_owned());
        let (step, moment) = text.rsplit_once(':').ok_or_else(wrong)?;
        let moment = match moment {
            "begin" => Moment::Begin,
            "done" => Moment::Done,
            "failed" => Moment::Failed,
            "undo" => Moment::Undo,
            "undone" => Moment::Undone,
            _ => return Err(wrong()),
        };
        Ok(Self::new(step, moment, Arc::new(|| std::process::abort())))
    }
}

impl DieAt {
    /// Does `die` there instead of ending the process.
    pub(crate) fn new(step: &str, moment: Moment, die: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self { step: step.to_owned(), moment, die }
    }

    pub(crate) fn reached(&self, step: &str, moment: Moment) {
        if self.step == step && self.moment == moment {
            (self.die)();
        }
    }
}

impl fmt::Debug for DieAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:?}", self.step, self.moment)
    }
}

impl Moment {
    /// The place that a fact stands for.
    pub(crate) fn of(fact: &Fact) -> Option<(String, Self)> {
        Some(match fact {
            Fact::Start(_) => return None,
            Fact::Begin(step) => (step.clone(), Self::Begin),
            Fact::Done(step) => (step.clone(), Self::Done),
            Fact::Failed { step, .. } => (step.clone(), Self::Failed),
            Fact::Undo(step) => (step.clone(), Self::Undo),
            Fact::Undone(step) | Fact::UndoFailed { step, .. } => (step.clone(), Self::Undone),
            Fact::End(_) => ("end".to_owned(), Self::Done),
        })
    }
}
