mod ours;
mod row;

use crate::{
    app_name,
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    node, trust,
};
use ours::Ours;
use row::{Row, Shown};
use silver_core::node::{Node, NodeError};
use silver_pack::listing::Listing;
use silver_plugin_api::{
    TreePath,
    plan::{LaidOut, MAX_CONTENTS},
};
use silver_registry::diff::{self, FileDifference};
use silver_transport::RemoteNode;
use std::{collections::BTreeMap, path::PathBuf};
use tokio::task::JoinSet;

/// Compare a pack or a directory with what really lies on the node, line by line
///
/// Every byte on the node is read: what was altered there by hand is seen. Lines with `-` are the node's, lines
/// with `+` are those of the pack, merged with the customization. A directory is one that `silver merge -o DIR`
/// writes, or any other with the files of the release. With the application alone, what lies there is compared
/// with what was deployed, and lines with `+` are the node's. The exit code is 3 when something differs.
#[derive(Debug, clap::Args)]
#[command(allow_missing_positional = true)]
pub struct Diff {
    /// A pack, or a directory with the files of the release; default: what was deployed
    #[arg(value_name = "PACK|DIR")]
    ours: Option<PathBuf>,
    /// Name of the application, or a location
    app: String,
    /// The customization that the pack is merged with
    #[arg(long, value_name = "DIR", requires = "ours")]
    customize: Option<PathBuf>,
    /// A setting instead of the customization's; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = crate::deploying::setting, requires = "ours")]
    set: Vec<(String, String)>,
    /// Only these files, and what lies below these directories
    #[arg(long, value_name = "PATH")]
    only: Vec<TreePath>,
    /// Only what differs, not the lines
    #[arg(long)]
    name_only: bool,
}

impl Diff {
    pub fn run(self, context: &Context) -> Result {
        context.interrupt.ends_at_once(&context.ui)?;
        context.block_on(async {
            let node = node::connect(context)?;
            // a name is mostly that of an application: the node reads its files while we read ours
            let files = Files::of(&node, &self.app);
            let pack = self.ours.as_ref().filter(|path| !path.is_dir()).map(|path| self.deploying(path));
            let pack = pack.map(|what| what.open(context, trust::First::Tell).map(|opened| (what, opened))).transpose()?;
            let app = app_name::find(&node, &self.app).await?;
            let Some(release) = &app.release else {
                let error = CommandError::new(Exit::Error, format!("`{}` has no release on node `{}`", app.app, node.name()));
                return Err(error.hint("`silver update PACK` deploys one"));
            };
            let files = if app.app == self.app { files } else { Files::of(&node, &app.app) };
            let ours = match (&self.ours, pack) {
                (_, Some((what, opened))) => Ours::pack(context, &node, &what, &opened, &app).await?,
                (Some(path), None) => self.directory(path)?,
                (None, None) => Ours::deployed(context, &node, &release.tree).await?,
            };
            let laid_out = files.laid_out().await?;
            let theirs = Listing::parse(&laid_out.lines).map_err(silver_core::deploy::DeployError::from)?;
            let wanted = |path: &TreePath| {
                let within = |at: &TreePath| path == at || path.below(at).is_some();
                !ours.unknown.iter().any(within) && (self.only.is_empty() || self.only.iter().any(within))
            };
            let differences: Vec<FileDifference> =
                diff::trees(&theirs, ours.tree.listing()).into_iter().filter(|file| wanted(&file.path)).collect();
            let contents =
                if self.name_only { BTreeMap::new() } else { contents(&node, &app.app, &laid_out, &differences).await? };
            let mut shown = Shown::new(&ours, &contents, self.name_only);
            let mut rows: Vec<Row> = differences.iter().map(|file| shown.row(file)).collect();
            if self.only.is_empty() {
                rows.extend(laid_out.odd.iter().map(|name| Row::odd(name)));
            }
            for outputs in &ours.unknown {
                context.ui.note(&format!("{outputs}/ is not compared: the node has not made it from this before"));
            }
            report(context, &rows, &format!("{} on node {} is the same", laid_out.label, node.name()))?;
            Ok(if rows.is_empty() { Exit::Done } else { Exit::Differences })
        })
    }

    fn directory(&self, path: &std::path::Path) -> Result<Ours> {
        if self.customize.is_some() || !self.set.is_empty() {
            return Err(CommandError::usage("a directory is compared as it is: `--customize` and `--set` are for packs"));
        }
        Ours::directory(path)
    }

    fn deploying(&self, pack: &std::path::Path) -> crate::deploying::Deploying {
        crate::deploying::Deploying { set: self.set.clone(), ..crate::deploying::Deploying::of(pack, self.customize.as_deref()) }
    }
}

/// The files of an application, on their way from the node; nobody waits for them but who wants them.
struct Files(JoinSet<std::result::Result<LaidOut, NodeError>>);

impl Files {
    fn of(node: &RemoteNode, app: &str) -> Self {
        let (mut asked, node, app) = (JoinSet::new(), node.clone(), app.to_owned());
        asked.spawn(async move { node.files(&app).await });
        Self(asked)
    }

    async fn laid_out(mut self) -> Result<LaidOut> {
        match self.0.join_next().await {
            Some(Ok(laid_out)) => Ok(laid_out?),
            Some(Err(error)) => Err(CommandError::new(Exit::Error, error)),
            None => Err(CommandError::new(Exit::Error, "nobody was asked for the files")),
        }
    }
}

/// What the node has of the files that differ, as far as it can be shown.
async fn contents(
    node: &dyn Node,
    app: &str,
    laid_out: &LaidOut,
    differences: &[FileDifference],
) -> Result<BTreeMap<TreePath, Vec<u8>>> {
    let wanted: Vec<TreePath> = differences
        .iter()
        .filter(|file| row::can_be_shown(file) && file.before.is_some())
        .map(|file| file.path.clone())
        .collect();
    let mut contents = BTreeMap::new();
    for paths in wanted.chunks(MAX_CONTENTS) {
        let found = node.contents(app, &laid_out.label, paths.to_vec()).await?;
        contents.extend(paths.iter().cloned().zip(found).filter_map(|(path, content)| Some((path, content?))));
    }
    Ok(contents)
}

fn report(context: &Context, rows: &[Row], same: &str) -> Result<()> {
    if context.ui.json() {
        return context.ui.report_json(&rows);
    }
    if rows.is_empty() {
        context.ui.note(same);
    }
    for row in rows {
        context.ui.line(&row.to_string());
    }
    let cut = rows.iter().filter(|row| row.is_cut()).count();
    if cut > 0 {
        context.ui.note(&format!("the lines of {cut} more files are not shown: `--only PATH` shows those of one"));
    }
    Ok(())
}
