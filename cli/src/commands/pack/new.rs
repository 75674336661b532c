use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
};
use serde::Serialize;
use silver_build::new;
use std::path::PathBuf;

/// Write a first pack.toml by looking at a directory
///
/// What the files say is filled in, what is only likely is marked as a guess. Nothing of the directory is run, and a pack.toml
/// that is there is never overwritten.
#[derive(Debug, clap::Args)]
pub struct New {
    /// Directory of the application
    dir: PathBuf,
    /// Show what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Report {
    /// `null` when nothing was written.
    path: Option<String>,
    what: String,
    supported: bool,
    guesses: Vec<String>,
    text: String,
}

impl New {
    pub fn run(self, context: &Context) -> Result {
        let failed = |error: new::NewError| {
            let hint = error.hint();
            CommandError::new(Exit::Usage, error).maybe_hint(hint)
        };
        let draft = new::draft(&self.dir).map_err(failed)?;
        let path = if self.dry_run { None } else { Some(new::write(&self.dir, &draft).map_err(failed)?) };
        if context.ui.json() {
            context.ui.report_json(&Report {
                path: path.map(|path| path.display().to_string()),
                what: draft.what,
                supported: draft.refused.is_none(),
                guesses: draft.guesses,
                text: draft.text,
            })?;
            return Ok(Exit::Done);
        }
        match &path {
            Some(path) => context.ui.line(&format!("{} is {}; wrote {}", self.dir.display(), draft.what, path.display())),
            None => context.ui.line(draft.text.trim_end()),
        }
        if draft.refused.is_some() {
            context.ui.warning(
                "this version of silver cannot run such an application yet: it refuses this manifest as «not supported yet»",
            );
        }
        if path.is_some() {
            let count = draft.guesses.len();
            context.ui.hint(&format!(
                "look at the lines marked `guess` ({count} things to check), then `silver pack {}`",
                self.dir.display()
            ));
        }
        Ok(Exit::Done)
    }
}
