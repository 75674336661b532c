//! A plan on its way: shown, agreed to, staged, submitted, watched to its end.

use crate::{
    context::Context,
    dns,
    error::{CommandError, Result},
    exit::Exit,
    interrupt::nothing_has_changed,
    signing,
};
use jiff::Timestamp;
use serde::Serialize;
use silver_core::{
    deploy::{Choice, Planned},
    node::Node,
    nodes::LOCAL,
    plan::{Flags, Plan, Writes},
};
use silver_plugin_api::{
    Digest,
    plan::{Outcome, OutcomeKind, Progress, TransitionKind},
};
use std::{collections::BTreeMap, future::Future};

/// What `--json` reports of a change.
#[derive(Serialize)]
struct Report<'a> {
    app: &'a str,
    kind: TransitionKind,
    outcome: &'a str,
    release: Option<&'a str>,
    url: Option<String>,
    failed_step: Option<&'a str>,
    message: Option<&'a str>,
    log: &'a [String],
    event: Option<u64>,
    closed_ms: u64,
    plan: String,
}

/// What was carried out.
struct Agreed {
    plan: Plan,
    /// Of what was agreed to.
    digest: Digest,
    /// On which the node's applications answer.
    port: u16,
}

/// How a plan is carried out.
#[derive(Default)]
pub struct How<'a> {
    /// Only show the plan.
    pub dry_run: bool,
    /// It can be undone at once: neither shown nor asked for first.
    pub unasked: bool,
    /// Asks for the values of secrets that nothing refers to and the node does not have.
    pub ask_secrets: Option<&'a AskSecrets<'a>>,
    /// Shown to a person when it is done.
    pub notes: Option<String>,
    /// It is one of many small steps of development, which nobody signs.
    pub unsigned: bool,
}

/// Asks for the values of the secrets with these names.
pub type AskSecrets<'a> = dyn Fn(&[&str]) -> Result<BTreeMap<String, String>> + 'a;

/// Shows the plan, asks, carries it out and reports.
pub async fn carry(context: &Context, node: &dyn Node, choice: Choice, how: How<'_>) -> Result {
    let planned = match choice {
        Choice::Nothing { why } => return nothing(context, &why),
        Choice::Planned(planned) => planned,
    };
    if !how.unasked || how.dry_run {
        show(context, planned.plan(), how.dry_run)?;
        let transition = &planned.plan().transition;
        if transition.release.is_some() {
            dns::warn(context, &[node.name().to_owned()], &transition.locations).await?;
        }
    }
    if how.dry_run {
        return Ok(Exit::Done);
    }
    if !how.unasked {
        agree(context, &planned)?;
    }
    let secrets = match how.ask_secrets {
        Some(ask) => ask(&planned.secrets_to_give())?,
        None => BTreeMap::new(),
    };
    let agreed = Agreed { plan: planned.plan().clone(), digest: planned.digest(), port: planned.front_port() };
    let signature = if how.unsigned { None } else { signing::sign(context, &agreed.digest)? };
    let mut view = context.ui.progress();
    let mut listener = |progress: Progress| view.show(&progress);

    context.interrupt.is_awaited()?;
    let staged = Box::pin(interruptible(context, planned.stage(node, &secrets, &mut listener))).await;
    let Some(staged) = staged else { return Err(nothing_has_changed()) };
    let submitted = staged?.submit(&Timestamp::now().to_string(), signature).await?;
    let outcome = interruptible(context, submitted.outcome(node, &mut listener)).await;
    view.finish();
    let Some(outcome) = outcome else {
        let app = &agreed.plan.transition.app;
        return Err(CommandError::new(Exit::Interrupted, format!("interrupted: the node finishes the change of `{app}`"))
            .hint(meanwhile(app, node.name())));
    };
    report(context, &agreed, &outcome?, how.notes.as_deref())
}

/// How somebody who no longer looks on finds out what became of a change.
fn meanwhile(app: &str, node: &str) -> String {
    if node == LOCAL {
        return format!("`silver status` tells how it goes, `silver registry log` how it ended; log lines: `silver logs {app}`");
    }
    format!(
        "`silver status --node {node}` tells how it goes, `silver registry log --node {node}` how it ended, after `silver registry pull {node}`; log lines: `silver logs {app} --node {node}`"
    )
}

fn nothing(context: &Context, why: &str) -> Result {
    if context.ui.json() {
        context.ui.report_json(&serde_json::json!({ "outcome": "nothing", "message": why }))?;
    } else {
        context.ui.line(&format!("nothing to do: {why}"));
    }
    Ok(Exit::Done)
}

fn show(context: &Context, plan: &Plan, dry_run: bool) -> Result<()> {
    match (context.ui.json(), dry_run) {
        (true, true) => context.ui.report_json(plan),
        (true, false) => Ok(()),
        (false, _) => {
            context.ui.line(&plan.to_string());
            Ok(())
        }
    }
}

/// What throws writes away is not agreed to by pressing return.
fn agree(context: &Context, planned: &Planned) -> Result<()> {
    let lost = planned.plan().summary.lost.is_some();
    let question = if lost { "Carry this out, and lose these writes?" } else { "Carry this out?" };
    if context.ui.confirm(question, !lost)? {
        return Ok(());
    }
    Err(CommandError::new(Exit::Interrupted, "not carried out: nothing has changed"))
}

/// Runs `work` until it is done or the person interrupts (`None`).
pub async fn interruptible<T>(context: &Context, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = context.interrupt.pressed() => None,
        done = work => Some(done),
    }
}

/// The usual flags, and a name for this attempt.
pub fn flags() -> Result<Flags> {
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(|error| CommandError::new(Exit::Error, error))?;
    let now = Timestamp::now().strftime("%Y%m%dt%H%M%Sz");
    Ok(Flags::new(format!("{now}-{:08x}", u32::from_be_bytes(random))))
}

fn report(context: &Context, agreed: &Agreed, outcome: &Outcome, notes: Option<&str>) -> Result {
    let Agreed { plan, digest, port } = agreed;
    let exit = match outcome.kind {
        OutcomeKind::Done => Exit::Done,
        OutcomeKind::Reverted => Exit::Reverted,
        OutcomeKind::RevertFailed => Exit::RevertFailed,
    };
    let transition = &plan.transition;
    let url = transition.locations.first().map(|location| url(location, *port));
    if context.ui.json() {
        context.ui.report_json(&Report {
            app: &transition.app,
            kind: transition.kind,
            outcome: match outcome.kind {
                OutcomeKind::Done => "done",
                OutcomeKind::Reverted => "reverted",
                OutcomeKind::RevertFailed => "revert-failed",
            },
            release: outcome.current.as_deref(),
            url: url.clone(),
            failed_step: outcome.failed_step.as_deref(),
            message: outcome.message.as_deref(),
            log: &outcome.log,
            event: outcome.event,
            closed_ms: outcome.closed_ms,
            plan: digest.to_string(),
        })?;
    }
    if exit != Exit::Done {
        return Err(failed(context, transition.kind, outcome, exit));
    }
    if !context.ui.json() {
        context.ui.line(&done(plan, outcome, url.as_deref()));
        if let Some(notes) = notes {
            context.ui.line(&format!("\n{}", notes.trim_end()));
        }
    }
    Ok(Exit::Done)
}

/// Where a location is answered by a front on this port.
pub fn url(location: &str, port: u16) -> String {
    let (host, path) = location.split_once('/').unwrap_or((location, ""));
    let slash = if path.is_empty() { "" } else { "/" };
    match port {
        80 => format!("http://{host}/{path}{slash}"),
        443 => format!("https://{host}/{path}{slash}"),
        port => format!("http://{host}:{port}/{path}{slash}"),
    }
}

fn done(plan: &Plan, outcome: &Outcome, url: Option<&str>) -> String {
    let (kind, app) = (plan.transition.kind, &plan.transition.app);
    let url = url.unwrap_or("no location");
    let closed = match outcome.closed_ms {
        0 => String::new(),
        ms => format!(" (requests were held or refused for {ms} ms)"),
    };
    let label = outcome.current.as_deref().unwrap_or(app);
    let silent = plan.summary.from.is_some() && plan.summary.writes == Writes::NotServing;
    match kind {
        TransitionKind::Deploy | TransitionKind::Rollback if silent => {
            format!("{label} is current, but {app} does not answer: `silver status {app}`")
        }
        TransitionKind::Deploy | TransitionKind::Rollback => format!("{label} is live at {url}{closed}"),
        TransitionKind::Disable => format!("{app} is disabled: {url} answers 503"),
        TransitionKind::Enable => format!("{app} is enabled again: {url}"),
        TransitionKind::Deactivate => format!("{app} is deactivated: its locations are free, its release and data stay"),
        TransitionKind::Activate => format!("{app} is active again: {url}"),
    }
}

fn failed(context: &Context, kind: TransitionKind, outcome: &Outcome, exit: Exit) -> CommandError {
    if !outcome.log.is_empty() && !context.ui.json() {
        let lines: Vec<String> = outcome.log.iter().map(|line| format!("\n  | {line}")).collect();
        context.ui.warning(&format!("what the application said last:{}", lines.concat()));
    }
    for error in &outcome.undo_errors {
        context.ui.warning(&format!("undoing: {error}"));
    }
    let what = match kind {
        TransitionKind::Deploy => "the update",
        TransitionKind::Rollback => "the rollback",
        _ => "the change",
    };
    let step = outcome.failed_step.as_deref().map(|step| format!(" at `{step}`")).unwrap_or_default();
    let why = outcome.message.as_deref().unwrap_or("no reason was given");
    let now = match (exit, outcome.current.as_deref()) {
        (Exit::RevertFailed, _) => "reverting failed too".to_owned(),
        (_, Some(current)) => format!("everything is as before, {current} is current"),
        (_, None) => "everything that was made is removed again".to_owned(),
    };
    let hint = match exit {
        Exit::RevertFailed => "a person has to look at it: `silver status` and `silver logs` say what is there",
        _ => "put right what the message names and run the same command again",
    };
    CommandError::new(exit, format!("{what} failed{step}: {why}; {now}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_of_a_server_is_read_in_a_copy() {
        assert!(!meanwhile("wiki", LOCAL).contains("pull"));
        let there = meanwhile("wiki", "web1");
        let (pull, log) = (there.find("`silver registry pull web1`"), there.find("`silver registry log --node web1`"));
        assert!(pull.is_some() && log.is_some(), "{there}");
    }
}
