//! The operator's directory: `customize.toml`, `customize.lock` and the files for the pack's slots.
//!
//! The directory is read once, as hostile input, into a snapshot; everything here works on that.

mod app_plugins;
mod config;
mod edit;
mod grant;
mod layers;
mod lock;
mod misfits;
mod target;
mod wheel;
mod write;

pub use app_plugins::EquipError;
pub use config::{
    AppPluginWanted, CustomizeToml, DeployRow, FrontOverride, IndexOverride, PackWanted, ProcessOverride, SecretRef, schema,
};
pub use edit::{rename_setting, set_setting, unwant_plugin, want_plugin};
pub use grant::{Decision, Grant};
pub use layers::{BasePath, Layer, LayerError, MAX_LAYERS, directories};
pub use lock::{Lock, LockedPack, LockedPlugin, NoRow, Overridden, Settled, VENDORED, is_vendored};
pub use target::Target;
pub use wheel::{WheelName, normalized};
pub use write::write_atomically;

use crate::{
    document::{Document, DocumentError, Problem, ProblemKind},
    former::Former,
    manifest::Manifest,
    settings::{self, SettingError},
    snapshot::{CaptureError, ReadError, Snapshot},
};
use silver_plugin_api::{Settings, TreePath, customizer::AppPlugin};
use std::path::{Path, PathBuf};

/// The file that says what is customized.
pub const CONFIG: &str = "customize.toml";
/// The file that says what exactly was used; written by silver.
pub const LOCK: &str = "customize.lock";

/// A customization directory, read once.
#[derive(Debug, Clone)]
pub struct Customization {
    /// Where it is.
    pub dir: PathBuf,
    /// `customize.toml`.
    pub config: CustomizeToml,
    /// `customize.lock`; empty when there is none yet.
    pub lock: Lock,
    /// All files, those two included, version control's own left out.
    pub files: Snapshot,
    config_text: String,
    lock_text: String,
    /// What it consists of, the site's own directory first; empty when it stands on no base.
    layers: Vec<Layer>,
}

/// Why a directory is not a customization.
#[derive(Debug, thiserror::Error)]
pub enum CustomizationError {
    /// It cannot be read, or holds what no tree can.
    #[error("cannot use the customization {}", dir.display())]
    Capture {
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: CaptureError,
    },
    /// It has no `customize.toml`.
    #[error("{} is not a customization: it has no customize.toml", dir.display())]
    NoConfig {
        /// The directory.
        dir: PathBuf,
    },
    /// One of the two files cannot be read.
    #[error("cannot read {} of the customization", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ReadError,
    },
    /// One of the two files is wrong, or does not fit the pack.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// It cannot stand on its base.
    #[error(transparent)]
    Layer(#[from] LayerError),
}

impl CustomizationError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Capture { source, .. } => source.hint(),
            Self::NoConfig { .. } => {
                Some("make one with `[pack]` and `id = \"…\"`; `silver inspect PACK` shows the pack's id".into())
            }
            Self::Read { source, .. } => source.hint(),
            Self::Document(error) => error.hint(),
            Self::Layer(error) => error.hint(),
        }
    }
}

impl Customization {
    /// Reads the directory `dir`.
    pub fn load(dir: &Path) -> Result<Self, CustomizationError> {
        let files = Snapshot::capture(dir).map_err(|source| CustomizationError::Capture { dir: dir.into(), source })?;
        Self::from_files(dir, files)
    }

    /// The customization that consists of `files`; `dir` is named in errors and written to.
    pub fn from_files(dir: &Path, files: Snapshot) -> Result<Self, CustomizationError> {
        let read = |name: &str| match files.text(&TreePath::new(name).unwrap_or_default()) {
            Ok(text) => Ok(Some(text)),
            Err(ReadError::Missing { .. }) => Ok(None),
            Err(source) => Err(CustomizationError::Read { path: dir.join(name), source }),
        };
        let config_text = read(CONFIG)?.ok_or_else(|| CustomizationError::NoConfig { dir: dir.into() })?;
        let lock_text = read(LOCK)?.unwrap_or_default();
        let config = config::parse(&config_text, &shown(dir, CONFIG))?;
        let lock = if lock_text.is_empty() { Lock::default() } else { Lock::parse(&lock_text, &shown(dir, LOCK))? };
        Ok(Self { dir: dir.into(), config, lock, files, config_text, lock_text, layers: Vec::new() })
    }

    /// Is this customization for a pack with this manifest, and does it set only what the pack
    /// knows? The values of all settings, or all that does not fit. What `former` had, the version that it was used
    /// with before, is told as gone.
    pub fn fit(&self, manifest: &Manifest, former: Option<&Former>) -> Result<Settings, DocumentError> {
        let (settings, mut errors) = match settings::resolve(manifest, &self.config.settings) {
            Ok(settings) => (settings, Vec::new()),
            Err(errors) => (Settings::new(), errors),
        };
        if let Some(former) = former {
            errors = errors.into_iter().map(|error| error.after(former, manifest)).collect();
        }
        let layers = self.layers();
        // a setting is told where it was written, one that is missing in the site's own file
        let owner = |error: &SettingError| layers.iter().position(|(_, layer)| layer.config.settings.contains_key(error.name()));
        for (number, (_, layer)) in layers.iter().enumerate() {
            let document = Document::parse(&layer.config_text, &shown(&layer.dir, CONFIG))?;
            let mut problems = misfits::misfits(&layer.config, manifest, former, &document);
            let here = errors.iter().filter(|error| owner(error).unwrap_or(0) == number);
            problems.extend(here.map(|error| place(&document, error)));
            if !problems.is_empty() {
                return Err(document.error(problems));
            }
        }
        Ok(settings)
    }

    /// Is every app plugin that is wanted locked?
    pub fn check_wanted(&self) -> Result<(), DocumentError> {
        self.layers().into_iter().try_for_each(|(_, layer)| {
            let document = Document::parse(&layer.config_text, &shown(&layer.dir, CONFIG))?;
            let problems = misfits::not_locked(&layer.config, &layer.lock, &document);
            if problems.is_empty() { Ok(()) } else { Err(document.error(problems)) }
        })
    }

    /// Are the files that the lock pins there, unchanged?
    pub fn check_lock(&self) -> Result<(), DocumentError> {
        self.layers().into_iter().try_for_each(|(_, layer)| layer.check_own_lock())
    }

    fn check_own_lock(&self) -> Result<(), DocumentError> {
        if self.lock_text.is_empty() {
            return Ok(());
        }
        let document = Document::parse(&self.lock_text, &shown(&self.dir, LOCK))?;
        let problems = self.lock.mismatches(&self.files, &document);
        if problems.is_empty() { Ok(()) } else { Err(document.error(problems)) }
    }

    /// Is `pack` (id, version, digest) the one that the lock knows by this version?
    pub fn check_pack(&self, pack: &LockedPack) -> Result<(), DocumentError> {
        self.layers().into_iter().try_for_each(|(_, layer)| layer.check_own_pack(pack))
    }

    fn check_own_pack(&self, pack: &LockedPack) -> Result<(), DocumentError> {
        match &self.lock.pack {
            Some(locked) if locked.id == pack.id && locked.version == pack.version && locked.digest != pack.digest => {
                let document = Document::parse(&self.lock_text, &shown(&self.dir, LOCK))?;
                let message = format!(
                    "the lock knows version {} with digest {}, this pack of the same version has {}",
                    pack.version,
                    locked.digest.short(),
                    pack.digest.short()
                );
                let hint = "if the pack was built again on purpose, take the table [pack] out of customize.lock";
                let kind = ProblemKind::Invalid { message, hint: Some(hint.into()) };
                Err(document.error(vec![document.problem(&["pack", "digest"], kind)]))
            }
            _ => Ok(()),
        }
    }

    /// The app plugins that the lock pins, as plugins of silver get them.
    pub fn app_plugins(&self) -> Vec<AppPlugin> {
        self.lock.app_plugins.iter().map(LockedPlugin::app_plugin).collect()
    }

    /// `customize.toml` as it was read.
    pub fn config_text(&self) -> &str {
        &self.config_text
    }

    /// `customize.lock` with this content, in the layout and with the comments that it has.
    pub fn lock_text_with(&self, lock: &Lock) -> String {
        lock.write_over(&self.lock_text)
    }

    /// Writes `customize.toml` anew.
    pub fn save_config(&self, text: &str) -> std::io::Result<()> {
        write_atomically(&self.dir.join(CONFIG), text.as_bytes())
    }

    /// Writes `customize.lock`, keeping its comments; nothing happens when nothing changed.
    pub fn save_lock(&self, lock: &Lock) -> std::io::Result<()> {
        let text = lock.write_over(&self.lock_text);
        if text == self.lock_text {
            return Ok(());
        }
        write_atomically(&self.dir.join(LOCK), text.as_bytes())
    }
}

fn shown(dir: &Path, name: &str) -> String {
    dir.join(name).display().to_string()
}

fn place(document: &Document<'_>, error: &SettingError) -> Problem {
    let message = error.to_string();
    let kind = ProblemKind::Invalid { message, hint: error.hint() };
    let path = ["settings", error.name()];
    if matches!(error, SettingError::Unknown { .. } | SettingError::Gone { .. }) {
        document.key_problem(&path, kind)
    } else {
        document.bare_problem(&path, kind)
    }
}

#[cfg(test)]
mod tests;
