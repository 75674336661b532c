//! What the plugins of a pack ask for, with what was decided of it in a customization.

use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    merging::{self, integrity},
    trust,
};
use serde::Serialize;
use silver_pack::{
    commit,
    customization::{Customization, Decision, Lock, LockedPack},
    hash,
    manifest::{Need, PluginDef},
    pack::Pack,
};
use silver_plugin_api::Digest;
use std::path::PathBuf;

/// A plugin of a pack, by what it is and asks for.
pub struct Asking {
    pub def: PluginDef,
    pub digest: Digest,
}

/// The plugins of the pack that ask for something. One that is not what the manifest states is refused.
pub fn asking(pack: &Pack) -> Result<Vec<Asking>> {
    let asking = pack.manifest().plugin.iter().filter(|def| !def.needs.is_empty());
    asking.map(|def| Ok(Asking { def: def.clone(), digest: digest(pack, def)? })).collect()
}

/// The digest of a plugin's component.
fn digest(pack: &Pack, def: &PluginDef) -> Result<Digest> {
    let digest = hash::sha256(&pack.tree().bytes(&def.file)?);
    if def.sha256.is_some_and(|stated| stated != digest) {
        let message = format!("plugin `{}` is not the one that pack.toml states: its digest is {digest}", def.file);
        return Err(CommandError::new(Exit::Integrity, message).hint("get the pack from its publisher again"));
    }
    Ok(digest)
}

/// In one and the same pack a file has one digest; a decision about another one was tampered with.
pub fn refuse_another(lock: &Lock, plugin: &Asking, reference: &LockedPack) -> Result<()> {
    let Some(grant) = lock.former_grant(&plugin.digest, &plugin.def.file) else { return Ok(()) };
    if lock.pack.as_ref().is_none_or(|locked| locked.digest != reference.digest) {
        return Ok(());
    }
    let message = format!(
        "the lock grants something to `{}` with digest {}, this pack's has {}",
        grant.file,
        grant.plugin.short(),
        plugin.digest.short()
    );
    Err(CommandError::new(Exit::Integrity, message)
        .hint("bring customize.lock back from version control, or take the [[grant]] out of it to be asked again"))
}

/// One thing that a plugin asks for.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its file in the pack.
    pub plugin: String,
    /// What it asks for.
    pub need: String,
    /// What that means.
    pub meaning: String,
    /// `allowed`, `denied` or `undecided`.
    pub decision: &'static str,
    /// What was decided for the component before an upgrade; `-` when there was none.
    pub before: &'static str,
    /// Digest of the component.
    pub digest: String,
}

/// Everything that `plugin` asks for.
pub fn rows(plugin: &Asking, lock: &Lock) -> Vec<Row> {
    let former = lock.former_grant(&plugin.digest, &plugin.def.file);
    let row = |need: &Need| Row {
        plugin: plugin.def.file.to_string(),
        need: need.to_string(),
        meaning: need.explain(),
        decision: lock.decision(&plugin.digest, need).as_str(),
        before: former.map_or("-", |former| match former.decision(need) {
            Decision::Undecided => "new",
            decision => decision.as_str(),
        }),
        digest: plugin.digest.to_string(),
    };
    plugin.def.needs.iter().map(row).collect()
}

/// What `allow` and `deny` take.
#[derive(Debug, clap::Args)]
pub struct Decide {
    /// The pack
    #[arg(value_name = "PACK")]
    pack: PathBuf,
    /// What is decided: `index:python`, `http:HOST`, `edit-customization`; everything, if nothing is named
    #[arg(value_name = "NEED")]
    needs: Vec<Need>,
    /// The customization directory
    #[arg(long, value_name = "DIR")]
    customize: PathBuf,
    /// Only for this plugin, by its file in the pack
    #[arg(long, value_name = "FILE")]
    plugin: Option<String>,
    /// Show what would be decided, write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Decide {
    /// Writes the decision into the lock, for every plugin that asks for it.
    pub fn run(self, context: &Context, decision: Decision) -> Result {
        let pack = Pack::open(&self.pack)?;
        let reference = merging::locked(&pack);
        merging::demand_directory(&self.customize)?;
        let _locked = commit::lock(&self.customize)?;
        let customization = Customization::load(&self.customize)?;
        merging::fit_dir(context, &pack, &self.customize)?;
        trust::check(&context.ui, &pack, &customization, trust::First::unless(self.dry_run))?;
        customization.check_pack(&reference).map_err(integrity)?;

        let plugins = self.chosen(&pack)?;
        let mut lock = customization.lock.clone();
        let mut shown = Vec::new();
        for plugin in &plugins {
            refuse_another(&lock, plugin, &reference)?;
            let before = rows(plugin, &lock);
            let needs = if self.needs.is_empty() { &plugin.def.needs } else { &self.needs };
            lock.decide(plugin.digest, &plugin.def, needs, decision);
            let after = rows(plugin, &lock).into_iter().zip(before);
            // the former component's decisions are gone from the lock, but are what is compared with
            shown.extend(after.map(|(after, before)| Row { before: before.before, ..after }));
        }
        lock.know(reference);
        if !self.dry_run {
            customization.save_lock(&lock)?;
        }
        context.ui.list(&shown, "")?;
        if self.dry_run {
            context.ui.note("dry run: nothing was written");
        }
        Ok(Exit::Done)
    }

    /// The plugins that are meant. Deciding what nobody asks for is an error.
    fn chosen(&self, pack: &Pack) -> Result<Vec<Asking>> {
        let all = asking(pack)?;
        let files = || all.iter().map(|plugin| format!("`{}`", plugin.def.file)).collect::<Vec<_>>().join(", ");
        if all.is_empty() {
            return Err(CommandError::usage("no plugin of this pack asks for anything"));
        }
        let named = |plugin: &Asking| self.plugin.as_ref().is_none_or(|file| plugin.def.file.as_str() == file);
        if !all.iter().any(named) {
            let name = self.plugin.as_deref().unwrap_or_default();
            return Err(CommandError::usage(format!("no plugin `{name}` of this pack asks for anything"))
                .hint(format!("those that do: {}", files())));
        }
        let asked = || all.iter().filter(|plugin| named(plugin)).flat_map(|plugin| &plugin.def.needs);
        if let Some(need) = self.needs.iter().find(|need| !asked().any(|asked| asked == *need)) {
            let needs: Vec<String> = asked().map(|need| format!("`{need}`")).collect();
            return Err(CommandError::usage(format!("no plugin asks for `{need}`"))
                .hint(format!("what is asked for: {}", needs.join(", "))));
        }
        let concerned = |plugin: &Asking| {
            named(plugin) && (self.needs.is_empty() || plugin.def.needs.iter().any(|need| self.needs.contains(need)))
        };
        Ok(all.into_iter().filter(concerned).collect())
    }
}
