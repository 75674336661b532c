use crate::{
    app_name,
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    merging, node,
};
use serde::Serialize;
use silver_agent::dirs::Dirs;
use silver_core::node::Node;
use silver_pack::{document::nearest, listing::Listing, overlay::Reasons};
use silver_plugin_api::{
    Digest, TreePath,
    plan::{Release, StateNature},
};
use silver_registry::{Change, Event, Registry};
use std::path::{Path, PathBuf};

/// Tell where a file of an application comes from, by which rule, and what it replaced
#[derive(Debug, clap::Args)]
pub struct Explain {
    /// Name of the application, or a location; or a pack that is not deployed yet
    app: String,
    /// The file: its path in the release, or below the instance directory
    path: TreePath,
    /// With a pack: the customization
    #[arg(long, value_name = "DIR")]
    customize: Option<PathBuf>,
}

/// One step of how a path became what it is, the last one last.
#[derive(Serialize)]
struct Row {
    path: TreePath,
    change: &'static str,
    rule: String,
    inputs: Vec<String>,
    by: String,
    digest: Option<Digest>,
    replaced: Option<Digest>,
}

/// What is known of a tree.
struct Known {
    /// `trac 1.6.0`
    pack: String,
    listing: Listing,
    reasons: Reasons,
    layout_root: TreePath,
    release: Option<Release>,
}

impl Explain {
    pub fn run(self, context: &Context) -> Result {
        let file = Path::new(&self.app);
        let known = if self.customize.is_some() || (file.extension().is_some_and(|suffix| suffix == "zip") && file.is_file()) {
            of_pack(context, file, self.customize.as_deref())?
        } else {
            context.block_on(of_app(context, &self.app))?
        };
        let rows = known.explain(&self.path)?;
        if context.ui.json() {
            context.ui.list(&rows, "")?;
        } else {
            for row in &rows {
                show(context, row);
            }
        }
        Ok(Exit::Done)
    }
}

fn of_pack(context: &Context, pack: &Path, customize: Option<&Path>) -> Result<Known> {
    let how = merging::How { only_files: true, ..merging::How::default() };
    let opened = merging::open(context, pack, customize, &how)?;
    let name = opened.pack.manifest().pack.name.to_string();
    let merged = merging::merge(context, opened, &name, "any")?;
    let manifest = merged.pack.manifest();
    Ok(Known {
        pack: format!("{} {}", manifest.pack.name, manifest.pack.version),
        listing: Listing::clone(merged.merged.tree.listing()),
        reasons: merged.merged.reasons,
        layout_root: manifest.layout.root.clone(),
        release: None,
    })
}

async fn of_app(context: &Context, app: &str) -> Result<Known> {
    let node = node::connect(context)?;
    let app = app_name::find(&node, app).await?.app;
    let observed = node.observe(&app).await?;
    let current = observed.current.as_ref().and_then(|label| observed.releases.iter().find(|release| release.label == *label));
    let Some(current) = current else {
        return Err(CommandError::usage(format!("`{app}` has no current release")));
    };
    let release = current.release.clone();
    let lines = node.tree(&release.tree).await?;
    let wrong = |error| CommandError::new(Exit::Integrity, error);
    let listing = Listing::parse(&lines).map_err(wrong)?;
    Ok(Known {
        pack: format!("{} {}", release.pack.name, release.pack.version),
        listing,
        reasons: recorded(&context.dirs()?, &app, &current.label)?,
        layout_root: release.layout_root.clone(),
        release: Some(release),
    })
}

/// The reasons that were recorded when the release was deployed.
fn recorded(dirs: &Dirs, app: &str, label: &str) -> Result<Reasons> {
    let registry = Registry::open(&dirs.registry())?;
    let mut digest = None;
    for event in registry.events(0)? {
        let event = event?;
        let record = event.statement.record();
        let Event::Deploy(Change { release: Some(release), reasons: Some(reasons), .. }) = &record.event else { continue };
        if record.app.as_deref() == Some(app) && release.label == label {
            digest = Some(*reasons);
        }
    }
    let Some(digest) = digest else { return Ok(Reasons::default()) };
    let text = registry.objects().read(&digest)?;
    serde_json::from_slice(&text).map_err(|error| CommandError::new(Exit::Integrity, error))
}

impl Known {
    fn explain(&self, asked: &TreePath) -> Result<Vec<Row>> {
        let below = self.layout_root.join(asked).unwrap_or_default();
        let is_known = |path: &&TreePath| self.listing.get(path).is_some() || !self.reasons.of(path).is_empty();
        let found = [asked, &below].into_iter().find(is_known);
        let mut rows = Vec::new();
        if let Some(path) = found {
            rows.extend(self.steps(path));
        }
        rows.extend(self.at_run_time(asked));
        if rows.is_empty() {
            return Err(self.unknown(asked));
        }
        Ok(rows)
    }

    fn steps(&self, path: &TreePath) -> Vec<Row> {
        let changes = self.reasons.of(path);
        let first = changes.first().map_or_else(|| self.listing.get(path).map(|node| node.digest), |change| change.replaced);
        let from_pack = first.map(|digest| Row {
            path: path.clone(),
            change: "added",
            rule: "as the pack has it".into(),
            inputs: vec![format!("app:{path}")],
            by: format!("pack {}", self.pack),
            digest: Some(digest),
            replaced: None,
        });
        let later = changes.iter().map(|change| Row {
            path: path.clone(),
            change: match (change.replaced, change.digest) {
                (None, _) => "added",
                (Some(_), Some(_)) => "changed",
                (Some(_), None) => "removed",
            },
            rule: change.rule.clone(),
            inputs: change.inputs.clone(),
            by: change.by.clone(),
            digest: change.digest,
            replaced: change.replaced,
        });
        from_pack.into_iter().chain(later).collect()
    }

    /// What happens to a path of the instance directory on the node.
    fn at_run_time(&self, asked: &TreePath) -> Vec<Row> {
        let Some(release) = &self.release else { return Vec::new() };
        let inside = asked.below(&self.layout_root).filter(|path| !path.is_root()).unwrap_or_else(|| asked.clone());
        let row = |change: &'static str, by: &str, rule: String, inputs: Vec<String>| Row {
            path: inside.clone(),
            change,
            rule,
            inputs,
            by: by.into(),
            digest: None,
            replaced: None,
        };
        let mut rows = Vec::new();
        for state in release.state.iter().filter(|state| inside.below(&state.path).is_some()) {
            let what = match state.nature {
                StateNature::Data => "data",
                StateNature::Cache => "a cache",
                StateNature::Log => "a log",
                StateNature::Config => "a configuration of which silver sets only the owned keys",
                StateNature::Public => "public files",
            };
            let seed = state.seed.iter().map(|seed| format!("seed:{seed}"));
            let keys = state.owned.iter().flat_map(|(_, keys)| keys.iter().map(|key| format!("owned:{key}")));
            rows.push(row(
                "written",
                "the application",
                format!("`{}` is the application's own: {what}", state.path),
                seed.chain(keys).collect(),
            ));
        }
        for rendered in release.rendered.iter().filter(|rendered| rendered.path == inside) {
            rows.push(row(
                "rendered",
                "the node",
                format!("`{}` is made when the application starts", rendered.path),
                Vec::new(),
            ));
        }
        rows
    }

    fn unknown(&self, asked: &TreePath) -> CommandError {
        let all = || self.listing.iter().map(|(path, _)| path.as_str());
        let inside = self
            .listing
            .below(&self.layout_root)
            .filter_map(|(path, _)| path.strip_prefix(&*self.layout_root)?.strip_prefix('/'));
        let error = CommandError::usage(format!("the release has no file `{asked}`"));
        error.maybe_hint(nearest(asked, all().chain(inside)).map(|path| format!("did you mean `{path}`?")))
    }
}

fn show(context: &Context, row: &Row) {
    let short = |digest: &Digest| format!("sha256:{}", digest.short());
    context.ui.line(&format!("{} {} by {}", row.path, row.change, row.by));
    context.ui.line(&format!("  rule: {}", row.rule));
    if !row.inputs.is_empty() {
        context.ui.line(&format!("  from: {}", row.inputs.join(", ")));
    }
    if let Some(replaced) = &row.replaced {
        context.ui.line(&format!("  replaced: {}", short(replaced)));
    }
    if let Some(digest) = &row.digest {
        context.ui.line(&format!("  content: {}", short(digest)));
    }
}
