//! How it ended on each node, and with what the command ends.

use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    interrupt::nothing_has_changed,
};
use serde::Serialize;
use silver_core::group::Ended;
use silver_plugin_api::plan::{Outcome, OutcomeKind};

/// The step at which nodes wait for each other: what failed there failed because of another.
const BARRIER: &str = "barrier";

/// One node in the summary.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) node: String,
    /// `done`, `nothing`, `reverted`, `taken-back`, `ahead`, `revert-failed`, `not-begun`, `refused`, `unknown`.
    pub(super) outcome: &'static str,
    pub(super) release: Option<String>,
    pub(super) message: Option<String>,
    pub(super) failed_step: Option<String>,
    pub(super) event: Option<u64>,
    pub(super) plan: Option<String>,
}

/// The summary.
pub(super) struct Report {
    pub(super) rows: Vec<Row>,
    /// Did the operator call it off?
    pub(super) called_off: bool,
}

impl Report {
    /// Fills the rows of the nodes that had a plan; an error unless all have the new release.
    pub(super) fn judge(&mut self, context: &Context, ended: Vec<Ended>) -> Result<()> {
        let done = ended.iter().all(Ended::is_live);
        let begun = !ended.iter().all(|end| matches!(end, Ended::NotBegun | Ended::Refused(_)));
        let (mut worst, mut first) = (None, None);
        for (row, end) in self.rows.iter_mut().filter(|row| row.plan.is_some()).zip(ended) {
            if let Ended::Outcome(outcome) = &end
                && outcome.kind != OutcomeKind::Done
                && first.is_none()
                && outcome.failed_step.as_deref() != Some(BARRIER)
            {
                say_last_words(context, &row.node, outcome);
                first = Some(failed_on(&row.node, outcome));
            }
            row.tell(end, &mut worst);
        }
        if done {
            return Ok(());
        }
        if let Some(worst) = worst {
            return Err(worst);
        }
        if self.called_off {
            let as_before = CommandError::new(Exit::Interrupted, "interrupted: everything is as before on all nodes");
            return Err(if begun { as_before } else { nothing_has_changed() });
        }
        let what = first.unwrap_or_else(|| "the update failed".into());
        Err(CommandError::new(Exit::Reverted, format!("{what}; everything is as before on all nodes"))
            .hint("put right what the message names and run the same command again"))
    }
}

fn failed_on(node: &str, outcome: &Outcome) -> String {
    let step = outcome.failed_step.as_deref().map(|step| format!(" at `{step}`")).unwrap_or_default();
    let why = outcome.message.as_deref().unwrap_or("no reason was given");
    format!("the update failed on node {node}{step}: {why}")
}

fn say_last_words(context: &Context, node: &str, outcome: &Outcome) {
    if !outcome.log.is_empty() && !context.ui.json() {
        let lines: Vec<String> = outcome.log.iter().map(|line| format!("\n  | {line}")).collect();
        context.ui.warning(&format!("what the application said last on node {node}:{}", lines.concat()));
    }
    for error in &outcome.undo_errors {
        context.ui.warning(&format!("undoing on node {node}: {error}"));
    }
}

impl Row {
    /// One on which nothing is done.
    pub(super) fn of(node: &str) -> Self {
        let node = node.to_owned();
        Self { node, outcome: "nothing", release: None, message: None, failed_step: None, event: None, plan: None }
    }

    /// How it ended there; `worst` is what the command ends with.
    fn tell(&mut self, end: Ended, worst: &mut Option<CommandError>) {
        let needs_person = |what: &str| {
            CommandError::new(Exit::RevertFailed, format!("the nodes are not all as before: {what}"))
                .hint("a person has to look at it: `silver status --node NAME` and `silver logs` say what is there")
        };
        match end {
            Ended::NotBegun => self.outcome = "not-begun",
            Ended::Refused(error) => {
                self.outcome = "refused";
                self.message = Some(error.to_string());
                worst.get_or_insert(error.into());
            }
            Ended::Outcome(outcome) => {
                self.outcome = match outcome.kind {
                    OutcomeKind::Done => "done",
                    OutcomeKind::Reverted => "reverted",
                    OutcomeKind::RevertFailed => "revert-failed",
                };
                if outcome.kind == OutcomeKind::RevertFailed {
                    *worst = Some(needs_person(&format!("reverting failed on {}", self.node)));
                }
                self.fill(outcome);
            }
            Ended::TakenBack(outcome) => {
                self.outcome = "taken-back";
                self.fill(outcome);
            }
            Ended::Ahead { outcome, why } => {
                self.outcome = "ahead";
                self.fill(outcome);
                self.message = Some(why);
                *worst = Some(needs_person(&format!("{} has the new release", self.node)));
            }
            Ended::Away => {
                self.outcome = "unknown";
                let message = format!("node {} cannot be reached any more; it goes back by itself", self.node);
                self.message = Some(message.clone());
                worst.get_or_insert_with(|| {
                    CommandError::new(Exit::Unreachable, format!("{message}, as the others did"))
                        .hint(format!("when it can be reached again, `silver status --node {}` tells how it is", self.node))
                });
            }
            Ended::Lost(error) => {
                self.outcome = "unknown";
                self.message = Some(error.to_string());
                worst.get_or_insert(error.into());
            }
        }
    }

    fn fill(&mut self, outcome: Outcome) {
        self.release = outcome.current;
        self.message = outcome.message;
        self.failed_step = outcome.failed_step;
        self.event = outcome.event;
    }
}
