//! Carries a transition out: steps in order; when one fails before the point of no return, the undo
//! lists of the steps that were begun, in reverse. Every fact is in the journal before the next thing
//! is done. Nothing is decided here: what to do, and what on a failure, is in the plan.

mod act;
mod keys;
#[cfg(test)]
mod tests;

use crate::{
    apps::{AppFailure, Apps},
    barrier,
    dirs::Dirs,
    disk::{DiskError, words},
    feed::Feed,
    journal::{Fact, Journal, JournalError, Line},
    names,
    record::{Recorder, Story},
    recover::{self, Decision},
    state::{self, AppFile, Kept, StateError},
    trash,
};
use silver_plugin_api::plan::{Action, Outcome, OutcomeKind, ProgressKind, Step, Transition, TransitionKind};

/// What a transition is carried out with.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// Where everything lies.
    pub dirs: &'a Dirs,
    /// Runs the apps.
    pub apps: &'a dyn Apps,
    /// Takes the event.
    pub recorder: &'a dyn Recorder,
    /// Is told how it goes.
    pub feed: &'a Feed,
}

/// Why a transition stopped without an outcome: the journal stays, and the next start decides.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The state of the app cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The journal cannot be removed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// Carries a new transition out.
pub async fn carry(means: Means<'_>, mut journal: Journal) -> Result<Outcome, CarryError> {
    use_label(means.dirs, journal.transition())?;
    forward(means, &mut journal).await;
    end(means, journal).await
}

/// Deals with a transition that an agent left behind, as [`recover::recover`] decides; how it ended,
/// also when that was before.
pub async fn resume(means: Means<'_>, mut journal: Journal, decision: Decision) -> Result<Option<Outcome>, CarryError> {
    use_label(means.dirs, journal.transition())?;
    match decision {
        Decision::Nothing => {
            let ended = journal.lines().iter().find_map(|line| match &line.fact {
                Fact::End(outcome) => Some((**outcome).clone()),
                _ => None,
            });
            journal.remove(means.dirs)?;
            return Ok(ended);
        }
        Decision::Finish => forward(means, &mut journal).await,
        Decision::Revert => {
            if !journal.lines().iter().any(|line| matches!(line.fact, Fact::Failed { .. })) {
                let step = last_begun(journal.lines()).unwrap_or_default();
                let message = "silver's agent was ended in the middle".to_owned();
                note(&mut journal, Fact::Failed { step, message, log: Vec::new() });
            }
            close_again(means, &journal).await;
            backward(means, &mut journal).await;
        }
    }
    end(means, journal).await.map(Some)
}

/// The steps that are not done yet. A failure before the point of no return turns round; after it,
/// the steps that are left are done all the same. A journal that cannot be written is a failure of the step.
async fn forward(means: Means<'_>, journal: &mut Journal) {
    let steps = journal.transition().steps.clone();
    for step in &steps {
        let lines = journal.lines();
        if recover::is_done(lines, &step.id) || recover::is_failed(lines, &step.id) {
            continue;
        }
        if let Err(AppFailure { message, log }) = forward_one(means, journal, step).await {
            means.feed.say(&step.id, ProgressKind::Failed(message.clone()));
            note(journal, Fact::Failed { step: step.id.clone(), message, log });
            if !recover::is_past_return(journal.transition(), journal.lines()) {
                return backward(means, journal).await;
            }
        }
    }
}

async fn forward_one(means: Means<'_>, journal: &mut Journal, step: &Step) -> Result<(), AppFailure> {
    journal.write(Fact::Begin(step.id.clone())).map_err(act::failure)?;
    means.feed.say(&step.id, ProgressKind::Begin(step.why.clone()));
    act::act(means, journal, &step.id, &step.action).await?;
    journal.write(Fact::Done(step.id.clone())).map_err(act::failure)?;
    means.feed.say(&step.id, ProgressKind::Done);
    Ok(())
}

/// The undo lists of the steps that were begun, last step first. What fails is written down and the
/// rest is done all the same, but an app whose data could not be put back is not let loose on them.
async fn backward(means: Means<'_>, journal: &mut Journal) {
    let steps = journal.transition().steps.clone();
    let begun: Vec<&Step> = steps.iter().filter(|step| recover::is_begun(journal.lines(), &step.id)).collect();
    let mut data_in_doubt = false;
    for step in begun.into_iter().rev() {
        if step.undo.is_empty() || recover::is_undone(journal.lines(), &step.id) {
            continue;
        }
        note(journal, Fact::Undo(step.id.clone()));
        means.feed.say(&step.id, ProgressKind::Undo);
        let mut problems = Vec::new();
        for action in &step.undo {
            if data_in_doubt && matches!(action, Action::OpenWrites | Action::Start { .. } | Action::Ready { .. }) {
                problems.push("left closed and stopped, because the data could not be put back".to_owned());
                continue;
            }
            if let Err(failure) = act::undo(means, journal, &step.id, action).await {
                data_in_doubt |= matches!(action, Action::RestoreCheckpoint { .. });
                problems.push(failure.message);
            }
        }
        if problems.is_empty() {
            note(journal, Fact::Undone(step.id.clone()));
        } else {
            let message = problems.join("; ");
            means.feed.say(&step.id, ProgressKind::Failed(format!("undoing failed: {message}")));
            note(journal, Fact::UndoFailed { step: step.id.clone(), message });
        }
    }
}

/// On the way back a journal that cannot be written stops nothing: every undo may be done twice.
fn note(journal: &mut Journal, fact: Fact) {
    if let Err(error) = journal.write(fact) {
        tracing::error!("{}", words(&error));
    }
}

/// Settles the app's state, records the event, and closes the journal.
async fn end(means: Means<'_>, mut journal: Journal) -> Result<Outcome, CarryError> {
    settle(means.dirs, &journal)?;
    let mut outcome = outcome(means.dirs, &journal)?;
    match means.recorder.record(&Story::of(&journal), &outcome).await {
        Ok(index) => outcome.event = Some(index),
        Err(error) => {
            // the journal stays: the next start of the agent, or the next change of the app, records it
            let message = format!("it is not in the registry yet: {}", words(&error));
            tracing::error!(transition = journal.transition().id, "{message}");
            outcome.message = Some(outcome.message.map_or(message.clone(), |before| format!("{before}; {message}")));
            return Ok(outcome);
        }
    }
    journal.reached("end", crate::fault::Moment::Begin);
    journal.write(Fact::End(Box::new(outcome.clone())))?;
    barrier::forget(means.dirs, &journal.transition().id)?;
    journal.remove(means.dirs)?;
    Ok(outcome)
}

/// A deployment that is through makes its release one that is kept; of one that was reverted nothing
/// stays, also when the agent was ended before the first step.
fn settle(dirs: &Dirs, journal: &Journal) -> Result<(), CarryError> {
    let transition = journal.transition();
    let mut file = state::load(dirs, &transition.app)?;
    if let (TransitionKind::Deploy, Some((label, release))) = (transition.kind, &transition.release)
        && file.kept(label).is_none()
    {
        match kind(journal) {
            OutcomeKind::Done => {
                file.has_data = true;
                file.publisher = Some(release.pack.publisher());
                file.releases.push(kept(dirs, journal, label)?);
            }
            OutcomeKind::Reverted if file.current.as_ref() != Some(label) => {
                trash::discard(dirs, &dirs.release(&transition.app, label))?;
            }
            OutcomeKind::Reverted | OutcomeKind::RevertFailed => {}
        }
    }
    forget_absent(&mut file);
    Ok(state::save(dirs, &file)?)
}

fn kept(dirs: &Dirs, journal: &Journal, label: &str) -> Result<Kept, StateError> {
    let transition = journal.transition();
    let checkpoint = transition.steps.iter().find_map(|step| match &step.action {
        Action::Checkpoint { id, .. } => Some(id.clone()),
        _ => None,
    });
    Ok(Kept {
        label: label.to_owned(),
        created: state::release(dirs, &transition.app, label)?.created,
        parent: journal.beginning().previous.clone(),
        checkpoint,
        data: transition.data,
    })
}

/// An app without a current release, of which no release is left either, is unknown again; the
/// numbers of its labels are not used twice all the same.
fn forget_absent(file: &mut AppFile) {
    if file.current.is_none() && file.releases.is_empty() {
        file.state = silver_plugin_api::plan::AppState::Absent;
    }
}

fn outcome(dirs: &Dirs, journal: &Journal) -> Result<Outcome, CarryError> {
    let lines = journal.lines();
    let failed = lines.iter().find_map(|line| match &line.fact {
        Fact::Failed { step, message, log } => Some((step.clone(), message.clone(), log.clone())),
        _ => None,
    });
    let undo_errors = not_undone(lines).map(|(step, message)| format!("{step}: {message}"));
    let (failed_step, message, log) = failed.map_or((None, None, Vec::new()), |(step, message, log)| {
        (Some(step).filter(|step| !step.is_empty()), Some(message), log)
    });
    Ok(Outcome {
        kind: kind(journal),
        failed_step,
        message,
        log,
        undo_errors: undo_errors.collect(),
        current: state::load(dirs, &journal.transition().app)?.current,
        event: None,
        closed_ms: closed_ms(journal),
    })
}

fn kind(journal: &Journal) -> OutcomeKind {
    if not_undone(journal.lines()).next().is_some() {
        return OutcomeKind::RevertFailed;
    }
    let failed = journal.lines().iter().any(|line| matches!(line.fact, Fact::Failed { .. }));
    if failed && !recover::is_past_return(journal.transition(), journal.lines()) {
        OutcomeKind::Reverted
    } else {
        OutcomeKind::Done
    }
}

/// Steps that could not be undone, and why; who comes later may have undone them after all.
fn not_undone(lines: &[Line]) -> impl Iterator<Item = (&str, &str)> {
    lines.iter().filter_map(|line| match &line.fact {
        Fact::UndoFailed { step, message } if !recover::is_undone(lines, step) => Some((step.as_str(), message.as_str())),
        _ => None,
    })
}

/// From the moment when writes are closed to the one when they are open again, by the node's clock.
fn closed_ms(journal: &Journal) -> u64 {
    let is = |wanted: &Action| {
        let steps = &journal.transition().steps;
        let closes = |action: &Action| matches!(action, Action::CloseWrites { .. });
        let step = match wanted {
            Action::CloseWrites { .. } => steps.iter().find(|step| closes(&step.action)),
            wanted => steps.iter().find(|step| step.action == *wanted),
        };
        step.map(|step| step.id.clone())
    };
    let at = |matches: &dyn Fn(&Fact) -> bool| journal.lines().iter().find(|line| matches(&line.fact)).map(|line| line.at);
    let Some(close) = is(&Action::CloseWrites { hold_ms: 0 }) else { return 0 };
    let Some(from) = at(&|fact| matches!(fact, Fact::Begin(step) if *step == close)) else { return 0 };
    let opened = is(&Action::OpenWrites).and_then(|open| at(&|fact| matches!(fact, Fact::Done(step) if *step == open)));
    let undone = at(&|fact| matches!(fact, Fact::Undone(step) if *step == close));
    let until = opened.or(undone).or_else(|| journal.lines().last().map(|line| line.at)).unwrap_or(from);
    u64::try_from(until - from).unwrap_or(0)
}

/// The gate is in the memory of the agent that ended: while data is put back it has to be closed.
async fn close_again(means: Means<'_>, journal: &Journal) {
    for step in &journal.transition().steps {
        let closed = recover::is_begun(journal.lines(), &step.id) && !recover::is_undone(journal.lines(), &step.id);
        if let Action::CloseWrites { .. } = step.action
            && closed
            && let Err(failure) = act::undo(means, journal, &step.id, &step.action).await
        {
            tracing::warn!(transition = journal.transition().id, "closing writes again: {failure}");
        }
    }
}

fn last_begun(lines: &[Line]) -> Option<String> {
    lines.iter().rev().find_map(|line| match &line.fact {
        Fact::Begin(step) => Some(step.clone()),
        _ => None,
    })
}

/// A label is never given twice, also when its release is reverted: records name it.
fn use_label(dirs: &Dirs, transition: &Transition) -> Result<(), StateError> {
    let Some((label, _)) = &transition.release else { return Ok(()) };
    let age = |label: &str| names::age(&transition.app, label);
    let mut file = state::load(dirs, &transition.app)?;
    if file.last_label.as_ref().is_some_and(|last| age(last) >= age(label)) {
        return Ok(());
    }
    file.last_label = Some(label.clone());
    state::save(dirs, &file)
}
