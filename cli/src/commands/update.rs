use crate::{
    app_plugins,
    carry::{How, carry, flags},
    context::Context,
    deployment,
    error::{CommandError, Result},
    exit::Exit,
    kept,
    merging::{self, MergedPack, Opened},
    node, secrets, trust,
};
use semver::Version;
use silver_builtin::{backup::BuiltinBackup, monitoring::Monitoring, runtimes::runtime, services::service};
use silver_core::{
    deploy::{Content, Resolved},
    node::Node,
    plan::{Flags, Wanted},
    resolve::{self, Plugins, resolve},
};
use silver_pack::{customization::Customization, hash, listing::Listing};
use silver_plugin_api::plan::{Deployment, NodeFacts, Subpath};
use std::path::{Path, PathBuf};

/// Deploy a pack, or bring an application to another version, customization or setting
///
/// The pack is merged with the customization, the plan is shown, and nothing changes before it is
/// agreed to. If anything fails, everything is as it was before. `deploy` is another name for it.
#[derive(Debug, clap::Args)]
pub struct Update {
    /// The pack; default: the one that the customization's lock names, if it was deployed from here
    pack: Option<PathBuf>,
    /// Where it shall answer: HOST[/PATH]; default: where it does, or NAME.localhost
    location: Option<String>,
    /// The customization
    #[arg(long, value_name = "DIR")]
    customize: Option<PathBuf>,
    /// The `deploy` row of the customization with this name or node; default: all rows
    #[arg(long, value_name = "ROW")]
    to: Option<String>,
    /// Name of the application; default: the pack's
    #[arg(long, conflicts_with = "to")]
    name: Option<String>,
    /// A setting for this deployment only, instead of the customization's; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
    /// Show the plan and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Why, for the registry
    #[arg(long)]
    reason: Option<String>,
    /// Let an older version replace a newer one
    #[arg(long)]
    allow_downgrade: bool,
    /// The pack and the customization are being written: `SILVER_STAGE` says so, the lock does not
    /// pin the pack and stays as it is.
    #[arg(skip)]
    development: bool,
}

/// One place to deploy to.
struct Target {
    app: String,
    locations: Option<Vec<String>>,
}

impl Update {
    /// For [`super::serve`]: versions go up and down while a pack is written.
    pub fn for_development(app: &str, pack: &Path, customize: Option<&Path>) -> Self {
        Self {
            pack: Some(pack.into()),
            location: None,
            customize: customize.map(Into::into),
            to: None,
            name: Some(app.to_owned()),
            set: Vec::new(),
            dry_run: false,
            reason: Some("silver serve".to_owned()),
            allow_downgrade: true,
            development: true,
        }
    }

    pub fn run(self, context: &Context) -> Result {
        if !self.development {
            context.interrupt.ends_at_once(&context.ui)?;
        }
        let how = merging::How { set: &self.set, development: self.development, first: trust::First::unless(self.dry_run) };
        let pack = match &self.pack {
            Some(pack) => pack.clone(),
            None => self.locked_pack(context)?,
        };
        let opened = merging::open(context, &pack, self.customize.as_deref(), &how)?;
        let mut exit = Exit::Done;
        for target in self.targets(&opened)? {
            // the pack is opened once for all targets, but merged for each: customizers know the name
            let opened = Opened {
                pack: opened.pack.clone(),
                customization: opened.customization.clone(),
                settings: opened.settings.clone(),
            };
            exit = self.deploy(context, opened, target)?;
        }
        Ok(exit)
    }

    /// The pack that the customization was used with the last time, as the registry keeps it.
    fn locked_pack(&self, context: &Context) -> Result<PathBuf> {
        const NAME_IT: &str = "name the pack: `silver update PACK --customize=DIR`";
        let Some(dir) = &self.customize else {
            return Err(CommandError::usage("neither a pack nor a customization was given").hint(NAME_IT));
        };
        merging::demand_directory(dir)?;
        let Some(locked) = Customization::load(dir)?.lock.pack else {
            let message = format!("the customization {} was not used with a pack yet", dir.display());
            return Err(CommandError::usage(message).hint(NAME_IT));
        };
        kept::pack(context, &locked.digest)?.ok_or_else(|| {
            let (id, version, digest) = (&locked.id, &locked.version, locked.digest.short());
            let message = format!("the lock names {id} {version} ({digest}), which was not deployed from this machine");
            CommandError::usage(message).hint(NAME_IT)
        })
    }

    /// Rows of the customization, unless the command line says where.
    fn targets(&self, opened: &Opened) -> Result<Vec<Target>> {
        let default = opened.pack.manifest().pack.name.to_string();
        let rows = opened.customization.as_ref().map(|mine| mine.config.deploy.as_slice()).unwrap_or_default();
        if rows.is_empty() && self.to.is_some() {
            return Err(CommandError::usage("the customization has no [[deploy]] rows to pick from with `--to`"));
        }
        if rows.is_empty() || self.name.is_some() || (self.location.is_some() && self.to.is_none()) {
            let app = self.name.clone().unwrap_or(default);
            return Ok(vec![Target { app, locations: self.location.clone().map(|location| vec![location]) }]);
        }
        let mut targets = Vec::new();
        for row in rows {
            let app = row.name.as_ref().map_or_else(|| default.clone(), ToString::to_string);
            if self.to.as_ref().is_some_and(|to| *to != app && *to != row.node) {
                continue;
            }
            if row.node != silver_transport::local::NAME {
                let error = CommandError::usage(format!("node `{}` cannot be reached: only `local` is supported yet", row.node));
                return Err(error.hint("pick a row with `--to`, or give `--name`"));
            }
            let locations = self.location.clone().map(|location| vec![location]).or(Some(row.locations.clone()));
            targets.push(Target { app, locations: locations.filter(|locations| !locations.is_empty()) });
        }
        if targets.is_empty() {
            return Err(CommandError::usage("no [[deploy]] row of the customization has that name or node"));
        }
        Ok(targets)
    }

    fn deploy(&self, context: &Context, opened: Opened, target: Target) -> Result {
        context.block_on(async {
            let node = node::connect(context)?;
            let facts = node.facts().await?;
            let merged = merging::merge(context, opened, &target.app, &app_plugins::platform(&facts))?;
            let resolved = self.resolve(&merged, &facts, target)?;
            let notes = merged.pack.manifest().pack.notes.as_ref().and_then(|path| merged.merged.tree.text(path).ok());
            let flags = Flags { allow_downgrade: self.allow_downgrade, ..flags()? };
            let choice =
                resolved.plan(&node, &BuiltinBackup, &flags).await.map_err(|error| trust::naming(error, merged.pack.path()))?;
            let ask_secrets = |names: &[&str]| secrets::asked(context, merged.pack.manifest(), names);
            // who edits wants the page, not the plan and the notes each time
            let (unasked, notes) = (self.development, notes.filter(|_| !self.development));
            let how = How { dry_run: self.dry_run, ask_secrets: Some(&ask_secrets), notes, unasked };
            let exit = Box::pin(carry(context, &node, choice, how)).await?;
            if exit == Exit::Done && !self.dry_run && !self.development {
                merged.save_lock()?;
            }
            Ok(exit)
        })
    }

    fn resolve(&self, merged: &MergedPack, facts: &NodeFacts, target: Target) -> Result<Resolved> {
        let (pack, manifest) = (&merged.pack, merged.pack.manifest());
        let (overrides, app_plugins) = (merged.overrides(), merged.app_plugins.clone());
        let silver = Version::parse(env!("CARGO_PKG_VERSION")).map_err(|error| CommandError::new(Exit::Error, error))?;
        let request = resolve::Request {
            app: &target.app,
            pack: &pack.reference(),
            manifest,
            tree: &merged.merged.tree,
            settings: &merged.settings,
            overrides: &overrides,
            app_plugins: &app_plugins,
            facts,
            silver: &silver,
        };
        let mut release = resolve(request, Plugins { runtime: &runtime, service: &service, monitor: &Monitoring })?;
        release.extra.extend(self.development.then(|| ("stage".to_owned(), "development".to_owned())));
        let reasons = merged.merged.reasons.to_json().into_bytes();
        let digest = hash::sha256(&reasons);
        let mine = merged.customization.as_ref();
        let deployment = Deployment {
            loosened: self.allow_downgrade.then(|| "--allow-downgrade".to_owned()).into_iter().collect(),
            customization: mine.map(Customization::digest),
            customization_layers: mine.map(Customization::digests).filter(|layers| layers.len() > 1).unwrap_or_default(),
            reasons: Some(digest),
            customization_revision: mine.and_then(|mine| deployment::revision(&mine.dir)),
            plugins: merged.plugins.clone(),
            app_plugins,
            ..deployment::claimed(self.reason.clone())
        };
        Ok(Resolved {
            wanted: Wanted {
                release,
                tree: Listing::clone(merged.merged.tree.listing()),
                assembled: 0,
                overrides,
                init_settings: manifest.settings_of_init(),
                locations: target.locations,
                migrate: manifest.commands.data_class(),
                min_upgradable: manifest.pack.min_upgradable_version.as_ref().map(ToString::to_string),
                subpath: manifest.front.subpath != Subpath::No,
                archive_bytes: pack.archive_size(),
                deployment,
            },
            content: Content {
                archive: pack.path().into(),
                pack: Listing::clone(pack.tree().listing()),
                blobs: merged.merged.tree.blobs().clone(),
                reasons: merged.merged.reasons.clone(),
                records: vec![(digest, reasons)],
            },
            secrets: secrets::referred(merged.customization.as_ref())?,
        })
    }
}

fn setting(text: &str) -> std::result::Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
