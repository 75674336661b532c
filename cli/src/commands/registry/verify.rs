use super::key;
use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
};
use serde::Serialize;
use silver_plugin_api::plan::{Progress, ProgressKind};
use silver_registry::verify::{Options, Report, verify};
use std::{fs, path::PathBuf, sync::Mutex};

/// Check that every file of the registry is as it was recorded
///
/// Finds any altered, missing or extra file. A log that was rewritten and signed again with the
/// node's own key is found only with an older tree head that was kept elsewhere. The exit code is 8
/// when something is wrong.
#[derive(Debug, clap::Args)]
pub struct Verify {
    /// An older tree head (`silver registry head`): the log must still begin with what it was signed over
    #[arg(long, value_name = "FILE")]
    since_head: Option<PathBuf>,
}

/// So many leftovers are shown to a person.
const SHOWN: usize = 5;

/// One finding. `leftover` is harmless: what interrupted work left behind.
#[derive(Serialize)]
struct Row {
    finding: &'static str,
    path: String,
    detail: String,
}

impl Verify {
    pub fn run(self, context: &Context) -> Result {
        let dirs = context.dirs()?;
        let since = self.since_head.map(|path| {
            fs::read_to_string(&path).map_err(|error| CommandError::usage(format!("cannot read {}: {error}", path.display())))
        });
        let since = since.transpose()?;
        let dir = dirs.registry();
        if !dir.exists() {
            return Err(silver_registry::RegistryError::Absent(dir).into());
        }
        let key = key::of(&dirs)?;
        let view = Mutex::new(context.ui.progress());
        let show = |kind| {
            if let Ok(mut view) = view.lock() {
                view.show(&Progress { step: "verify".into(), kind, at_ms: 0 });
            }
        };
        show(ProgressKind::Begin("check the registry".into()));
        let options = Options { key: &key, since: since.as_deref() };
        let report = verify(&dir, options, &|done, total| show(ProgressKind::Amount { done, total: Some(total) }))?;
        drop(view);
        say(context, &report)?;
        if report.is_sound() {
            return Ok(Exit::Done);
        }
        let count = report.problems.len();
        let files = if count == 1 { "1 file is".to_owned() } else { format!("{count} files are") };
        Err(CommandError::new(Exit::Integrity, format!("{files} not as recorded in {}", dir.display()))
            .hint("nothing was changed; compare with a backup of the registry before going on"))
    }
}

fn say(context: &Context, report: &Report) -> Result<()> {
    let problem = report.problems.iter().map(|problem| Row {
        finding: problem.finding.as_str(),
        path: problem.path.clone(),
        detail: problem.detail.clone(),
    });
    let mut rows: Vec<_> = problem.collect();
    if context.ui.json() {
        let leftover =
            |(path, detail): &(String, String)| Row { finding: "leftover", path: path.clone(), detail: detail.clone() };
        rows.extend(report.leftovers.iter().map(leftover));
        return context.ui.report_json(&rows);
    }
    if !rows.is_empty() {
        context.ui.list(&rows, "")?;
    }
    say_leftovers(context, &report.leftovers);
    if report.is_sound() {
        let Report { events, trees, objects, bytes, .. } = report;
        let head = report.head.as_ref().map(|head| head.root.short()).unwrap_or_default();
        let megabytes = bytes.div_ceil(1_000_000);
        context.ui.note(&format!(
            "as recorded: {events} events, {trees} trees, {objects} objects ({megabytes} MB), signed head {head}"
        ));
    }
    Ok(())
}

/// Harmless, and there may be thousands: some, and how many.
fn say_leftovers(context: &Context, leftovers: &[(String, String)]) {
    if leftovers.is_empty() {
        return;
    }
    context.ui.note(&format!("left behind by interrupted work, harmless: {} files", leftovers.len()));
    for (path, detail) in leftovers.iter().take(SHOWN) {
        context.ui.note(&format!("  {path}: {detail}"));
    }
    if leftovers.len() > SHOWN {
        context.ui.note("  … all of them with --json");
    }
}
