use super::open_if_there;
use crate::{context::Context, error::Result, exit::Exit};
use serde::Serialize;
use silver_registry::{
    EventKind,
    index::{Index, LogEntry, LogFilter},
};

/// List what happened: deployments, also failed ones, rollbacks, runs, shells, …
#[derive(Debug, clap::Args)]
pub struct Log {
    /// Only this application
    app: Option<String>,
    /// Only this kind of event: `deploy`, `rollback`, `run`, …
    #[arg(long)]
    kind: Option<EventKind>,
    /// Only so many of the newest
    #[arg(long, short = 'n', value_name = "N")]
    lines: Option<u64>,
}

/// What a person sees; `--json` has every field of [`LogEntry`].
#[derive(Serialize)]
struct Row {
    event: u64,
    time: String,
    kind: String,
    app: Option<String>,
    release: Option<String>,
    version: Option<String>,
    outcome: Option<String>,
    by: String,
    why: Option<String>,
}

impl Log {
    pub fn run(self, context: &Context) -> Result {
        let Some(registry) = open_if_there(context)? else {
            context.ui.list::<LogEntry>(&[], "nothing was deployed here yet")?;
            return Ok(Exit::Done);
        };
        let filter = LogFilter { app: self.app, kind: self.kind, last: self.lines };
        let entries = Index::open(&registry)?.log(&filter)?;
        if context.ui.json() {
            context.ui.report_json(&entries)?;
        } else {
            let rows: Vec<_> = entries.into_iter().map(row).collect();
            context.ui.list(&rows, "no such event")?;
        }
        Ok(Exit::Done)
    }
}

fn row(entry: LogEntry) -> Row {
    Row {
        event: entry.event,
        // to the second: the rest is in `show`
        time: entry.ended.get(..19).map_or_else(|| entry.ended.clone(), |second| format!("{second}Z")),
        kind: entry.kind,
        app: entry.app,
        release: entry.release,
        version: entry.version,
        outcome: entry.outcome,
        by: entry.operator,
        why: entry.message.or(entry.reason),
    }
}
