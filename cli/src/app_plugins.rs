//! The app plugins of a customization: where their indexes are, for which platforms they are locked,
//! and how they come to a merge.

use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    findings,
    ui::Ui,
};
use silver_build::{
    app_plugins::{self, Wanted},
    index::{Consent, DirectoryIndex, IndexError, NpmIndex, PackageIndex, Place, PythonIndex},
    pip::Pip,
    store::Stored,
};
use silver_pack::{
    customization::{Customization, IndexOverride, LockedPlugin, NoRow, Target, is_vendored},
    manifest::IndexKind,
    overlay::Draft,
    pack::Pack,
    snapshot::Snapshot,
};
use silver_plugin_api::{Collision, Digest, Failure, Overlay, Reason, TreePath};
use std::{collections::BTreeMap, path::PathBuf};

/// The indexes of a pack, as a customization has them.
pub struct Indexes<'a> {
    pack: &'a Pack,
    customization: &'a Customization,
    downloads: PathBuf,
    here: Target,
    /// Other places for indexes, those that a base names among them.
    places: BTreeMap<IndexKind, IndexOverride>,
    /// The platforms that the customization or a base names.
    targets: Vec<Target>,
    ui: Ui,
    allow_build: bool,
}

impl<'a> Indexes<'a> {
    /// None is opened yet.
    pub fn new(context: &Context, pack: &'a Pack, customization: &'a Customization) -> Result<Self> {
        let whole = Customization::load_with_bases(&customization.dir)?.config;
        let (places, targets) = (whole.index, whole.targets);
        let downloads = context.dirs()?.cache.join("downloads");
        let (here, ui) = (here(context)?, context.ui.clone());
        Ok(Self { pack, customization, downloads, here, places, targets, ui, allow_build: false })
    }

    /// The same; with `allow`, source packages are built without another question.
    #[must_use]
    pub fn allowing_builds(self, allow: bool) -> Self {
        Self { allow_build: allow, ..self }
    }

    /// Who agrees to the building of a source package: `--allow-build`, or somebody who is asked.
    /// `--yes` does not: it runs code of strangers.
    fn consent(&self) -> Box<Consent> {
        let (ui, allow) = (self.ui.clone(), self.allow_build);
        Box::new(move |name, version, source| {
            let what = format!("{name} {version} (source {})", source.short());
            if allow {
                ui.note(&format!("building {what} in a sandbox without network"));
                return true;
            }
            ui.can_ask() && {
                ui.note(&format!(
                    "There is no wheel of {what}. To build one, code of it has to run: in a sandbox, without network."
                ));
                ui.ask("Build it? [y/N]", "--allow-build")
                    .is_ok_and(|answer| ["y", "yes"].contains(&answer.to_lowercase().as_str()))
            }
        })
    }

    /// Wheels that the lock has from former builds, with the digests of their sources. One that is gone
    /// is left out: it can only be built again.
    fn built(&self) -> Vec<(Stored, Digest)> {
        let rows = self.customization.lock.app_plugins.iter().filter_map(|row| Some((row, row.built_from?)));
        let gone = |_| Err(Failure::NotFound("only what is there counts".into()));
        let files = &self.customization.files;
        let found = |(row, source)| Some((app_plugins::bring(row, files, &self.downloads, &gone).ok()?, source));
        rows.filter_map(found).collect()
    }

    /// The platforms to lock for: those that the customization names, or this machine.
    pub fn targets(&self) -> Vec<Target> {
        match self.targets.as_slice() {
            [] => vec![self.here.clone()],
            targets => targets.to_vec(),
        }
    }

    /// The index of this kind.
    pub fn open(&self, kind: IndexKind) -> std::result::Result<Box<dyn PackageIndex>, IndexError> {
        let other = self.places.get(&kind);
        let url = other.and_then(|other| other.url.clone());
        let folder = other.and_then(|other| other.directory.as_ref());
        let folder = folder.map(|folder| self.customization.dir.join(folder));
        let folder = folder.map(|folder| std::path::absolute(&folder).unwrap_or(folder));
        Ok(match kind {
            IndexKind::Python => {
                let pip = Pip { mirror: url, folder, ..Pip::default() };
                let index =
                    PythonIndex::new(self.pack, pip, &self.downloads)?.of_machine(&self.here).with_consent(self.consent());
                Box::new(index.with_built(&self.built()).map_err(IndexError::Cache)?)
            }
            IndexKind::Directory => {
                let place = url.map(Place::Url).or(folder.map(Place::Folder));
                let key = other.and_then(|other| other.key);
                Box::new(DirectoryIndex::new(self.pack, place, &self.downloads)?.with_key(key))
            }
            IndexKind::Npm => Box::new(NpmIndex::new(self.pack, url, folder, &self.downloads)?),
        })
    }

    /// As [`Self::open`], where all failures are of one kind.
    fn opened(&self, kind: IndexKind) -> std::result::Result<Box<dyn PackageIndex>, Failure> {
        self.open(kind).map_err(|error| Failure::invalid("index", error.to_string(), error.hint().as_deref()))
    }

    /// The rows of everything that the customization wants, for these platforms. `known` are the
    /// rows so far.
    pub fn resolve(&self, targets: &[Target], known: &[LockedPlugin], upgrade: bool) -> Result<Vec<LockedPlugin>> {
        let mut rows = Vec::new();
        for (kind, plugins) in &self.customization.config.plugins {
            let Some(def) = self.pack.manifest().index.get(kind) else { continue };
            let index = self.open(*kind)?;
            for target in targets {
                let wanted = Wanted { plugins, into: def.into(*kind), locked: known, upgrade };
                rows.extend(app_plugins::resolve(&*index, &wanted, target).map_err(findings::failed)?);
            }
        }
        Ok(rows)
    }

    /// `files` with the app plugins of `rows` in the folder for them, and no others.
    pub fn vendor(&self, files: &Snapshot, rows: &[LockedPlugin]) -> Result<Snapshot> {
        let mut draft = Draft::new(files);
        let mut kept = Vec::new();
        for row in rows.iter().filter(|row| row.is_resolved()) {
            let path = app_plugins::vendored(row).map_err(findings::failed)?;
            if kept.contains(&path) {
                continue;
            }
            if files.listing().get(&path).is_none_or(|node| node.digest != row.digest) {
                let stored = app_plugins::bring(row, files, &self.downloads, &|kind| self.opened(kind));
                let content = std::fs::read(stored.map_err(away)?.path)?;
                let why = Reason::new("vendor", []);
                draft.put(&path, &content, false, Collision::Replace, why).map_err(findings::failed)?;
            }
            kept.push(path);
        }
        let stale = files.listing().iter().map(|(path, _)| path).filter(|path| is_vendored(path) && !kept.contains(path));
        for path in stale {
            draft.remove(path, Reason::new("vendor", [])).map_err(findings::failed)?;
        }
        Ok(draft.finish().0)
    }

    /// As [`Self::vendor`], if `files` has vendored app plugins already, or there is one that was built
    /// here and can be had from nowhere else.
    pub fn keep_vendored(&self, files: &Snapshot, rows: &[LockedPlugin]) -> Result<Snapshot> {
        let is_kept =
            files.listing().iter().any(|(path, _)| is_vendored(path)) || rows.iter().any(|row| row.built_from.is_some());
        if is_kept { self.vendor(files, rows) } else { Ok(files.clone()) }
    }

    /// The customization as customizers see it on a platform. What is not there is brought by its
    /// digest.
    fn equip(&self, rows: Vec<LockedPlugin>) -> Result<Customization> {
        let files = &self.customization.files;
        let mut equipped = Vec::new();
        for row in rows {
            let there = files.listing().get(&row.path).is_some() || files.listing().is_dir(&row.path);
            let tree = if there || !row.is_resolved() {
                None
            } else {
                let package = app_plugins::bring_tree(&row, files, &self.downloads, &|kind| self.opened(kind));
                Some(package.map_err(away)?.tree)
            };
            equipped.push((row, tree));
        }
        self.customization.equipped(equipped).map_err(|error| {
            let hint = error.hint();
            CommandError::usage(error).maybe_hint(hint)
        })
    }
}

/// The customization with the app plugins of the platform `target`. Where that is none (`any`), the lock
/// has to be for one platform only.
pub fn equip(context: &Context, pack: &Pack, customization: &Customization, target: &str) -> Result<Customization> {
    let lock = &customization.lock;
    let locked = lock.targets();
    let target = match (target.parse::<Target>(), locked.as_slice()) {
        (Ok(target), _) => Some(target),
        (Err(_), []) => None,
        (Err(_), [only]) => Some(only.clone()),
        (Err(_), several) => {
            let several: Vec<&str> = several.iter().map(Target::as_str).collect();
            let message = format!("app plugins are locked for several platforms: {}", several.join(", "));
            return Err(CommandError::usage(message).hint("name one of them with `--target`"));
        }
    };
    let rows = match target {
        Some(target) => lock.app_plugins_for(&target).map_err(no_row)?,
        None => lock.app_plugins.clone(),
    };
    if rows.is_empty() {
        return customization.equipped(Vec::new()).map_err(|error| CommandError::new(Exit::Error, error));
    }
    Indexes::new(context, pack, customization)?.equip(rows)
}

/// The customization without the app plugins that do not lie in it.
pub fn without(customization: &Customization) -> Result<Customization> {
    let by_hand = customization.lock.app_plugins.iter().filter(|row| !row.is_resolved());
    let by_hand = by_hand.map(|row| (row.clone(), None)).collect();
    customization.equipped(by_hand).map_err(|error| CommandError::new(Exit::Error, error))
}

/// `files` with this text at the path `name`; the same ones when nothing changes.
pub fn put(files: &Snapshot, name: &str, text: &str) -> Result<Snapshot> {
    let path = TreePath::new(name).unwrap_or_default();
    if files.text(&path).is_ok_and(|old| old == text) {
        return Ok(files.clone());
    }
    let mut draft = Draft::new(files);
    let why = Reason::new("silver", []);
    draft.put(&path, text.as_bytes(), false, Collision::Replace, why).map_err(findings::failed)?;
    Ok(draft.finish().0)
}

/// Nothing is locked for a platform.
pub fn no_row(error: NoRow) -> CommandError {
    let hint = error.hint();
    CommandError::usage(error).maybe_hint(hint)
}

/// The failure of bringing a file that is not here.
fn away(failure: Failure) -> CommandError {
    let hint = matches!(failure, Failure::Unavailable(_) | Failure::NotFound(_)).then_some(
        "`silver customize vendor`, run where the index can be reached, keeps app plugins in the customization: an update then needs no index",
    );
    findings::failed(failure).maybe_hint(hint.map(Into::into))
}

/// The platform of this machine.
fn here(context: &Context) -> Result<Target> {
    let path = std::env::var("PATH").unwrap_or_default();
    let facts = silver_agent::facts::facts(&context.dirs()?, &path, 0).map_err(|error| CommandError::new(Exit::Error, error))?;
    platform(&facts).parse().map_err(CommandError::usage)
}

/// What app plugins have to run on: `linux-x86_64-gnu2.36-cp311`.
pub fn platform(facts: &silver_plugin_api::plan::NodeFacts) -> String {
    match facts.extra.get("python.abi") {
        Some(abi) => format!("{}-{abi}", facts.platform),
        None => facts.platform.clone(),
    }
}
