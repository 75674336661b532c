use super::open;
use crate::{context::Context, error::Result, exit::Exit};
use serde::Serialize;
use silver_pack::listing::{Listing, Node};
use silver_registry::{
    Change, Registry,
    diff::{self, Difference, FactDifference, FileDifference},
};

/// Compare the releases that two events are about: versions, settings, files, lines
///
/// The exit code is 3 when they differ.
#[derive(Debug, clap::Args)]
pub struct Diff {
    /// Number of the first event
    before: u64,
    /// Number of the second event
    after: u64,
    /// Only what differs, not the lines
    #[arg(long)]
    name_only: bool,
}

/// Something that differs; `--json` shows these.
#[derive(Serialize)]
struct Row {
    /// `fact` or `file`.
    what: &'static str,
    name: String,
    difference: Difference,
    before: Option<String>,
    after: Option<String>,
    /// The lines that differ, where both are texts.
    lines: Option<String>,
}

impl Diff {
    pub fn run(self, context: &Context) -> Result {
        let registry = open(context)?;
        let (before, after) = (registry.release_of(self.before)?, registry.release_of(self.after)?);
        let trees = diff::trees(&tree(&registry, &before)?, &tree(&registry, &after)?);
        let mut rows: Vec<Row> = diff::facts(&before, &after).into_iter().map(fact).collect();
        for difference in trees {
            let lines = if self.name_only { None } else { diff::text(registry.objects(), &difference)? };
            rows.push(file(&difference, lines));
        }
        if context.ui.json() {
            context.ui.report_json(&rows)?;
        } else {
            print(context, &rows, self.before, self.after);
        }
        Ok(if rows.is_empty() { Exit::Done } else { Exit::Differences })
    }
}

fn tree(registry: &Registry, change: &Change) -> Result<Listing> {
    change.release.as_ref().map_or_else(|| Ok(Listing::new()), |release| Ok(registry.tree(&release.tree)?))
}

fn fact(fact: FactDifference) -> Row {
    let difference = match (&fact.before, &fact.after) {
        (None, _) => Difference::Added,
        (_, None) => Difference::Removed,
        _ => Difference::Changed,
    };
    Row { what: "fact", name: fact.fact, difference, before: fact.before, after: fact.after, lines: None }
}

fn file(file: &FileDifference, lines: Option<String>) -> Row {
    let digest = |node: Option<Node>| node.map(|node| node.digest.to_string());
    Row {
        what: "file",
        name: file.path.to_string(),
        difference: file.difference,
        before: digest(file.before),
        after: digest(file.after),
        lines,
    }
}

fn print(context: &Context, rows: &[Row], before: u64, after: u64) {
    if rows.is_empty() {
        context.ui.note(&format!("the releases of the events {before} and {after} are the same"));
    }
    for row in rows {
        let sign = match row.difference {
            Difference::Added => '+',
            Difference::Removed => '-',
            Difference::Changed => '~',
        };
        match (row.what, &row.before, &row.after) {
            ("fact", before, after) => {
                let [before, after] = [before, after].map(|value| value.as_deref().unwrap_or("-"));
                context.ui.line(&format!("{sign} {}: {before} → {after}", row.name));
            }
            (_, Some(before), Some(after)) if before == after => {
                context.ui.line(&format!("{sign} {} (executable bit)", row.name));
            }
            _ => context.ui.line(&format!("{sign} {}", row.name)),
        }
        for line in row.lines.iter().flat_map(|lines| lines.lines()) {
            context.ui.line(line);
        }
    }
}
