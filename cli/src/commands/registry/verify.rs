mod signatures;

use super::key;
use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    node,
    nodes::NodesFile,
};
use serde::Serialize;
use signatures::Signatures;
use silver_core::nodes::LOCAL;
use silver_plugin_api::plan::{Progress, ProgressKind};
use silver_registry::{
    Registry, RegistryError, VerifierKey, mirror,
    verify::{Options, Report, verify},
};
use std::{fs, path::PathBuf, sync::Mutex};

/// Check that every file of the registry is as it was recorded, and so are the copies of the registries of nodes
///
/// Finds any altered, missing or extra file. A log that was rewritten and signed again with the
/// node's own key is found only with an older tree head that was kept elsewhere. What operators have signed is checked
/// against their keys in nodes.toml. The exit code is 8 when something is wrong.
#[derive(Debug, clap::Args)]
pub struct Verify {
    /// An older tree head (`silver registry head`): the log must still begin with what it was signed over
    #[arg(long, value_name = "FILE")]
    since_head: Option<PathBuf>,
}

/// So many leftovers are shown to a person.
const SHOWN: usize = 5;

/// One finding. `leftover`, `stranger` and `unsigned` are no faults.
#[derive(Serialize)]
struct Row {
    node: String,
    finding: &'static str,
    path: String,
    detail: String,
}

/// A registry that is to be verified.
struct Place {
    node: String,
    dir: PathBuf,
    key: VerifierKey,
}

impl Verify {
    pub fn run(self, context: &Context) -> Result {
        let since = self.since_head.map(|path| {
            fs::read_to_string(&path).map_err(|error| CommandError::usage(format!("cannot read {}: {error}", path.display())))
        });
        let since = since.transpose()?;
        let nodes = NodesFile::read(context)?;
        let (mut rows, mut faults) = (Vec::new(), 0);
        for place in places(context, &nodes, since.is_some())? {
            let report = look(context, &place, since.as_deref())?;
            let mut signatures = Signatures::default();
            if report.is_sound() {
                signatures = Signatures::check(&Registry::open(&place.dir)?, &nodes.nodes)?;
            }
            faults += report.problems.len() + signatures.faults.len();
            let row = |finding, path: &str, detail: &str| Row {
                node: place.node.clone(),
                finding,
                path: path.to_owned(),
                detail: detail.to_owned(),
            };
            rows.extend(report.problems.iter().map(|problem| row(problem.finding.as_str(), &problem.path, &problem.detail)));
            rows.extend(signatures.faults.iter().map(|(path, why)| row("forged", path, why)));
            rows.extend(signatures.strangers.iter().map(|(path, who)| row("stranger", path, who)));
            if context.ui.json() {
                rows.extend(report.leftovers.iter().map(|(path, detail)| row("leftover", path, detail)));
            } else {
                say(context, &place, &report, &signatures);
            }
        }
        if context.ui.json() || !rows.is_empty() {
            context.ui.list(&rows, "")?;
        }
        if faults == 0 {
            return Ok(Exit::Done);
        }
        let files = if faults == 1 { "1 file is".to_owned() } else { format!("{faults} files are") };
        Err(CommandError::new(Exit::Integrity, format!("{files} not as recorded"))
            .hint("nothing was changed; compare with a backup of the registry before going on"))
    }
}

/// This machine's registry and all copies, or the one that `--node` means.
fn places(context: &Context, nodes: &NodesFile, only_one: bool) -> Result<Vec<Place>> {
    let dirs = context.dirs()?;
    let own = dirs.registry();
    let copies = mirror::names(&own);
    let meant = if context.nodes.is_empty() && !only_one {
        // a machine that only looks after servers has none of its own
        let here = own.join("format").exists() || own.join("log").exists() || copies.is_empty();
        here.then(|| LOCAL.to_owned()).into_iter().chain(copies).collect()
    } else {
        node::selected(context)?
    };
    let mut places = Vec::new();
    for node in meant {
        if node == LOCAL {
            if !own.exists() {
                return Err(RegistryError::Absent(own).into());
            }
            places.push(Place { key: key::of(&dirs)?, dir: own.clone(), node });
            continue;
        }
        let dir = mirror::dir(&own, &node);
        let key = nodes.nodes.nodes.get(node.as_str()).and_then(|entry| entry.log_key.as_deref()).and_then(VerifierKey::parse);
        let Some(key) = key else {
            let message = format!("nodes.toml has no `log-key` of `{node}`, so nothing proves who signed its log");
            return Err(
                CommandError::new(Exit::Integrity, message).hint("`silver setup-node` and `silver registry pull` note it")
            );
        };
        places.push(Place { node, dir, key });
    }
    Ok(places)
}

fn look(context: &Context, place: &Place, since: Option<&str>) -> Result<Report> {
    let view = Mutex::new(context.ui.progress());
    let show = |kind| {
        if let Ok(mut view) = view.lock() {
            view.show(&Progress { step: "verify".into(), kind, at_ms: 0 });
        }
    };
    show(ProgressKind::Begin(format!("check the registry{}", of(&place.node))));
    let options = Options { key: &place.key, since };
    Ok(verify(&place.dir, options, &|done, total| show(ProgressKind::Amount { done, total: Some(total) }))?)
}

fn of(node: &str) -> String {
    if node == LOCAL { String::new() } else { format!(" of {node}") }
}

fn say(context: &Context, place: &Place, report: &Report, signatures: &Signatures) {
    say_leftovers(context, &report.leftovers);
    if !report.is_sound() {
        return;
    }
    let Report { events, trees, objects, bytes, .. } = report;
    let head = report.head.as_ref().map(|head| head.root.short()).unwrap_or_default();
    let megabytes = bytes.div_ceil(1_000_000);
    let node = if place.node == LOCAL { String::new() } else { format!("{}: ", place.node) };
    context.ui.note(&format!(
        "{node}as recorded: {events} events, {trees} trees, {objects} objects ({megabytes} MB), signed head {head}"
    ));
    if let Some(text) = signatures.words() {
        context.ui.note(&format!("{node}{text}"));
    }
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
