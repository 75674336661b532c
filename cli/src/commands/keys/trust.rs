use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    merging, node, operator, trust,
};
use serde::Serialize;
use silver_build::keys;
use silver_core::node::Node;
use silver_pack::{
    commit,
    customization::{Customization, Lock, LockedPack},
    pack::Pack,
    signature::PublicKey,
};
use silver_plugin_api::plan::{Publisher, TrustRequest};
use std::path::{Path, PathBuf};

/// Accept whoever published this pack, for an application and a customization
///
/// For when the publisher's key is lost, or the application is to go on with another publisher's pack. Former and new
/// publisher are shown first; that it was accepted is an event in the registry.
#[derive(Debug, clap::Args)]
pub struct Trust {
    /// The pack
    pack: PathBuf,
    /// The application; default: those of the customization's `deploy` rows, or the pack's name
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// The customization, whose lock then knows the publisher
    #[arg(long, value_name = "DIR")]
    customize: Option<PathBuf>,
    /// Only if the pack is signed with this key: `RW…`, or a public key file
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Why, for the registry
    #[arg(long)]
    reason: Option<String>,
    /// Show what would be trusted, change nothing
    #[arg(long)]
    dry_run: bool,
}

/// One place that trusts somebody else from now on.
#[derive(Serialize)]
struct Row {
    /// `app`, `customization`.
    known_as: &'static str,
    name: String,
    former: Option<String>,
    former_pack: Option<String>,
    key: String,
    pack: String,
    event: Option<u64>,
}

impl Trust {
    pub fn run(self, context: &Context) -> Result {
        let pack = Pack::open(&self.pack)?;
        let publisher = pack.reference().publisher();
        self.demand_key(&pack)?;
        let (_locked, customization) = match &self.customize {
            Some(dir) => {
                merging::demand_directory(dir)?;
                let locked = commit::lock(dir)?;
                (Some(locked), Some(Customization::load(dir)?))
            }
            None => (None, None),
        };
        let known = trust::apps(context)?;
        let mut rows = Vec::new();
        for app in self.apps(&pack, customization.as_ref()) {
            let former = known.iter().find(|(name, _)| *name == app).map(|(_, publisher)| publisher.clone());
            if former.as_ref() != Some(&publisher) {
                rows.push(Row::new("app", app, former, &publisher));
            }
        }
        let lock = customization.as_ref().and_then(|mine| relock(&mine.lock, &pack));
        if let (Some(mine), Some(_)) = (&customization, &lock) {
            let former = mine.lock.pack.as_ref().map(LockedPack::publisher);
            rows.push(Row::new("customization", mine.dir.display().to_string(), former, &publisher));
        }
        if rows.is_empty() {
            context.ui.note(&format!("nothing to do: {publisher} is trusted already"));
            return report(context, &rows, false);
        }
        show(context, &pack, &rows);
        if self.dry_run {
            context.ui.note("dry run: nothing was changed");
            return report(context, &rows, false);
        }
        if !context.ui.confirm("Trust this publisher from now on?", false)? {
            return Err(CommandError::new(Exit::Error, "nobody else is trusted; nothing was changed"));
        }
        context.interrupt.is_awaited()?; // the registry and the lock belong together
        self.record(context, &mut rows, &publisher)?;
        if let (Some(mine), Some(lock)) = (&customization, lock) {
            mine.save_lock(&lock)?;
        }
        report(context, &rows, true)
    }

    /// The key that the person was told by another way.
    fn demand_key(&self, pack: &Pack) -> Result<()> {
        let Some(text) = &self.key else { return Ok(()) };
        let path = Path::new(text);
        let wanted: PublicKey = if path.is_file() {
            keys::read_public(path)?
        } else {
            text.parse().map_err(|error: silver_pack::signature::KeyError| {
                CommandError::usage(error).hint("give the public key itself, or the file that has it")
            })?
        };
        if pack.signature().is_some_and(|signature| signature.key == wanted) {
            return Ok(());
        }
        let message = format!("{} is not signed with {wanted}: it is {}", trust::name(pack), pack.reference().publisher());
        Err(CommandError::new(Exit::Integrity, message).hint("get the pack from its publisher"))
    }

    fn apps(&self, pack: &Pack, customization: Option<&Customization>) -> Vec<String> {
        let default = pack.manifest().pack.name.to_string();
        if let Some(app) = &self.app {
            return vec![app.clone()];
        }
        let rows = customization.map(|mine| mine.config.deploy.as_slice()).unwrap_or_default();
        let mut names: Vec<String> =
            rows.iter().map(|row| row.name.as_ref().map_or_else(|| default.clone(), ToString::to_string)).collect();
        names.sort();
        names.dedup();
        if names.is_empty() { vec![default] } else { names }
    }

    /// The registry first: what is trusted without an event is trusted by nobody.
    fn record(&self, context: &Context, rows: &mut [Row], publisher: &Publisher) -> Result<()> {
        context.block_on(async {
            for row in rows.iter_mut().filter(|row| row.known_as == "app") {
                let request = TrustRequest {
                    app: row.name.clone(),
                    publisher: publisher.clone(),
                    operator: operator::claimed(),
                    reason: self.reason.clone(),
                };
                row.event = Some(node::connect(context)?.trust(request).await?);
            }
            Ok(())
        })
    }
}

/// The lock that knows the pack's publisher; `None` when it does so already. The versions that it was
/// used with stay, unless they are of another pack, or of this one with other bytes.
fn relock(lock: &Lock, pack: &Pack) -> Option<Lock> {
    let new = merging::locked(pack);
    let relocked = match &lock.pack {
        Some(old) if old.id == new.id && (old.version != new.version || old.digest == new.digest) => {
            LockedPack { key: new.key, ..old.clone() }
        }
        _ => new,
    };
    let mut changed = lock.clone();
    changed.pack = Some(relocked);
    (changed != *lock).then_some(changed)
}

impl Row {
    fn new(known_as: &'static str, name: String, former: Option<Publisher>, publisher: &Publisher) -> Self {
        let (former_pack, former) = former.map(|former| (former.pack, former.key)).unzip();
        let Publisher { pack, key } = publisher.clone();
        Self { known_as, name, former, former_pack, key, pack, event: None }
    }
}

fn show(context: &Context, pack: &Pack, rows: &[Row]) {
    let publisher = pack.reference().publisher();
    context.ui.note(&format!("{}: {publisher}", trust::name(pack)));
    for row in rows {
        let former = row.former.clone().zip(row.former_pack.clone());
        let former = former.map_or_else(|| "nobody".to_owned(), |(key, pack)| Publisher { pack, key }.to_string());
        context.ui.note(&format!("  {} {} has trusted until now: {former}", row.known_as, row.name));
    }
    context.ui.note("From then on only this publisher's packs are accepted there.");
}

fn report(context: &Context, rows: &[Row], done: bool) -> Result {
    if context.ui.json() {
        context.ui.report_json(&rows)?;
    }
    for row in rows.iter().filter(|_| done && !context.ui.json()) {
        let event = row.event.map(|event| format!(" (event {event})")).unwrap_or_default();
        let publisher = Publisher { pack: row.pack.clone(), key: row.key.clone() };
        context.ui.line(&format!("{} {} trusts {publisher}{event}", row.known_as, row.name));
    }
    Ok(Exit::Done)
}
