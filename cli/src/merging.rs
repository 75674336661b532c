//! A pack and a customization on their way to a merged tree; shared by all commands that need one.

use crate::{
    app_plugins,
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    extensions, findings, kept, known_packs, moment, operator, trust,
};
use jiff::Timestamp;
use silver_core::resolve::{Overrides, ProcessOverride};
use silver_extensions::{Plugin, WasmCustomizer};
use silver_pack::{
    commit,
    customization::{self, Customization, Lock, LockedPack, Settled, set_setting},
    document::DocumentError,
    former::Former,
    hash,
    manifest::{ByteSize, Manifest, SettingDef, SettingType, World},
    merge::{self, Layer, Look, MergeError, Merged},
    overlay::OverlayLimits,
    overlay_customizer::{self, OverlayCustomizer},
    overrides,
    pack::Pack,
    settings::{self, SettingError},
};
use silver_plugin_api::{Digest, Settings, Severity};
use std::{cell::OnceCell, collections::BTreeMap, path::Path};

/// A pack and a customization that fits it.
#[derive(Clone)]
pub struct Opened {
    /// The pack.
    pub pack: Pack,
    /// The customization, if one was given.
    pub customization: Option<Customization>,
    /// All settings.
    pub settings: Settings,
}

/// How a pack and a customization are opened.
#[derive(Default)]
pub struct How<'a> {
    /// Settings instead of the customization's, as the command line has them.
    pub set: &'a [(String, String)],
    /// Only files are wanted. Without a customization they are the pack's, whatever its settings are.
    pub only_files: bool,
    /// The pack is being written: its bytes and its publisher need not be those that the lock knows.
    pub development: bool,
    /// What happens when a publisher's key is seen for the first time.
    pub first: trust::First,
}

/// Opens both and checks that they fit: id, version, settings, lock. Settings that have no default
/// are asked for and written into `customize.toml`.
pub fn open(context: &Context, pack: &Path, customize: Option<&Path>, how: &How<'_>) -> Result<Opened> {
    let pack = known_packs::open(context, pack)?;
    let set = given(pack.manifest(), how.set)?;
    let Some(dir) = customize else {
        let settings = match settings::resolve(pack.manifest(), &set) {
            Ok(settings) => settings,
            Err(_) if how.only_files => Settings::new(),
            Err(errors) => return Err(no_customization(&errors)),
        };
        return Ok(Opened { pack, customization: None, settings });
    };
    demand_directory(dir)?;
    // what a killed `manage-app` left is finished first; one that is still at work is an error
    for dir in customization::directories(dir)? {
        drop(commit::lock(&dir)?);
    }
    let customization = load(dir, &set)?;
    if !how.development && customization.config.pack.id == pack.manifest().pack.id {
        trust::check(&context.ui, &pack, &customization, how.first)?;
    }
    let customization = ask_for_settings(context, &pack, customization, &set)?;
    let settings = fit(context, &pack, &customization).map_err(|error| unfit(context, &pack, &customization, error))?;
    if !how.development {
        customization.check_pack(&locked(&pack)).map_err(integrity)?;
    }
    customization.check_wanted()?;
    customization.check_lock().map_err(integrity)?;
    Ok(Opened { pack, customization: Some(customization), settings })
}

/// What else stops an update to another version of the pack is told with it, not after it.
fn unfit(context: &Context, pack: &Pack, customization: &Customization, error: DocumentError) -> CommandError {
    let used = customization.lock.pack.as_ref();
    let another = used.is_some_and(|used| used.id == pack.manifest().pack.id && used.digest != pack.digest());
    let Some(Ok(look)) = another.then(|| look(context, pack, customization, &|| former(context, pack, Some(customization))))
    else {
        return error.into();
    };
    let mut findings = overrides::conflicts(&look.overrides);
    findings.extend(look.diagnostics.into_iter().filter(|finding| finding.severity == Severity::Error));
    if findings.is_empty() {
        return error.into();
    }
    let more = MergeError::Findings(findings);
    let hints = [error.hint(), more.hint()];
    let told = CommandError::usage(format!("{error}\n{more}"));
    hints.into_iter().fold(told, CommandError::maybe_hint)
}

/// The settings of the customization, if it fits the pack.
fn fit(context: &Context, pack: &Pack, customization: &Customization) -> std::result::Result<Settings, DocumentError> {
    fit_after(pack, customization, &|| former(context, pack, Some(customization)))
}

/// As [`Customization::fit`]; the version that it was used with before is looked for only when something does not fit.
pub fn fit_after(
    pack: &Pack,
    customization: &Customization,
    former: &dyn Fn() -> Option<Former>,
) -> std::result::Result<Settings, DocumentError> {
    let manifest = pack.manifest();
    customization.fit(manifest, None).or_else(|error| match former() {
        Some(former) => customization.fit(manifest, Some(&former)),
        None => Err(error),
    })
}

/// The settings of the customization in `dir`, its bases among them, if it fits the pack. For commands that work
/// on the site's own directory.
pub fn fit_dir(context: &Context, pack: &Pack, dir: &Path) -> Result<Settings> {
    Ok(fit(context, pack, &Customization::load_with_bases(dir)?)?)
}

/// Before it is locked, which would be a riddle for who mistyped its name.
pub fn demand_directory(dir: &Path) -> Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    Err(CommandError::usage(format!("there is no directory `{}`", dir.display()))
        .hint("a customization is a directory with a customize.toml"))
}

/// A digest that is not the lock's.
pub fn integrity(error: DocumentError) -> CommandError {
    CommandError { exit: Exit::Integrity, ..error.into() }
}

/// The pack as the lock names it.
pub fn locked(pack: &Pack) -> LockedPack {
    let info = &pack.manifest().pack;
    LockedPack {
        id: info.id.clone(),
        version: info.version.clone(),
        digest: pack.digest(),
        key: pack.signature().map(|signature| signature.key),
    }
}

fn no_customization(errors: &[SettingError]) -> CommandError {
    let names: Vec<String> = errors.iter().map(|error| format!("`{}`", error.name())).collect();
    let error = CommandError::usage(format!("the pack wants settings that have no default: {}", names.join(", ")));
    error.hint("give them in a customization: a directory with a customize.toml, `--customize=DIR`; `update`, `plan` and `diff` take `--set NAME=VALUE`, too")
}

/// The settings of the command line, checked.
fn given(manifest: &Manifest, set: &[(String, String)]) -> Result<BTreeMap<String, serde_json::Value>> {
    let one = |(name, text): &(String, String)| {
        let known = || manifest.settings.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let def = manifest.settings.get(name.as_str()).ok_or_else(|| {
            CommandError::usage(format!("the pack has no setting `{name}`")).hint(format!("it has {}", known()))
        })?;
        let value = value(def, text);
        settings::text(def, &value).map_err(|why| CommandError::usage(format!("`--set {name}`: {why}")))?;
        Ok((name.clone(), value))
    };
    set.iter().map(one).collect()
}

/// What a person typed, as `customize.toml` would have it.
fn value(def: &SettingDef, text: &str) -> serde_json::Value {
    match def.kind {
        SettingType::List => text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect(),
        _ => serde_json::Value::from(text),
    }
}

/// The customization with the settings of the command line.
fn load(dir: &Path, set: &BTreeMap<String, serde_json::Value>) -> Result<Customization> {
    let mut customization = Customization::load_with_bases(dir)?;
    customization.config.settings.extend(set.clone());
    Ok(customization)
}

/// Asks for what has no default; a customization that does not fit for other reasons stays as it is.
fn ask_for_settings(
    context: &Context,
    pack: &Pack,
    customization: Customization,
    set: &BTreeMap<String, serde_json::Value>,
) -> Result<Customization> {
    let manifest = pack.manifest();
    let Err(errors) = settings::resolve(manifest, &customization.config.settings) else { return Ok(customization) };
    if customization.config.pack.id != manifest.pack.id || !context.ui.can_ask() {
        return Ok(customization);
    }
    let mut text = customization.config_text().to_owned();
    for error in &errors {
        let (SettingError::Missing { name, prompt }, Some(def)) = (error, manifest.settings.get(error.name())) else {
            return Ok(customization);
        };
        loop {
            let instead = format!("`{name} = …` below [settings] of customize.toml");
            let answer = context.ui.ask(&format!("{}:", prompt.as_deref().unwrap_or(name)), &instead)?;
            let value = value(def, &answer);
            match settings::text(def, &value) {
                Ok(_) => {
                    text = set_setting(&text, name, &value)?;
                    break;
                }
                Err(why) => context.ui.warning(&why),
            }
        }
    }
    customization.save_config(&text)?;
    load(&customization.dir, set)
}

/// A merged pack.
pub struct MergedPack {
    /// The pack.
    pub pack: Pack,
    /// The customization, if one was given.
    pub customization: Option<Customization>,
    /// All settings.
    pub settings: Settings,
    /// The tree, and why it is as it is.
    pub merged: Merged,
    /// The pack's plugins that took part: file, digest.
    pub plugins: Vec<(String, Digest)>,
    /// App plugins that took part: name, version.
    pub app_plugins: Vec<(String, String)>,
}

/// The customizers that a merge runs.
struct Customizers {
    /// Those of the pack's plugins: file, digest, itself.
    plugins: Vec<(String, Digest, WasmCustomizer)>,
    /// The built-in one, for the slots.
    overlay: bool,
}

impl Customizers {
    /// Those of the pack; without a customization they do not run.
    fn of(context: &Context, pack: &Pack, customized: bool) -> Result<Self> {
        let manifest = pack.manifest();
        let mut plugins: Vec<(String, Digest, WasmCustomizer)> = Vec::new();
        let components = manifest.plugin.iter().filter(|plugin| plugin.world == World::CustomizerPlugin);
        let mut host = None;
        for plugin in components.filter(|_| customized) {
            let host = match &mut host {
                Some(host) => host,
                none => none.insert(extensions::open(context)?),
            };
            let (wasm, digest) = pack.tree().content(&plugin.file)?;
            let known = Plugin::new(format!("{}-{}: {}", manifest.pack.name, manifest.pack.version, plugin.file)).checked(digest);
            plugins.push((plugin.file.to_string(), digest, host.customizer(&known, &wasm)?));
        }
        let overlay = plugins.is_empty() || !manifest.slot.is_empty();
        Ok(Self { plugins, overlay })
    }

    fn layers(&self) -> Vec<Layer<'_>> {
        let mut layers = Vec::new();
        if self.overlay {
            let digest = hash::sha256(overlay_customizer::VERSION.as_bytes());
            layers.push(Layer { name: "overlay".into(), digest, customizer: &OverlayCustomizer });
        }
        for (file, digest, customizer) in &self.plugins {
            layers.push(Layer { name: file.clone(), digest: *digest, customizer });
        }
        layers
    }
}

/// The pack that the lock knows, when it is another one and was deployed here.
pub fn former(context: &Context, pack: &Pack, customization: Option<&Customization>) -> Option<Former> {
    let locked = customization?.lock.pack.as_ref();
    let locked = locked.filter(|locked| locked.id == pack.manifest().pack.id && locked.digest != pack.digest())?;
    // what cannot be found or read is not compared
    kept::former(context, &locked.digest).ok().flatten()
}

/// Merges. `app` is the application's name, `target` its platform (`linux-x86_64-gnu2.36-cp311`). Warnings
/// are shown.
pub fn merge(context: &Context, opened: Opened, app: &str, target: &str) -> Result<MergedPack> {
    let Opened { pack, customization, settings } = opened;
    let customizers = Customizers::of(context, &pack, customization.is_some())?;
    let equipped = customization.as_ref().map(|mine| app_plugins::equip(context, &pack, mine, target)).transpose()?;
    let options = merge::options(pack.manifest(), equipped.as_ref(), app, settings.clone(), target);
    let before = OnceCell::new();
    let merged = merge::merge(&merge::Input {
        app: pack.tree(),
        manifest: pack.manifest(),
        customization: equipped.as_ref(),
        layers: &customizers.layers(),
        options: &options,
        limits: OverlayLimits::default(),
        cache: Some(&context.dirs()?.cache.join("merges")),
        former: Some(&|| before.get_or_init(|| former(context, &pack, customization.as_ref())).clone()),
    })?;
    findings::show(&context.ui, &merged.diagnostics);
    let plugins = customizers.plugins.iter().map(|(file, digest, _)| (file.clone(), *digest)).collect();
    let app_plugins = equipped.iter().flat_map(|equipped| &equipped.lock.app_plugins);
    let app_plugins = app_plugins.map(|plugin| (plugin.name.clone(), plugin.version.clone())).collect();
    Ok(MergedPack { pack, customization, settings, merged, plugins, app_plugins })
}

/// How a customization stands to a pack that it need not fit. `before` gives the pack that it was made for.
pub fn look(context: &Context, pack: &Pack, customization: &Customization, before: &dyn Fn() -> Option<Former>) -> Result<Look> {
    let customizers = Customizers::of(context, pack, true)?;
    let manifest = pack.manifest();
    // what app plugins bring is nobody's to settle, and need not be fetched
    let customization = &app_plugins::without(customization)?;
    // settings that do not fit are told elsewhere; none may be missing for the customizers' sake
    let settings = settings::resolve(manifest, &customization.config.settings).unwrap_or_default();
    let options = merge::options(manifest, Some(customization), &manifest.pack.name, settings, "any");
    let input = merge::Input {
        app: pack.tree(),
        manifest,
        customization: Some(customization),
        layers: &customizers.layers(),
        options: &options,
        limits: OverlayLimits::default(),
        cache: Some(&context.dirs()?.cache.join("merges")),
        former: Some(before),
    };
    Ok(merge::look(&input, customization)?)
}

impl MergedPack {
    /// What the pack tells a person once it is deployed.
    pub fn notes(&self) -> Option<String> {
        let notes = self.pack.manifest().pack.notes.as_ref()?;
        self.merged.tree.text(notes).ok()
    }

    /// What the operator wants otherwise than the pack.
    pub fn overrides(&self) -> Overrides {
        let Some(mine) = &self.customization else { return Overrides::default() };
        let process = |process: &customization::ProcessOverride| ProcessOverride {
            count: process.count,
            memory: process.memory.map(ByteSize::bytes),
        };
        Overrides {
            env: mine.config.env.clone(),
            processes: mine.config.processes.iter().map(|(name, def)| (name.to_string(), process(def))).collect(),
            canonical: mine.config.front.canonical,
        }
    }

    /// Writes into the lock which pack was used and from which files the overrides were made.
    pub fn save_lock(&self) -> Result<()> {
        let Some(customization) = &self.customization else { return Ok(()) };
        let mut lock: Lock = customization.own().lock.clone();
        lock.pack = Some(locked(&self.pack));
        let version = self.pack.manifest().pack.version.clone();
        let settled = Settled { by: operator::claimed(), version, at: moment::seconds(&Timestamp::now().to_string()) };
        lock.overrides = customization.own_overrides(overrides::rows(&self.merged.overrides, &settled));
        Ok(customization.save_lock(&lock)?)
    }
}
