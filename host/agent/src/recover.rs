//! What becomes of a transition that was under way when the agent ended: decided from the journal
//! and from what is observed, and from nothing else. No step is resumed in its middle.

use crate::journal::{Fact, Line};
use silver_plugin_api::plan::{Action, Observed, Transition};

/// What has to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The steps that were begun are undone, in reverse.
    Revert,
    /// The steps that are not done yet are done.
    Finish,
    /// It had ended.
    Nothing,
}

/// Decides. Until the point of no return (an `Open` step, or else the end of the last step) a
/// transition is reverted; once undoing has begun it goes on; a transition that is past the point
/// but whose release is not the current one (a data directory put back from elsewhere) is
/// reverted too, since nothing of it can be trusted.
pub fn recover(transition: &Transition, lines: &[Line], observed: &Observed) -> Decision {
    let facts = || lines.iter().map(|line| &line.fact);
    if facts().any(|fact| matches!(fact, Fact::End(_))) {
        return Decision::Nothing;
    }
    if facts().any(|fact| matches!(fact, Fact::Undo(_) | Fact::Undone(_) | Fact::UndoFailed { .. })) {
        return Decision::Revert;
    }
    let in_place = transition.release.as_ref().is_none_or(|(label, _)| observed.current.as_ref() == Some(label));
    if is_past_return(transition, lines) && in_place { Decision::Finish } else { Decision::Revert }
}

/// Is the point of no return behind? It is as soon as `Open` is begun: requests may have got through.
pub(crate) fn is_past_return(transition: &Transition, lines: &[Line]) -> bool {
    let has_open = transition.steps.iter().any(|step| step.action == Action::Open);
    if has_open {
        transition.steps.iter().any(|step| step.action == Action::Open && is_begun(lines, &step.id))
    } else {
        transition.steps.iter().all(|step| is_done(lines, &step.id))
    }
}

/// Was the step begun?
pub(crate) fn is_begun(lines: &[Line], step: &str) -> bool {
    lines.iter().any(|line| matches!(&line.fact, Fact::Begin(begun) if begun == step))
}

/// Was the step done?
pub(crate) fn is_done(lines: &[Line], step: &str) -> bool {
    lines.iter().any(|line| matches!(&line.fact, Fact::Done(done) if done == step))
}

/// Was the step undone?
pub(crate) fn is_undone(lines: &[Line], step: &str) -> bool {
    lines.iter().any(|line| matches!(&line.fact, Fact::Undone(undone) if undone == step))
}

/// Did the step fail?
pub(crate) fn is_failed(lines: &[Line], step: &str) -> bool {
    lines.iter().any(|line| matches!(&line.fact, Fact::Failed { step: failed, .. } if failed == step))
}

#[cfg(test)]
mod tests;
