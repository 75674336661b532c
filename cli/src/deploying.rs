//! What `silver update`, `plan`, `apply` and `diff` are told to deploy, and where: read, merged and
//! resolved in one way.

use crate::{
    app_plugins,
    context::Context,
    deployment,
    error::{CommandError, Result},
    exit::Exit,
    kept,
    merging::{self, MergedPack, Opened},
    node,
    nodes::NodesFile,
    secrets, trust,
};
use semver::Version;
use serde::{Deserialize, Serialize};
use silver_builtin::{monitoring::Monitoring, runtimes::runtime, services::service};
use silver_core::{
    deploy::{Content, Resolved},
    plan::{Flags, Wanted},
    resolve::{self, Plugins, resolve},
};
use silver_pack::{customization::Customization, hash, listing::Listing};
use silver_plugin_api::plan::{Deployment, NodeFacts, Subpath};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// What is to be deployed, and where. A plan file keeps it as it was given.
#[derive(Debug, Clone, clap::Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deploying {
    /// The pack; default: the one that the customization's lock names, if it was deployed from here
    pub pack: Option<PathBuf>,
    /// Where it shall answer: HOST[/PATH]; default: where it does, or NAME.localhost
    pub location: Option<String>,
    /// The customization
    #[arg(long, value_name = "DIR")]
    pub customize: Option<PathBuf>,
    /// The `deploy` row of the customization with this name, node or group; default: all rows
    #[arg(long, value_name = "ROW")]
    pub to: Option<String>,
    /// Name of the application; default: the pack's
    #[arg(long, conflicts_with = "to")]
    pub name: Option<String>,
    /// A setting for this deployment only, instead of the customization's; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    pub set: Vec<(String, String)>,
    /// Why, for the registry
    #[arg(long)]
    pub reason: Option<String>,
    /// Let an older version replace a newer one
    #[arg(long)]
    pub allow_downgrade: bool,
    /// Of several nodes: so many seconds one that is ready waits for the others before the switch; default: 180
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<u64>,
    /// The pack and the customization are being written: `SILVER_STAGE` says so, the lock does not
    /// pin the pack and stays as it is.
    #[arg(skip)]
    #[serde(skip)]
    pub development: bool,
}

/// One place to deploy to.
#[derive(Debug, Clone)]
pub struct Target {
    /// The application's name.
    pub app: String,
    /// Where it shall answer; `None`: where it does, or the default.
    pub locations: Option<Vec<String>>,
    /// The nodes that it is deployed to, the one that goes ahead first.
    pub nodes: Vec<String>,
}

/// What goes with a customization wherever it is deployed: programs tell it, so it is found out once for all nodes.
#[derive(Default)]
pub struct Beside {
    /// Of its version control.
    revision: Option<String>,
    /// Values that it refers to, by name.
    secrets: BTreeMap<String, String>,
}

impl Beside {
    /// Asks the version control, and takes the secrets from where they are.
    pub fn of(customization: Option<&Customization>) -> Result<Self> {
        let revision = customization.and_then(|mine| deployment::revision(&mine.dir));
        Ok(Self { revision, secrets: secrets::referred(customization)? })
    }
}

impl Target {
    /// Merges for it, on a node with these facts.
    pub fn merge(&self, context: &Context, opened: &Opened, facts: &NodeFacts) -> Result<MergedPack> {
        // opened once for all targets, but merged for each: customizers know the name
        merging::merge(context, opened.clone(), &self.app, &app_plugins::platform(facts))
    }
}

impl Deploying {
    /// This pack with this customization, and nothing said about where.
    pub fn of(pack: &Path, customize: Option<&Path>) -> Self {
        Self {
            pack: Some(pack.into()),
            location: None,
            customize: customize.map(Into::into),
            to: None,
            name: None,
            set: Vec::new(),
            reason: None,
            allow_downgrade: false,
            wait: None,
            development: false,
        }
    }

    /// Opens pack and customization, while the nodes that are named get ready. `first` is what happens when a publisher's key is seen for the
    /// first time.
    pub fn open(&self, context: &Context, first: trust::First) -> Result<Opened> {
        node::begin(context);
        let how = merging::How { set: &self.set, only_files: false, development: self.development, first };
        let pack = match &self.pack {
            Some(pack) => pack.clone(),
            None => self.locked_pack(context)?,
        };
        merging::open(context, &pack, self.customize.as_deref(), &how)
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
    pub fn targets(&self, context: &Context, opened: &Opened) -> Result<Vec<Target>> {
        let default = opened.pack.manifest().pack.name.to_string();
        let rows = opened.customization.as_ref().map(|mine| mine.config.deploy.as_slice()).unwrap_or_default();
        if rows.is_empty() && self.to.is_some() {
            return Err(CommandError::usage("the customization has no [[deploy]] rows to pick from with `--to`"));
        }
        let said = self.location.clone().map(|location| vec![location]);
        if rows.is_empty() || self.name.is_some() || (self.location.is_some() && self.to.is_none()) {
            let app = self.name.clone().unwrap_or(default);
            return Ok(vec![Target { app, locations: said, nodes: node::selected(context)? }]);
        }
        let mut targets: Vec<Target> = Vec::new();
        let mut elsewhere = false;
        for row in rows {
            let app = row.name.as_ref().map_or_else(|| default.clone(), ToString::to_string);
            if self.to.as_ref().is_some_and(|to| *to != app && to != row.place()) {
                continue;
            }
            let mut nodes = NodesFile::read(context)?.nodes.select(&[row.place().to_owned()])?;
            if !context.nodes.is_empty() {
                let wanted = node::selected(context)?;
                nodes.retain(|node| wanted.contains(node));
            }
            if nodes.is_empty() {
                elsewhere = true;
                continue;
            }
            let twice = |target: &&Target| target.app == app && target.nodes.iter().any(|node| nodes.contains(node));
            if let Some(target) = targets.iter().find(twice) {
                let node = target.nodes.iter().find(|node| nodes.contains(node)).cloned().unwrap_or_default();
                return Err(CommandError::usage(format!(
                    "two [[deploy]] rows of the customization put `{app}` on node `{node}`"
                ))
                .hint("`--to` picks one of them, by its node or group"));
            }
            let locations = said.clone().or(Some(row.locations.clone())).filter(|locations| !locations.is_empty());
            targets.push(Target { app, locations, nodes });
        }
        if targets.is_empty() {
            let of = if elsewhere { "those of `--node`" } else { "that name, node or group" };
            return Err(CommandError::usage(format!("no [[deploy]] row of the customization has {of}"))
                .hint("with `--name NAME`, rows do not matter"));
        }
        Ok(targets)
    }

    /// The flags that this deployment is planned with, under a name of its own.
    pub fn flags(&self) -> Result<Flags> {
        Ok(Flags { allow_downgrade: self.allow_downgrade, ..crate::carry::flags()? })
    }

    /// The release, where its bytes are, and the secrets that go with it.
    pub fn resolve(&self, merged: &MergedPack, facts: &NodeFacts, target: &Target, beside: &Beside) -> Result<Resolved> {
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
            customization_revision: beside.revision.clone(),
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
                locations: target.locations.clone(),
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
            secrets: beside.secrets.clone(),
        })
    }
}

/// `NAME=VALUE`, as the command line gives a setting.
pub fn setting(text: &str) -> std::result::Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
