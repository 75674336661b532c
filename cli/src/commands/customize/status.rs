use super::survey::{Finding, Pair, finding};
use crate::{context::Context, error::Result, exit::Exit, moment, ui::Ui};
use serde::Serialize;
use silver_pack::{
    customization::Customization,
    manifest::Manifest,
    overrides::{self, Override, State},
};
use silver_plugin_api::Digest;
use std::collections::BTreeMap;

/// Show what a pack means for a customization: which files have to be settled, what no longer fits
///
/// States of files: current (made from what the pack has), new (the lock does not know it yet), changed (the
/// pack's file has changed since), moved, gone (the pack has it elsewhere, or no more), marked (conflict markers
/// are left), merged (they are not: the next update or rebase records who settled it).
#[derive(Debug, clap::Args)]
pub struct Status {
    #[command(flatten)]
    pair: Pair,
    /// End with 3 when something has to be settled before an update
    #[arg(long)]
    exit_code: bool,
}

/// One file, setting or finding. What does not apply is null.
#[derive(Serialize)]
struct Row {
    kind: &'static str,
    state: &'static str,
    /// Of the operator's file.
    file: Option<String>,
    /// The base that it comes from.
    layer: Option<String>,
    line: Option<usize>,
    /// Of the pack's file.
    path: Option<String>,
    base: Option<Digest>,
    theirs: Option<Digest>,
    ours: Option<Digest>,
    settled_by: Option<String>,
    settled_version: Option<String>,
    settled_at: Option<String>,
    message: Option<String>,
    hint: Option<String>,
    stops: bool,
}

impl Status {
    pub fn run(self, context: &Context) -> Result {
        let survey = self.pair.survey(context)?;
        let mut rows: Vec<Row> = survey.overrides.iter().map(|one| of_override(one, &survey.customization)).collect();
        rows.extend(renamed(survey.pack.manifest(), &survey.customization.config.settings));
        rows.extend(survey.findings.into_iter().map(of_finding));
        for hint in rows.iter_mut().filter_map(|row| row.hint.as_mut()) {
            *hint = context.ui.naming(hint);
        }
        if context.ui.json() {
            context.ui.report_json(&rows)?;
        } else {
            show(&context.ui, &rows);
        }
        let open = rows.iter().filter(|row| row.stops).count();
        match open {
            0 if rows.is_empty() => context.ui.note("the customization replaces no file of the pack"),
            0 => context.ui.note("nothing has to be settled before an update"),
            1 => context.ui.note("1 thing has to be settled before an update"),
            _ => context.ui.note(&format!("{open} things have to be settled before an update")),
        }
        Ok(if self.exit_code && open > 0 { Exit::Differences } else { Exit::Done })
    }
}

fn of_override(one: &Override, customization: &Customization) -> Row {
    let conflict = overrides::conflicts(std::slice::from_ref(one)).first().map(|conflict| finding(conflict, customization));
    let settled = one.settled.as_ref();
    Row {
        kind: "override",
        state: one.state.as_str(),
        file: Some(one.shown()),
        layer: one.base_layer.as_ref().map(|base| base.name.clone()),
        line: conflict.as_ref().and_then(|conflict| conflict.line),
        path: Some(one.path.to_string()),
        base: one.base,
        theirs: one.theirs,
        ours: Some(one.ours),
        settled_by: settled.map(|settled| settled.by.clone()),
        settled_version: settled.map(|settled| settled.version.to_string()),
        settled_at: settled.map(|settled| settled.at.clone()),
        message: match &one.state {
            State::Merged => Some("its conflicts were settled by hand".into()),
            _ if one.theirs == Some(one.ours) => Some("it is the pack's file, byte by byte".into()),
            _ => conflict.as_ref().map(|conflict| conflict.message.clone()),
        },
        hint: conflict.and_then(|conflict| conflict.hint),
        stops: one.state.stops(),
    }
}

/// Settings that go by a former name.
fn renamed(manifest: &Manifest, own: &BTreeMap<String, serde_json::Value>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, def) in &manifest.settings {
        let Some(former) = def.renamed_from.as_deref().filter(|former| own.contains_key(*former)) else { continue };
        if manifest.settings.contains_key(former) {
            continue;
        }
        let both = own.contains_key(&**name);
        let hint = if both {
            format!("`{name}` is set, too, and counts: take `{former}` out")
        } else {
            "`silver customize rebase PACK --customize=DIR` gives it its new name; it counts by its former name, too".into()
        };
        rows.push(Row {
            kind: "setting",
            state: "renamed",
            message: Some(format!("the setting `{former}` is called `{name}` now")),
            hint: Some(hint),
            ..empty()
        });
    }
    rows
}

fn of_finding(finding: Finding) -> Row {
    let Finding { stops, file, line, message, hint } = finding;
    Row {
        kind: "finding",
        state: if stops { "error" } else { "warning" },
        file,
        line,
        message: Some(message),
        hint,
        stops,
        ..empty()
    }
}

fn empty() -> Row {
    Row {
        kind: "",
        state: "",
        file: None,
        layer: None,
        line: None,
        path: None,
        base: None,
        theirs: None,
        ours: None,
        settled_by: None,
        settled_version: None,
        settled_at: None,
        message: None,
        hint: None,
        stops: false,
    }
}

fn show(ui: &Ui, rows: &[Row]) {
    for row in rows {
        let what = match (&row.message, &row.file, &row.path) {
            (None, Some(file), Some(path)) => format!("{file} replaces {path}"),
            (Some(message), Some(file), Some(_)) if !message.contains(file) => format!("{file}: {message}"),
            (Some(message), Some(file), None) => match row.line {
                Some(line) => format!("{file}:{line}: {message}"),
                None if message.contains(file) => message.clone(),
                None => format!("{file}: {message}"),
            },
            (message, ..) => message.clone().unwrap_or_default(),
        };
        ui.line(&format!("{:8}  {what}", row.state));
        if let (Some(by), Some(version), Some(at)) = (&row.settled_by, &row.settled_version, &row.settled_at) {
            ui.line(&format!("{:8}  settled by {by} for {version}, {}", "", moment::seconds(at)));
        }
        if let Some(hint) = &row.hint {
            ui.line(&format!("{:8}  hint: {hint}", ""));
        }
    }
}
