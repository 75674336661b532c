use super::survey::Pair;
use crate::{changes, context::Context, error::Result, exit::Exit, moment, operator};
use jiff::Timestamp;
use serde::Serialize;
use silver_pack::{
    customization::Settled,
    overrides::{Override, Side},
    rebase::{self, Done, MAX_LINES, Why},
};
use silver_plugin_api::TreePath;
use std::collections::BTreeMap;

/// Merge what the pack changed into your files
///
/// Where both changed the same lines, both versions are written between conflict markers: put the file right, take
/// the markers out, and run it again (or update). The lock records who settled what, for which version. All is
/// written at once or nothing; a second run changes nothing. Ends with 3 when something is left to settle.
#[derive(Debug, clap::Args)]
pub struct Rebase {
    #[command(flatten)]
    pair: Pair,
    /// Where both changed the same, yours counts; a file that cannot be merged stays as it is
    #[arg(long, value_name = "PATH")]
    ours: Vec<TreePath>,
    /// Where both changed the same, the pack's counts; a file of yours that cannot be merged goes
    #[arg(long, value_name = "PATH")]
    theirs: Vec<TreePath>,
    /// Show what would change, write nothing
    #[arg(long)]
    dry_run: bool,
}

/// What is done with one file or setting, or what is left. What does not apply is null.
#[derive(Serialize)]
struct Row {
    kind: &'static str,
    done: &'static str,
    file: Option<String>,
    path: Option<String>,
    /// Lines of conflict markers.
    lines: Vec<usize>,
    message: String,
    hint: Option<String>,
    open: bool,
    written: bool,
}

impl Rebase {
    pub fn run(self, context: &Context) -> Result {
        let survey = self.pair.survey(context)?;
        let (pack, customization) = (&survey.pack, survey.customization.own());
        let version = pack.manifest().pack.version.clone();
        let settled = Settled { by: operator::claimed(), version, at: moment::seconds(&Timestamp::now().to_string()) };
        let sides = [(&self.ours, Side::Ours), (&self.theirs, Side::Theirs)];
        let choices: BTreeMap<TreePath, Side> =
            sides.into_iter().flat_map(|(paths, side)| paths.iter().map(move |path| (path.clone(), side))).collect();
        let rebased = rebase::Rebase {
            customization,
            overrides: &survey.overrides,
            app: pack.tree(),
            manifest: pack.manifest(),
            former_known: survey.former_known(context),
            bases: &survey.bases,
            choices: &choices,
            settled,
        }
        .run()?;
        let written = !self.dry_run && rebased.files.listing() != customization.files.listing();
        if written {
            survey.locked.commit(&customization.files, &rebased.files)?;
        }
        let mut rows: Vec<Row> =
            survey.overrides.iter().zip(&rebased.overrides).map(|(one, done)| of_file(one, done, written)).collect();
        rows.extend(rebased.settings.iter().map(|(former, now)| Row {
            kind: "setting",
            done: "renamed",
            message: format!("the setting `{former}` is called `{now}` now"),
            written,
            ..empty()
        }));
        let after = survey.customization.with_own_files(rebased.files.clone())?;
        let told: Vec<Option<String>> = rows.iter().filter(|row| row.open).map(|row| row.file.clone()).collect();
        for left in survey.left(context, &after)?.into_iter().filter(|left| !told.contains(&left.file)) {
            let (file, message, hint) = (left.file, left.message, left.hint);
            rows.push(Row { kind: "finding", done: "open", file, message, hint, open: true, ..empty() });
        }
        for hint in rows.iter_mut().filter_map(|row| row.hint.as_mut()) {
            *hint = context.ui.naming(hint);
        }
        if context.ui.json() {
            context.ui.report_json(&rows)?;
        } else {
            for row in rows.iter().filter(|row| row.done != "nothing") {
                context.ui.line(&format!("{:8}  {}", row.done, row.message));
                if let Some(hint) = &row.hint {
                    context.ui.line(&format!("{:8}  hint: {hint}", ""));
                }
            }
            if self.dry_run {
                changes::show(&context.ui, &customization.files, &rebased.files);
            }
        }
        let open = rows.iter().any(|row| row.open);
        context.ui.note(match (self.dry_run, written, open) {
            (true, ..) => "dry run: nothing was written",
            (_, true, true) => "written; what is marked or open is left to you",
            (_, true, false) => "written; nothing is left to settle before an update",
            (_, false, true) => "nothing was written; what is marked or open is left to you",
            (_, false, false) => "nothing to do",
        });
        Ok(if open { Exit::Differences } else { Exit::Done })
    }
}

fn of_file(one: &Override, done: &Done, written: bool) -> Row {
    let (file, path) = (&one.shown(), &one.path);
    let lines = if let Done::Marked(lines) = done { lines.clone() } else { Vec::new() };
    let choose = || format!("choose: `--ours {file}` or `--theirs {file}`");
    let (message, hint) = match done {
        Done::Nothing => (format!("{file} is up to date"), None),
        Done::Recorded => (format!("{file}: the lock knows now that it goes with {path}"), None),
        Done::Unknown => (
            format!("{file}: nothing says which version of {path} it was made from"),
            Some(format!("give that pack with `--base OLD.zip`; if it goes with this one, `--ours {file}`")),
        ),
        Done::Merged => (format!("{file} has the pack's changes of {path}"), None),
        Done::Marked(lines) => {
            let numbers: Vec<String> = lines.iter().map(ToString::to_string).collect();
            let message = format!("{file}: both changed the same; conflict markers are in lines {}", numbers.join(", "));
            (message, Some(format!("put it right and take the markers out; or {}", choose())))
        }
        Done::Chosen(Side::Ours) => (format!("{file}: where both changed the same, yours counts"), None),
        Done::Chosen(Side::Theirs) => (format!("{file}: where both changed the same, the pack's counts"), None),
        Done::Removed if one.theirs.is_none() => (format!("{file} is taken out: the pack has no {path} any more"), None),
        Done::Removed => (format!("{file} is taken out: the pack's {path} counts"), None),
        Done::Moved(to) => (format!("{file} is {to} now, as the pack's {path} moved"), None),
        Done::Open(Why::Opaque) => {
            (format!("{file} is no text, or has more than {MAX_LINES} lines: it is not merged"), Some(choose()))
        }
        Done::Open(Why::Gone) => (
            format!("{file}: the pack's {path} is gone"),
            Some(if one.may_stay {
                format!("choose: `--ours {file}` keeps yours as a file of its own, `--theirs {file}` takes it out")
            } else {
                format!(
                    "`--theirs {file}` takes it out; only files that the pack has are replaced there, so yours cannot stay as it is"
                )
            }),
        ),
        Done::Open(Why::NoBase) => (
            format!(
                "{file}: what it was made from ({}) is not in this machine's registry, nor in a pack of `--base`",
                one.base.map(|base| base.short()).unwrap_or_default()
            ),
            Some(format!("give the pack that it was made from with `--base OLD.zip`; or {}", choose())),
        ),
        Done::Open(Why::InBase) => {
            let (name, dir) =
                one.base_layer.as_ref().map(|base| (base.name.as_str(), base.dir.display().to_string())).unwrap_or_default();
            let hint = format!("settle it there, for all sites: `silver customize rebase PACK --customize={dir}`");
            (format!("{file} comes from the base {name}"), Some(hint))
        }
        Done::Open(Why::Markers) => {
            (format!("{file}: its conflict markers are not in order"), Some("put it right by hand".into()))
        }
    };
    Row {
        kind: "override",
        done: done.as_str(),
        file: Some(file.clone()),
        path: Some(path.to_string()),
        lines,
        message,
        hint,
        open: done.is_open(),
        written: written && *done != Done::Nothing && !matches!(done, Done::Open(_) | Done::Unknown),
    }
}

fn empty() -> Row {
    Row {
        kind: "",
        done: "",
        file: None,
        path: None,
        lines: Vec::new(),
        message: String::new(),
        hint: None,
        open: false,
        written: false,
    }
}
