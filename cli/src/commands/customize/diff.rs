use super::survey::{Pair, Survey};
use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
};
use serde::Serialize;
use silver_pack::{
    document::nearest,
    overrides::{Override, State},
    rebase::{self, ThreeWay, three_way},
};
use silver_plugin_api::{Digest, TreePath};
use similar::TextDiff;

/// Show what the pack and what you changed in the same files
///
/// For each file that has to be settled two differences are shown, both from what your file was made from (base):
/// to the pack's file now (theirs), and to yours (ours). Ends with 3 when there is something to settle.
#[derive(Debug, clap::Args)]
pub struct Diff {
    #[command(flatten)]
    pair: Pair,
    /// Only these files, whether they have to be settled or not: paths in the customization or in the release
    files: Vec<TreePath>,
}

/// One file. What cannot be shown is null.
#[derive(Serialize)]
struct Row {
    file: String,
    path: TreePath,
    state: &'static str,
    base: Option<Digest>,
    theirs: Option<Digest>,
    ours: Digest,
    /// What a rebase would do.
    merge: &'static str,
    base_to_theirs: Option<String>,
    base_to_ours: Option<String>,
}

impl Diff {
    pub fn run(self, context: &Context) -> Result {
        let survey = self.pair.survey(context)?;
        let named = |one: &Override, file: &TreePath| one.file == *file || one.path == *file;
        for file in &self.files {
            if !survey.overrides.iter().any(|one| named(one, file)) {
                let files = survey.overrides.iter().map(|one| one.file.as_str());
                let hint = nearest(file, files).map(|file| format!("did you mean `{file}`?"));
                return Err(CommandError::usage(format!("`{file}` replaces no file of the pack")).maybe_hint(hint));
            }
        }
        let wanted = |one: &&Override| match self.files.as_slice() {
            [] => one.state.stops(),
            files => files.iter().any(|file| named(one, file)),
        };
        let mut rows = Vec::new();
        for one in survey.overrides.iter().filter(wanted) {
            rows.push(row(&survey, one)?);
        }
        if context.ui.json() {
            context.ui.report_json(&rows)?;
        } else {
            for row in &rows {
                show(context, row);
            }
        }
        let stops = survey.overrides.iter().any(|one| wanted(&one) && one.state.stops());
        if rows.is_empty() {
            context.ui.note("no file has to be settled");
        }
        Ok(if stops { Exit::Differences } else { Exit::Done })
    }
}

fn row(survey: &Survey, one: &Override) -> Result<Row> {
    let ours = survey.customization.files.bytes(&one.file).ok();
    let theirs = survey.pack.tree().bytes(&one.path).ok();
    let base = match one.base {
        Some(digest) => rebase::base(&survey.bases, &one.file, &digest)?,
        None => None,
    };
    let merge = match (&base, &ours, &theirs, &one.state) {
        (.., State::Current | State::New | State::Merged) => "nothing",
        (.., State::Marked(_)) => "marked",
        (.., State::Moved(_)) => "moved",
        (Some(base), Some(ours), Some(theirs), State::Changed) => match three_way(base, ours, theirs) {
            ThreeWay::Clean(_) => "clean",
            ThreeWay::Conflicts(_) => "conflicts",
            ThreeWay::Opaque => "choice",
        },
        _ => "choice",
    };
    let show = |to: Option<&Vec<u8>>, name: &str, file: &TreePath| {
        let (from, to) = (text(base.as_deref()?)?, text(to?)?);
        let diff = TextDiff::from_lines(from, to);
        let (base, now) = (format!("base/{file}"), format!("{name}/{file}"));
        Some(diff.unified_diff().context_radius(3).header(&base, &now).to_string())
    };
    Ok(Row {
        base_to_theirs: show(theirs.as_ref(), "theirs", &one.path),
        base_to_ours: show(ours.as_ref(), "ours", &one.file),
        file: one.shown(),
        path: one.path.clone(),
        state: one.state.as_str(),
        base: one.base,
        theirs: one.theirs,
        ours: one.ours,
        merge,
    })
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

fn show(context: &Context, row: &Row) {
    let ui = &context.ui;
    let word = match row.merge {
        "clean" => "both changes go together",
        "conflicts" => "both changed the same lines",
        "marked" => "conflict markers are left in it",
        "moved" => "only its place in the pack changed",
        "choice" if row.theirs.is_none() => "the pack has it no more",
        "choice" if row.base_to_ours.is_none() => {
            "it cannot be merged line by line, or what it was made from is not here (`--base`)"
        }
        "choice" => "it cannot be merged line by line",
        _ => "up to date",
    };
    ui.line(&format!("{} ({}): {word}", row.file, row.state));
    for diff in [&row.base_to_theirs, &row.base_to_ours].into_iter().flatten().filter(|diff| !diff.is_empty()) {
        ui.line(diff.trim_end());
    }
    ui.line("");
}
