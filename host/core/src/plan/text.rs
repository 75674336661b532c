//! The plan as people read it.

use super::{
    Change, FileChanges, Plan,
    facts::{Edition, Reversal, Summary, Writes},
    steps::{count, hook_words},
};
use silver_plugin_api::plan::{Action, Step, TransitionKind};
use std::fmt::{self, Display, Formatter};

/// So many paths are listed; the others are counted.
const LISTED: usize = 20;

impl Display for Plan {
    /// Lines, without an end of line after the last. Names and paths of packs, customizations and
    /// nodes are data: whoever prints this to a terminal strips control characters.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let summary = &self.summary;
        write!(f, "{} (node {})", summary.title, self.node)?;
        for (name, text) in rows(self) {
            write!(f, "\n  {name:<12} {text}")?;
        }
        for remark in &summary.remarks {
            write!(f, "\n  {:<12} {remark}", "note")?;
        }
        let names = self.transition.steps.iter().map(|step| step.id.chars().count()).max().unwrap_or_default();
        write!(f, "\n  steps")?;
        for (number, step) in self.transition.steps.iter().enumerate() {
            write!(f, "\n  {:>4} {:<names$}  {}", number + 1, step.id, step_words(step))?;
            if !step.undo.is_empty() {
                let undo: Vec<String> = step.undo.iter().map(undo_words).collect();
                write!(f, "\n       {:<names$}  on failure: {}", "", undo.join(", then "))?;
            }
        }
        Ok(())
    }
}

fn rows(plan: &Plan) -> Vec<(&'static str, String)> {
    let (summary, transition) = (&plan.summary, &plan.transition);
    let mut rows = Vec::new();
    let label = |edition: &Edition| format!("{} ({})", edition.label, edition.app_version);
    match (&summary.from, &summary.to) {
        (Some(from), Some(to)) if from != to => rows.push(("release", format!("{} → {}", label(from), label(to)))),
        (_, Some(to)) => rows.push(("release", label(to))),
        _ => {}
    }
    let locations = transition.locations.join(", ");
    if summary.locations_before.is_empty() || summary.locations_before == transition.locations {
        rows.push(("locations", locations));
    } else {
        rows.push(("locations", format!("{} → {locations}", summary.locations_before.join(", "))));
    }
    if changes_release(transition.kind) {
        files(&summary.files, &mut rows);
        settings(summary, &mut rows);
        if !summary.new_secrets.is_empty() {
            rows.push(("new secrets", summary.new_secrets.join(", ")));
        }
        if let Some(environment) = &summary.environment {
            let state = if environment.build { "will be built" } else { "is there" };
            rows.push(("environment", format!("{}, {state}", environment.interpreter)));
        }
        for (at, step) in summary.assemble.iter().enumerate() {
            let state = if step.run { "run in a sandbox, then its files are added" } else { "as it was made before" };
            rows.push((if at == 0 { "build steps" } else { "" }, format!("`{}` → {}/: {state}", step.command, step.outputs)));
        }
        rows.push(("to send", format!("{} bytes", grouped(summary.send_bytes))));
        rows.push(("requests", writes(summary.writes)));
    }
    rows.push(("on failure", summary.on_failure.clone()));
    if let Some(lost) = &summary.lost {
        let text = format!(
            "the data go back to {}: what was written since {} is lost (a copy is kept as {})",
            lost.checkpoint, lost.since, lost.kept_as
        );
        rows.push(("LOST", text));
    }
    match &summary.reversal {
        Reversal::CodeOnly => rows.push(("rollback", "code and customization go back, the data stay".into())),
        Reversal::WithData { checkpoint } => rows.push((
            "rollback",
            format!("code and customization go back, and the data to {checkpoint}: what is written from then on would be lost"),
        )),
        Reversal::Nothing => {}
    }
    rows
}

fn changes_release(kind: TransitionKind) -> bool {
    matches!(kind, TransitionKind::Deploy | TransitionKind::Rollback)
}

fn files(files: &FileChanges, rows: &mut Vec<(&'static str, String)>) {
    let all = format!("{}, {} bytes", count(files.total, "file"), grouped(files.total_bytes));
    if files.added == files.total && files.paths.is_empty() && files.total > 0 {
        rows.push(("files", format!("{all}, all new")));
        return;
    }
    if files.paths.is_empty() {
        rows.push(("files", format!("{all}, none changed")));
        return;
    }
    rows.push(("files", format!("{} added, {} changed, {} removed; {all} in all", files.added, files.changed, files.removed)));
    for change in files.paths.iter().take(LISTED) {
        let (sign, bytes) = match change.change {
            Change::Added => ('+', grouped(change.after)),
            Change::Changed => ('~', format!("{} → {}", grouped(change.before), grouped(change.after))),
            Change::Removed => ('-', grouped(change.before)),
        };
        rows.push(("", format!("{sign} {} ({bytes} bytes)", change.path)));
    }
    if files.paths.len() > LISTED {
        rows.push(("", format!("… and {} more", files.paths.len() - LISTED)));
    }
}

fn settings(summary: &Summary, rows: &mut Vec<(&'static str, String)>) {
    let mut name = "settings";
    for change in &summary.settings {
        let text = match (&change.before, &change.after) {
            (Some(before), Some(after)) => format!("{}: {before:?} → {after:?}", change.name),
            (None, Some(after)) => format!("{} = {after:?}", change.name),
            (Some(before), None) => format!("{} (was {before:?}) is gone", change.name),
            (None, None) => continue,
        };
        rows.push((name, text));
        name = "";
    }
}

fn writes(writes: Writes) -> String {
    match writes {
        Writes::Open => "go on all the time".into(),
        Writes::Closed { held_ms, at_most_ms } => {
            format!(
                "are held up to {}, then answered with 503; closed for at most {} and the time to copy the data",
                time(held_ms),
                time(at_most_ms)
            )
        }
        Writes::NotServing => "are not answered now".into(),
    }
}

fn step_words(step: &Step) -> String {
    match &step.action {
        Action::Run { hook, .. } => {
            format!("{}: `{}` (at most {})", step.why, hook_words(&hook.target), time(hook.timeout_ms))
        }
        Action::Ready { probe, .. } => {
            format!("{}: {} answers {} (at most {})", step.why, probe.access.path, probe.access.status, time(probe.timeout_ms))
        }
        Action::Check(check) => format!("{} (at most {})", step.why, time(check.timeout_ms)),
        Action::Drain { timeout_ms, .. } | Action::Barrier { timeout_ms } => {
            format!("{} (at most {})", step.why, time(*timeout_ms))
        }
        Action::Checkpoint { id, .. } => format!("{} as {id}", step.why),
        _ => step.why.clone(),
    }
}

fn undo_words(action: &Action) -> String {
    match action {
        Action::OpenWrites => "let requests through".into(),
        Action::RestoreCheckpoint { id } => format!("restore {id}"),
        Action::RemoveState => "remove data and secrets".into(),
        Action::RestoreKeys { file } => format!("put the former keys of {file} back"),
        Action::Start { label, .. } => format!("start {label}"),
        Action::Stop { label, .. } => format!("stop {label}"),
        Action::Drain { label, .. } => format!("let requests of {label} end, then stop it"),
        Action::Ready { label, .. } => format!("wait until {label} answers"),
        Action::Switch { label: Some(label) } => format!("{label} becomes current again"),
        Action::Switch { label: None } => "no release is current".into(),
        Action::SetLocations { locations } if locations.is_empty() => "answer nowhere".into(),
        Action::SetLocations { locations } => format!("answer at {}", locations.join(", ")),
        Action::SetDisabled(true) => "disable".into(),
        Action::SetDisabled(false) => "enable".into(),
        Action::SetDeactivated(true) => "deactivate".into(),
        Action::SetDeactivated(false) => "activate".into(),
        Action::RemoveRelease { label } => format!("remove {label}"),
        other => format!("{other:?}"),
    }
}

/// `90 s`, `15 min`.
pub(crate) fn time(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..120_000 => format!("{} s", ms.div_ceil(1000)),
        _ => format!("{} min", ms.div_ceil(60_000)),
    }
}

/// `34,000,000`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
