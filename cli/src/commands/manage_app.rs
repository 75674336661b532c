//! `silver manage-app`: the commands that a pack's plugin offers.

mod arguments;
mod desk;
mod grant;
mod keep;
mod offer;
mod reach;
mod record;

use crate::{
    app_plugins::{self, Indexes},
    changes,
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    extensions, findings,
    merging::{self, integrity},
    trust,
    ui::Ui,
};
use arguments::Parsed;
use clap::ArgAction;
use desk::Desk;
use offer::Offer;
use serde::Serialize;
use serde_json::{Map, Value};
use silver_extensions::Extensions;
use silver_pack::{
    commit,
    customization::{Customization, LockedPack, LockedPlugin},
    pack::Pack,
};
use silver_plugin_api::{
    commands::{Commands, Invocation},
    customizer::{AppPlugin, EXTRA_APP_PLUGINS},
};
use std::path::PathBuf;

/// Run a command of the pack on a customization: install the application's own plugins, say
///
/// The pack's plugin works on a copy of the customization directory. What it changes is shown; it is
/// written only when the command succeeds, all of it or nothing.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true, after_help = "`silver manage-app PACK --list-commands` shows what the pack offers.")]
pub struct ManageApp {
    /// The pack
    #[arg(value_name = "PACK")]
    pack: PathBuf,
    /// The customization directory
    #[arg(long, value_name = "DIR")]
    customize: Option<PathBuf>,
    /// Show the commands that the pack offers
    #[arg(long)]
    list_commands: bool,
    /// Show what would change, write nothing
    #[arg(long)]
    dry_run: bool,
    /// Build what the index has as source only: its code runs in a sandbox without network. --yes does not mean this
    #[arg(long)]
    allow_build: bool,
    /// Print help
    #[arg(long, short, action = ArgAction::HelpLong)]
    help: Option<bool>,
    /// The pack's command and its arguments
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// The report of a command, with `--json`.
#[derive(Serialize)]
struct Report<'a> {
    command: &'a str,
    status: u8,
    summary: &'a str,
    /// What the command listed, rows of all its tables.
    rows: Vec<Map<String, Value>>,
    files: &'a [changes::FileChange],
    written: bool,
}

impl ManageApp {
    pub fn run(self, context: &Context) -> Result {
        let pack = Pack::open(&self.pack)?;
        let extensions = extensions::open(context)?;
        let offers = offer::all(&pack, &extensions)?;
        let Some((name, arguments)) = self.command.split_first() else {
            if self.list_commands {
                return offer::show(&context.ui, &offers);
            }
            return Err(CommandError::usage("which command? None was given").hint(offer::hint(&offers)));
        };
        let offer = offer::find(&offers, name)?;
        let parsed = arguments::parse(&offer.spec, arguments).map_err(|error| {
            let usage = arguments::usage(&offer.spec);
            CommandError::usage(error).hint(format!("usage: `silver manage-app PACK --customize=DIR {usage}`"))
        })?;
        let ui = context.ui.and(parsed.json, parsed.yes, parsed.quiet);
        if parsed.help {
            ui.line(&arguments::help(&offer.spec));
            return Ok(Exit::Done);
        }
        let dir = self.customize.as_deref().ok_or_else(|| {
            CommandError::usage("which customization? --customize=DIR was not given")
                .hint("name the directory with customize.toml")
        })?;
        merging::demand_directory(dir)?;
        let locked = commit::lock(dir)?;
        let customization = Customization::load(dir)?;
        let work = Work {
            ui,
            context,
            pack: &pack,
            extensions: &extensions,
            locked,
            dry_run: self.dry_run || parsed.dry_run,
            allow_build: self.allow_build || parsed.allow_build,
        };
        work.run(customization, offer, parsed)
    }
}

/// A command that is going to run.
struct Work<'a> {
    ui: Ui,
    context: &'a Context,
    pack: &'a Pack,
    extensions: &'a Extensions,
    locked: commit::Locked,
    dry_run: bool,
    allow_build: bool,
}

impl Work<'_> {
    fn run(&self, customization: Customization, offer: &Offer, parsed: Parsed) -> Result {
        let settings = merging::fit_dir(self.context, self.pack, &customization.dir)?;
        let reference = merging::locked(self.pack);
        trust::check(&self.ui, self.pack, &customization, trust::First::unless(self.dry_run))?;
        customization.check_pack(&reference).map_err(integrity)?;
        // what is altered would be pinned as it is now; what is gone can be installed again
        if altered(&customization) {
            customization.check_lock().map_err(integrity)?;
        }
        let customization = if self.dry_run { customization } else { known(customization, &reference)? };
        let (customization, grants) = grant::obtain(&self.ui, self.pack, customization, offer, reference, self.dry_run)?;

        let commands = self.extensions.commands(&offer.plugin, &offer.wasm, grants)?;
        let indexes = Indexes::new(self.context, self.pack, &customization)?.allowing_builds(self.allow_build);
        // the command works for the first platform, and what it locks is then locked for the others
        let targets = indexes.targets();
        let target = targets.first().ok_or_else(|| CommandError::usage("`targets` is empty"))?;
        let locked = customization.lock.app_plugins_for(target).map_err(app_plugins::no_row)?;
        let plugins: Vec<AppPlugin> = locked.iter().map(LockedPlugin::app_plugin).collect();
        let arguments = parsed.values;
        let invocation = Invocation {
            command: offer.spec.name.clone(),
            arguments: arguments.clone(),
            settings,
            target: target.to_string(),
            dry_run: self.dry_run,
            extra: [(EXTRA_APP_PLUGINS.to_owned(), json(&plugins)?)].into(),
        };
        let reach = reach::Reached::new(&self.ui, self.pack, &indexes)?;
        let mut desk = Desk::new(self.pack, &customization, &offer.def.file);
        let outcome = commands.run(&invocation, &mut desk, &reach);
        let (rows, fetched) = reach.finish();
        let outcome = outcome.map_err(findings::failed)?;
        findings::show(&self.ui, &outcome.diagnostics);

        let after = desk.finish();
        let done = outcome.status == 0;
        let after = if done {
            let keep = keep::Keep {
                context: self.context,
                pack: self.pack,
                before: &customization,
                locked: &locked,
                targets: &targets,
                allow_build: self.allow_build,
            };
            keep.pin(after, &outcome, &arguments, &fetched)?
        } else {
            customization.files.clone()
        };
        let files = changes::list(&customization.files, &after);
        if !self.ui.json() {
            changes::show(&self.ui, &customization.files, &after);
        }
        let written = done && !self.dry_run && !files.is_empty();
        if written {
            self.context.interrupt.is_awaited()?; // what is begun here is finished
            self.locked.commit(&customization.files, &after)?;
        }
        if self.ui.json() {
            let (command, status, summary) = (offer.spec.name.as_str(), outcome.status, outcome.summary.as_str());
            self.ui.report_json(&Report { command, status, summary, rows, files: &files, written })?;
        } else {
            self.ui.note(&outcome.summary);
            if self.dry_run && !files.is_empty() {
                self.ui.note("dry run: nothing was written");
            }
        }
        Ok(if done { Exit::Done } else { Exit::Program(outcome.status) })
    }
}

/// The first key that was agreed to is in the lock, whatever becomes of the command.
fn known(customization: Customization, reference: &LockedPack) -> Result<Customization> {
    let locked = customization.lock.pack.as_ref().and_then(|locked| locked.key);
    if reference.key.is_none() || locked.is_some() {
        return Ok(customization);
    }
    let mut lock = customization.lock.clone();
    lock.know(reference.clone());
    customization.save_lock(&lock)?;
    Ok(Customization::load(&customization.dir)?)
}

/// Is a file another one than the lock pins?
fn altered(customization: &Customization) -> bool {
    let listing = customization.files.listing();
    let rows = customization.lock.app_plugins.iter().filter(|row| row.tree.is_none());
    rows.into_iter().any(|row| listing.get(&row.path).is_some_and(|node| node.digest != row.digest))
}

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| CommandError::new(Exit::Error, error))
}
