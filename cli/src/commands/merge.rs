use crate::{context::Context, error::Result, exit::Exit, merging};
use serde::Serialize;
use silver_pack::{export, overlay::Change};
use silver_plugin_api::TreePath;
use std::path::PathBuf;

/// Lay a customization over a pack and show or write the merged tree, without deploying it
#[derive(Debug, clap::Args)]
pub struct Merge {
    /// The pack
    pack: PathBuf,
    /// The customization
    #[arg(long, value_name = "DIR")]
    customize: Option<PathBuf>,
    /// Write the merged tree here; the directory is absent or empty
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Name of the application; default: the pack's
    #[arg(long)]
    name: Option<String>,
    /// Platform of the release, such as linux-x86_64-gnu2.36-cp311
    #[arg(long, default_value = "any")]
    target: String,
}

/// One path that is not as the pack has it.
#[derive(Serialize)]
struct Row<'m> {
    path: &'m TreePath,
    change: &'static str,
    rule: &'m str,
    inputs: &'m [String],
    by: &'m str,
}

impl Merge {
    pub fn run(self, context: &Context) -> Result {
        let how = merging::How { only_files: true, ..merging::How::default() };
        let opened = merging::open(context, &self.pack, self.customize.as_deref(), &how)?;
        let name = self.name.unwrap_or_else(|| opened.pack.manifest().pack.name.to_string());
        let result = merging::merge(context, opened, &name, &self.target)?;
        if let Some(dir) = &self.output {
            export::export(&result.merged.tree, dir)?;
        }
        let rows: Vec<Row<'_>> = result.merged.reasons.iter().filter_map(|(path, changes)| row(path, changes)).collect();
        context.ui.list(&rows, "the tree is the pack's, unchanged")?;
        let (files, changed) = (result.merged.tree.listing().len(), rows.len());
        let to = self.output.map(|dir| format!(", written to {}", dir.display())).unwrap_or_default();
        context.ui.note(&format!("{files} files, {changed} of them changed by the customization{to}"));
        Ok(Exit::Done)
    }
}

fn row<'m>(path: &'m TreePath, changes: &'m [Change]) -> Option<Row<'m>> {
    let (first, last) = (changes.first()?, changes.last()?);
    let change = match (first.replaced, last.digest) {
        (None, None) => return None,
        (None, Some(_)) => "added",
        (Some(_), None) => "removed",
        (Some(_), Some(_)) => "changed",
    };
    Some(Row { path, change, rule: &last.rule, inputs: &last.inputs, by: &last.by })
}
